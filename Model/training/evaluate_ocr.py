"""Prints the character error rates of ocr_native.

    evaluate_ocr.py FOLDER [--count 2000] [--tesseract 200] [--tantra PROGRAM]

Each set has `count` lines, half prose and half random (ocr_tests.py). A rate is edits / characters in percent, prose and
random apart; `lines` counts those without an error. `runs` is the share of lines of doubled and tripled marks that are
right, where letters that look alike count as one, and that are exact.
--tesseract lets Debian's tesseract read the first lines of each set, twice as large and with paper around; typographic
quotation marks count as the plain ones. --tantra lets `tantra ocr` read `scans`, where the line is still to be found and
to be levelled, and tesseract as well. The result is JSON."""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy
import torch
from PIL import Image

import ocr_model
import ocr_tests
from edits import distance

TESSERACT = ["tesseract", "PATH", "-", "--psm", "7"]


@torch.no_grad()
def read(model, lines):
    """The text of each line. Each is read alone: what a batch pads would be seen."""
    found = []
    for image, _ in lines:
        x, lengths = ocr_model.batch_of([image], model.stride)
        found.append(ocr_model.read(model(x)[0, : lengths[0] + 2]).strip())
    return found


def large(image):
    """A line's image twice as large and with paper around, which tesseract reads better."""
    grown = Image.fromarray(255 - image).resize((2 * image.shape[1], 2 * image.shape[0]), Image.BICUBIC)
    page = Image.new("L", (grown.width + 40, grown.height + 40), int(numpy.median(255 - image)))
    page.paste(grown, (20, 20))
    return page


def read_by(command, pages):
    """What a program prints for each image; `PATH` in the command stands for the image's."""
    found, quotes = [], str.maketrans("‘’“”—–", "''\"\"--")
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "line.png")
        for page in pages:
            page.save(path)
            output = subprocess.run(
                [path if part == "PATH" else part for part in command], capture_output=True, check=True,
                env=os.environ | {"OMP_THREAD_LIMIT": "1"})
            found.append(" ".join(output.stdout.decode().translate(quotes).split()))
    return found


def rates(lines, found):
    wrong, count, right = [0, 0], [0, 0], 0
    for i, ((_, text), guess) in enumerate(zip(lines, found)):
        edits = distance(guess, text)
        wrong[i % 2] += edits
        count[i % 2] += len(text)
        right += edits == 0
    return {"prose": round(100 * wrong[0] / count[0], 2), "random": round(100 * wrong[1] / count[1], 2), "lines": right}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--tesseract", type=int, default=0, metavar="LINES")
    parser.add_argument("--tantra", metavar="PROGRAM")
    parser.add_argument("--scans", type=int, default=400)
    parser.add_argument("--threads", type=int, default=2)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    model, result = ocr_model.load(a.folder), {"count": a.count}
    for name in ("clean", "unseen", "display", "degraded"):
        lines = ocr_tests.lines(name, a.count)
        result[name] = rates(lines, read(model, lines))
        if a.tesseract:
            some = lines[: a.tesseract]
            guesses = read_by(TESSERACT, [large(image) for image, _ in some])
            result[name] |= {"same": rates(some, read(model, some)), "tesseract": rates(some, guesses)}
        print(name, json.dumps(result[name]), flush=True)
    lines = ocr_tests.runs(a.count)
    found = read(model, lines)
    wrong = [(text, guess) for (_, text), guess in zip(lines, found) if ocr_tests.alike(guess) != ocr_tests.alike(text)]
    exact = sum(guess == text for (_, text), guess in zip(lines, found))
    percent = lambda number: round(100 * number / len(lines), 2)
    result["runs"] = {"right": percent(len(lines) - len(wrong)), "exact": percent(exact), "wrong": wrong[:20]}
    if a.tantra:
        scans = ocr_tests.scans(a.scans)
        pages = [Image.fromarray(image) for image, _ in scans]
        result["scans"] = {"count": a.scans, "tantra": rates(scans, read_by(
            [a.tantra, "ocr", "PATH", "--model", a.folder, "--threads", "1"], pages))}
        if a.tesseract:
            result["scans"]["tesseract"] = rates(scans, read_by(TESSERACT, pages))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
