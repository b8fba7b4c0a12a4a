"""The test sets of ocr_native: lines that no training run has seen, from seeds, texts and faces of their own."""
import pathlib

import numpy
from PIL import Image, ImageFilter

import corpus
from ocr_lines import CHARACTERS, MAIN, NARROW, ROOT, drawn, faces, random_text, render, worn

# Texts that no run trains on: held-out books, and licences in modern English that every Debian has.
LICENCES = [pathlib.Path("/usr/share/common-licenses") / name for name in ("GPL-3", "Apache-2.0", "MPL-2.0")]
UNSEEN = [f"{ROOT}truetype/noto/Noto{name}.ttf" for name in (
    "Sans-Regular", "Sans-Bold", "Sans-Italic", "Sans-BoldItalic",
    "Serif-Regular", "Serif-Bold", "Serif-Italic", "Serif-BoldItalic")]
DISPLAY = [f"{ROOT}truetype/noto/Noto{name}.ttf" for name in (
    "SansDisplay-Regular", "SerifDisplay-Regular", "SerifDisplay-Bold", "SerifDisplay-Italic")]
SEEDS = {"clean": 9001, "unseen": 9002, "degraded": 9003, "display": 9004, "runs": 9005, "scans": 9006}


def prose():
    books = " ".join(b"".join(corpus.held_out().values()).decode("ascii", "ignore").split())
    licences = " ".join(" ".join(path.read_text("utf-8") for path in LICENCES).split())
    return books, "".join(c for c in licences if c in CHARACTERS)


def line_of(r, texts, i):
    """The text of line i: by turns prose and random; of prose, half is from books and half from licences."""
    length = int(r.integers(15, 61))
    if i % 2:
        return random_text(r, length).strip()
    source = texts[i // 2 % 2]
    at = source.find(" ", int(r.integers(0, len(source) - 200))) + 1
    return source[at : at + length].strip()


def lines(name, count):
    """`count` times (image, text), the image as the model takes it.

    clean and degraded are set in the faces that half of the training is set in; unseen and display in others. degraded:
    turned by up to 2 degrees (70%), blurred with a deviation of 0.3 to 1 pixel (60%), noise of a deviation of 0.02 to 0.15
    (80%), contrast down to 45% on grey that may slope (80%), single pixels (30%), JPEG of quality 25 to 80 (15%)."""
    r, texts = numpy.random.default_rng(SEEDS[name]), prose()
    chosen = {"unseen": UNSEEN, "display": DISPLAY}.get(name) or faces(MAIN)
    found = []
    for i in range(count):
        text = line_of(r, texts, i)
        path = chosen[int(r.integers(len(chosen)))]
        found.append((render(text, r, path, name == "degraded", name != "degraded"), text))
    return found


def runs(count):
    """(image, text): words with doubled and tripled marks, most of them narrow, in all trained and unseen text faces.

    Without underscores, which join into one bar."""
    r, chosen, found = numpy.random.default_rng(SEEDS["runs"]), faces(MAIN) + UNSEEN, []
    marks = NARROW.replace("_", "") + "oOeEaA1I0"
    for i in range(count):
        mark = marks[i % len(marks)]
        text = f"ab{2 * mark}cd {2 * mark} x{3 * mark}y"
        found.append((render(text, r, chosen[int(r.integers(len(chosen)))], False, True), text))
    return found


def alike(text):
    """The text with one letter for those that look the same in many faces."""
    return text.translate(str.maketrans("I|10", "lllO"))


def scans(count):
    """(image, text): lines as large as they were printed, as a scanner might see them, grey; for programs that find the line.

    Turned by up to 2 degrees (70%), blurred with a deviation of 0.3 to 1 pixel (60%), and worn as `degraded`."""
    r, texts, chosen, found = numpy.random.default_rng(SEEDS["scans"]), prose(), faces(MAIN), []
    for i in range(count):
        text = line_of(r, texts, i)
        image = drawn(text, chosen[int(r.integers(len(chosen)))], int(r.integers(22, 41)), r, False)
        if r.random() < 0.7:
            image = image.rotate(float(r.uniform(-2, 2)), Image.BILINEAR, expand=True)
        page = Image.new("L", (image.width + 40, image.height + 40))
        page.paste(image, (20, 20))
        if r.random() < 0.6:
            page = page.filter(ImageFilter.GaussianBlur(float(r.uniform(0.3, 1.0))))
        found.append((255 - worn(numpy.asarray(page, numpy.float32) / 255, r, True), text))
    return found
