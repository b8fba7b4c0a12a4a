"""Scenes for mamba_multimodal: coloured shapes, some with a digit, near the middles of a 3x3 grid, and questions about them.
Everything follows from a numpy generator."""
import numpy
from PIL import Image, ImageDraw, ImageFont

SIZE = 96
COLOURS = {"red": (220, 40, 40), "green": (40, 170, 60), "blue": (50, 80, 225), "yellow": (240, 215, 40),
           "purple": (150, 60, 190), "orange": (245, 135, 25)}
NAMES, SHAPES = list(COLOURS), ["circle", "square", "triangle", "star", "cross"]
PLACES = ["top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right"]
KINDS = ["colour", "shape", "digit", "count", "position", "exists"]
# A tenth of the pairs of colour and shape: neither drawn nor asked for in training.
HELD_OUT = {("green", "star"), ("purple", "square"), ("orange", "cross")}
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"
NO_IMAGE = "no image"
fonts = {}


def plural(shape):
    return shape + ("es" if shape == "cross" else "s")


def scene(r, low=3, high=6, held_out=False):
    """Cell (0 to 8) -> (colour, shape, digit or None). Few colours and shapes, so that some repeat.

    held_out: one object or more has a pair of HELD_OUT; otherwise none has."""
    while True:
        colours, shapes = r.permutation(6)[: r.integers(2, 6)], r.permutation(5)[: r.integers(2, 5)]
        cells = sorted(int(c) for c in r.permutation(9)[: r.integers(low, high + 1)])
        found = {}
        for cell in cells:
            pair = NAMES[r.choice(colours)], SHAPES[r.choice(shapes)]
            while pair in HELD_OUT and not held_out:
                pair = NAMES[int(r.integers(6))], SHAPES[int(r.integers(5))]
            found[cell] = (*pair, int(r.integers(10)) if r.random() < 0.6 else None)
        if not held_out or any(o[:2] in HELD_OUT for o in found.values()):
            return found


def outline(shape, x, y, s):
    if shape == "square":
        a = 0.85 * s
        return [(x - a, y - a), (x + a, y - a), (x + a, y + a), (x - a, y + a)]
    if shape == "triangle":
        return [(x, y - 1.15 * s), (x + 1.1 * s, y + 0.8 * s), (x - 1.1 * s, y + 0.8 * s)]
    if shape == "star":
        turns = [(s * (1.2, 0.6)[k % 2], k * numpy.pi / 5) for k in range(10)]
        return [(x + far * numpy.sin(turn), y - far * numpy.cos(turn)) for far, turn in turns]
    a, b = 1.05 * s, 0.4 * s
    corners = ((-b, -a), (b, -a), (b, -b), (a, -b), (a, b), (b, b), (b, a), (-b, a), (-b, b), (-a, b), (-a, -b), (-b, -b))
    return [(x + p, y + q) for p, q in corners]


def draw(objects, r):
    """U8 (3, SIZE, SIZE); drawn twice as large."""
    base = tuple(int(v) for v in r.integers(200, 256) + r.integers(-12, 1, 3))
    image = Image.new("RGB", (2 * SIZE, 2 * SIZE), base)
    pen = ImageDraw.Draw(image)
    for cell, (colour, shape, digit) in objects.items():
        s = r.uniform(9.5, 12.5) * 2
        x, y = (32 * (cell % 3) + 16 + r.uniform(-3, 3)) * 2, (32 * (cell // 3) + 16 + r.uniform(-3, 3)) * 2
        fill = tuple(int(v) for v in numpy.clip(numpy.array(COLOURS[colour]) + r.integers(-18, 19, 3), 0, 255))
        if shape == "circle":
            pen.ellipse((x - s, y - s, x + s, y + s), fill)
        else:
            pen.polygon(outline(shape, x, y, s), fill)
        if digit is not None:
            if "digits" not in fonts:
                fonts["digits"] = ImageFont.truetype(FONT, 26, layout_engine=ImageFont.Layout.BASIC)
            ink = "black" if colour in ("yellow", "orange") else "white"
            pen.text((x, y + (0.1 * s if shape == "triangle" else 0)), str(digit), ink, fonts["digits"], "mm")
    x = numpy.asarray(image.reduce(2), numpy.int16) + r.integers(-6, 7, (SIZE, SIZE, 3), numpy.int16)
    return numpy.clip(x, 0, 255).astype(numpy.uint8).transpose(2, 0, 1)


def pick(r, items):
    return items[int(r.integers(len(items)))] if items else None


def names_of(objects, but=()):
    """What singles out one object: (its cell, words after "the", which attribute they use), but for some attributes."""
    found = []
    values = list(objects.values())
    for cell, (colour, shape, digit) in objects.items():
        if "colour" not in but and "shape" not in but and sum(o[:2] == (colour, shape) for o in values) == 1:
            found.append((cell, f"{colour} {shape}", "pair"))
        if "colour" not in but and sum(o[0] == colour for o in values) == 1:
            found.append((cell, f"{colour} shape", "colour"))
        if "shape" not in but and sum(o[1] == shape for o in values) == 1:
            found.append((cell, shape, "shape"))
        if "digit" not in but and digit is not None and sum(o[2] == digit for o in values) == 1:
            found.append((cell, f"shape with {digit}", "digit"))
        if "position" not in but:
            found.append((cell, f"shape at the {PLACES[cell]}", "position"))
    return found


def chosen(r, found):
    """One of the names: first which attribute, then which object, so that the attributes are balanced."""
    kind = pick(r, sorted({name[2] for name in found}))
    return pick(r, [name for name in found if name[2] == kind])


def question(objects, kind, r):
    """(question, answer), or None where the scene has none of this kind."""
    colours, shapes = [o[0] for o in objects.values()], [o[1] for o in objects.values()]
    pairs = list(zip(colours, shapes))
    if kind == "colour":
        cell, name, _ = chosen(r, names_of(objects, ("colour",)))
        return f"what {'color' if r.random() < 0.25 else 'colour'} is the {name}?", objects[cell][0]
    if kind == "shape":
        cell, name, _ = chosen(r, [n for n in names_of(objects) if n[2] not in ("pair", "shape")])
        asked = f"what shape is the {name}?".replace(" shape?", " one?").replace("the shape", "the one")
        return asked, objects[cell][1]
    if kind == "digit":
        found = [n for n in names_of(objects, ("digit",)) if objects[n[0]][2] is not None or r.random() < 0.15]
        if not found:
            return None
        cell, name, _ = chosen(r, found)
        digit = objects[cell][2]
        return f"which digit is on the {name}?", "none" if digit is None else str(digit)
    if kind == "count":
        way = r.random()
        if way < 0.1:
            return "how many shapes?", str(len(objects))
        if way < 0.4:
            names, found, words = NAMES, colours, lambda v: f"{v} shapes"
        elif way < 0.7:
            names, found, words = SHAPES, shapes, plural
        else:
            names = [(c, s) for c in NAMES for s in SHAPES if (c in colours or s in shapes) and allowed(c, s, pairs)]
            found, words = pairs, lambda v: f"{v[0]} {plural(v[1])}"
        # Each number that the scene allows is as likely as the others.
        count = pick(r, sorted({found.count(v) for v in names}))
        value = pick(r, [v for v in names if found.count(v) == count])
        return f"how many {words(value)}?", str(count)
    if kind == "position":
        found = names_of(objects, ("position",))
        if not found:
            return None
        cell, name, _ = chosen(r, found)
        return f"where is the {name}?", PLACES[cell]
    if r.random() < 0.5:
        colour, shape = pick(r, pairs)
        answer = "yes"
    else:  # The colour and the shape are both there, if it can be, but not together.
        near = [(c, s) for c in NAMES if c in colours for s in SHAPES if s in shapes and (c, s) not in pairs]
        far = [(c, s) for c in NAMES for s in SHAPES if (c, s) not in pairs and (c in colours or s in shapes)]
        colour, shape = pick(r, [p for p in near if allowed(*p, pairs)] or [p for p in far if allowed(*p, pairs)])
        answer = "no"
    return f"is there {'an' if colour[0] == 'o' else 'a'} {colour} {shape}?", answer


def allowed(colour, shape, pairs):
    """Whether a question may speak of a pair: of a held-out one only in a scene that has one."""
    return (colour, shape) not in HELD_OUT or any(pair in HELD_OUT for pair in pairs)


def description(objects):
    words = (f"{PLACES[cell]}: {c} {s}{'' if d is None else f' {d}'}" for cell, (c, s, d) in objects.items())
    return "; ".join(words)


def asked(objects, kind, r):
    """A row of text as (piece, is it an answer) pairs, or None. The kind `describe` is of every object in turn."""
    found = ("describe the image.", description(objects)) if kind == "describe" else question(objects, kind, r)
    return found and [(found[0] + "\n", False), (found[1] + "\0", True)]


def varied(row, r):
    """The same question as people may type it: with a capital, or without the last mark."""
    text = row[0][0]
    if r.random() < 0.15:
        text = text.capitalize()
    if r.random() < 0.1:
        text = text.rstrip("?.\n") + "\n"
    return [(text, False), row[1]]


def cells(objects, r, count=5):
    """Reads `count` cells in any order: `5 none;2 purple circle 1;`. The densest way to ask: a byte, then what is there."""
    order = [int(c) for c in r.permutation(9)]
    order = ([c for c in order if c in objects][:4] + [c for c in order if c not in objects])[:count]
    row = []
    for c in r.permutation(order):
        words = objects.get(int(c), ("none",))
        row += [(f"{c + 1} ", False), (" ".join(str(w) for w in words if w is not None) + ";", True)]
    return row


def lookups(objects, r, count=5):
    """The other way round: `where star top left;colour shape with 7 red;`: a name that singles out one object, and an attribute."""
    row = []
    for _ in range(count):
        kind = pick(r, ["where", "colour", "shape", "digit"])
        found = names_of(objects, ("position",) if kind == "where" else ("position", kind))
        if found:
            cell, name, _ = chosen(r, found)
            colour, shape, digit = objects[cell]
            answer = {"where": PLACES[cell], "colour": colour, "shape": shape, "digit": "none" if digit is None else str(digit)}
            row += [(f"{kind} {name} ", False), (answer[kind] + ";", True)]
    return row or cells(objects, r)
