"""Lines of printed text for ocr_native: what they say and how they look. Everything follows from a numpy generator."""
import functools
import glob
import io
import pathlib
import string

import numpy
from PIL import Image, ImageDraw, ImageFilter, ImageFont

import corpus

HEIGHT, CHARACTERS = 32, "".join(map(chr, range(32, 127)))
ROOT = "/usr/share/fonts/"
# Half of the lines are set in MAIN, whose faces the tests call trained; half in MORE, so that other faces are read too.
MAIN = ("truetype/dejavu", "truetype/liberation2", "truetype/freefont")
MORE = (
    "truetype/lato", "truetype/open-sans", "truetype/crosextra", "opentype/linux-libertine",
    "opentype/didot", "truetype/fonts-oldstandard", "truetype/cmu", "fonts-go", "truetype/inconsolata",
    "truetype/jetbrains-mono", "truetype/hack",
)
# Without letters of their own (formulas, small capitals, initials), or with strokes that vanish at 32 rows.
LEFT_OUT = (
    "MathTeXGyre", "Smallcaps", "Biolinum_K", "Libertine_I", "Lato-Hairline", "Lato-Thin", "Mono-Thin", "cmunbbx",
)
NARROW = "'`.,:;!|lIi1tjfr-_\"()[]{}/\\"
WORDS = pathlib.Path("/usr/share/dict/american-english")


def faces(folders):
    found = [f for folder in folders for f in glob.glob(f"{ROOT}{folder}/*.[to]tf")]
    found = sorted(f for f in found if not any(part in f for part in LEFT_OUT))
    if not found:
        raise SystemExit(f"no fonts in {', '.join(folders)}: see README.md for what to install")
    return found


@functools.cache
def trained_faces():
    """(MAIN, MORE)"""
    return faces(MAIN), faces(MORE)


@functools.lru_cache(4096)
def font(path, size):
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


@functools.cache
def prose():
    books = (text for name, text in corpus.books().items() if name not in corpus.HELD_OUT)
    return " ".join(b"".join(books).decode("ascii", "ignore").split())


@functools.cache
def words():
    return [w for w in WORDS.read_text().split() if w.isascii()]


def salad(r, count):
    """Words in no order, with the marks and figures of prose: `count` characters or a little more."""
    found = ""
    while len(found) < count:
        kind = r.random()
        word = words()[int(r.integers(len(words())))]
        if kind < 0.12:
            word = f"{int(r.integers(10 ** int(r.integers(1, 6))))}"
        elif kind < 0.17:
            word = f"({word})" if r.random() < 0.6 else f'"{word}"'
        elif kind < 0.2:
            word = f"{word}-{words()[int(r.integers(len(words())))]}"
        elif kind < 0.35:
            word = word.capitalize()
        end = r.random()
        found += word + (", " if end < 0.08 else ". " if end < 0.14 else "; " if end < 0.16 else ": " if end < 0.18 else
                         "! " if end < 0.19 else "? " if end < 0.2 else " - " if end < 0.21 else " ")
    return found


def runs(r, count):
    """Words with doubled and tripled marks, most of them narrow: `abllcd .. '''x`."""
    alphabet, found = string.ascii_letters + string.digits, ""
    pick = lambda letters, n: "".join(letters[i] for i in r.integers(0, len(letters), n))
    while len(found) < count:
        mark = pick(NARROW if r.random() < 0.65 else CHARACTERS[1:], 1) * int(r.choice([2, 2, 3]))
        found += pick(alphabet, int(r.integers(0, 4))) + mark + pick(alphabet, int(r.integers(0, 4)))
        found += " " if r.random() < 0.6 else ""
    return found


def doubled(r, count):
    """As `runs`, but nearly every mark is narrow or round, and the letters beside it are such whose case is their size only."""
    pick = lambda letters, n: "".join(letters[i] for i in r.integers(0, len(letters), n))
    letters, found = string.ascii_letters + 3 * "cCoOpPsSuUvVwWxXyYzZ", ""
    while len(found) < count:
        kind = r.random()
        mark = pick(NARROW if kind < 0.7 else "oOeEaA1I0lmMnNwW" if kind < 0.9 else CHARACTERS[1:], 1)
        found += pick(letters, int(r.integers(0, 4))) + mark * int(r.choice([1, 2, 2, 3, 3])) + pick(letters, int(r.integers(0, 4)))
        found += " " if r.random() < 0.6 else ""
    return found


def rule(r, count):
    """A line drawn with one mark, as texts have between their parts; some with spaces between, some after words."""
    mark = "-=*_.#~+"[int(r.integers(8))]
    text = (mark + " ") * (count // 2) if r.random() < 0.25 else mark * count
    if r.random() < 0.3:
        words = salad(r, count // 2)[: count // 2].strip()
        text = words + " " + text[len(words) + 1 :]
    return text[:count].strip()


def random_text(r, count):
    """Any characters; letters and digits, numbers, words with marks; runs."""
    kind = r.random()
    if kind < 0.18:
        return runs(r, count)[:count]
    alphabet = (CHARACTERS[1:] if kind < 0.65 else string.ascii_letters + string.digits if kind < 0.78 else
                string.digits + "-/.,:$%()+#" if kind < 0.87 else string.ascii_lowercase + "il1|IjtfrJ.,'`:;!")
    text = "".join(alphabet[i] for i in r.integers(0, len(alphabet), count))
    at = int(r.integers(1, 10))
    while at < count - 1:
        text = text[:at] + " " + text[at + 1 :]
        at += int(r.integers(3, 11))
    return text


def text_of(r, low, high):
    """A line of `low` to `high` characters, without spaces at its ends: half prose, half random."""
    count = int(r.integers(low, high + 1))
    if r.random() < 0.5:
        return random_text(r, count).strip()
    if r.random() < 0.35:
        text = salad(r, count)[:count].strip()
    else:
        at = prose().find(" ", int(r.integers(0, len(prose()) - 200))) + 1
        text = prose()[at : at + count].strip()
    how = r.random()
    return text.upper() if how < 0.08 else text.title() if how < 0.12 else text


def trained_face(r):
    main, more = trained_faces()
    chosen = main if r.random() < 0.5 else more
    return chosen[int(r.integers(len(chosen)))]


def drawn(text, path, size, r, thin):
    """The line in ink on nothing, as large as its font; thin: with less of each stroke."""
    f = font(path, 2 * size if thin else size)
    box, m = f.getbbox(text), 12
    image = Image.new("L", (box[2] - box[0] + 2 * m, box[3] - box[1] + 2 * m))
    ImageDraw.Draw(image).text((m - box[0], m - box[1]), text, fill=255, font=f)
    if not thin:
        return image
    # At twice the size a stroke loses half a pixel on each side; where that would leave nothing, it stays.
    thinned = image.filter(ImageFilter.MinFilter(3))
    if numpy.asarray(thinned).sum() > 0.35 * numpy.asarray(image).sum():
        image = Image.blend(image, thinned, float(r.uniform(0.5, 1)))
    return image.reduce(2)


def render(text, r, path, degraded, clean):
    """An array (HEIGHT, width) of U8, ink 255 and paper 0. clean: neither turned, stretched, blurred, faded nor noisy."""
    size = int(r.integers(18, 41))
    image = drawn(text, path, size, r, not clean and r.random() < 0.2)
    if not clean and r.random() < (0.7 if degraded else 0.35):
        image = image.rotate(float(r.uniform(-2, 2)), Image.BILINEAR, expand=True)
    if not clean and r.random() < 0.1:
        image = image.filter(ImageFilter.MaxFilter(3) if r.random() < 0.5 and size > 26 else ImageFilter.GaussianBlur(0.7))
    left, top, right, bottom = image.getbbox() or (0, 0, image.width, image.height)
    # The ink says how high the line is: without ascenders it would be blown up, so most keep nearly the font's size.
    high = max(bottom - top, int((0.9 if clean or r.random() < 0.6 else r.uniform(0.65, 1.05)) * size))
    middle = (top + bottom) / 2
    above, below = (r.uniform(0.02, 0.1, 2) if clean else r.uniform(0, 0.16, 2)) * high
    scale = HEIGHT / (high + above + below)
    stretch = 1.0 if clean else float(r.uniform(0.88, 1.15))
    x0, x1 = left - float(r.uniform(1, 8)), right + float(r.uniform(1, 8))
    y0 = middle - high / 2 - above
    width = max(16, round((x1 - x0) * scale * stretch))
    pad = 16  # resize() wants its box inside the image.
    grown = Image.new("L", (image.width + 2 * pad, image.height + 2 * pad))
    grown.paste(image, (pad, pad))
    box = (max(0, x0 + pad), max(0, y0 + pad), min(grown.width, x1 + pad), min(grown.height, y0 + pad + HEIGHT / scale))
    image = grown.resize((width, HEIGHT), Image.BILINEAR if clean or r.random() < 0.7 else Image.BICUBIC, box=box)
    if not clean and r.random() < (0.6 if degraded else 0.25):
        image = image.filter(ImageFilter.GaussianBlur(float(r.uniform(0.3, 1.0))))
    x = numpy.asarray(image, numpy.float32) / 255
    return worn(x, r, degraded) if not clean else (x * 255).round().astype(numpy.uint8)


def worn(x, r, degraded):
    """x with less contrast, on darker paper, noisy, as a JPEG file: each with some chance."""
    if r.random() < 0.3:  # Grey edges lighter or darker: strokes look thinner or bolder.
        x = x ** float(numpy.exp(r.uniform(-0.5, 0.7)))
    if r.random() < (0.8 if degraded else 0.5):
        slope = 1 if r.random() < 0.5 else numpy.linspace(*r.uniform(0, 1, 2), x.shape[1])
        x = x * r.uniform(0.45, 1.0) + r.uniform(0, 0.25) * slope
    if r.random() < (0.8 if degraded else 0.4):
        x = x + r.standard_normal(x.shape, numpy.float32) * r.uniform(0.02, 0.15)
    if degraded and r.random() < 0.3:
        dots = r.random(x.shape, numpy.float32)
        x = numpy.where(dots < 0.01, 1.0, numpy.where(dots > 0.99, 0.0, x))
    if r.random() < 0.15:
        buffer = io.BytesIO()
        pixels = (255 - numpy.clip(x, 0, 1) * 255).astype(numpy.uint8)
        Image.fromarray(pixels).save(buffer, "JPEG", quality=int(r.integers(25, 80)))
        x = 1 - numpy.asarray(Image.open(buffer), numpy.float32) / 255
    return (numpy.clip(x, 0, 1) * 255).round().astype(numpy.uint8)
