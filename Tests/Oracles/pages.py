"""Draws pages of text, has `tantra ocr` read them, and compares. Usage: pages.py TANTRA MODEL [PDF]

MODEL is a folder with the trained ocr_native. The pages: 40 lines in one column; the same turned by 2 degrees; two columns of
20 lines under a title; with PDF, 40 lines of a PDF that poppler has drawn. Prints, as JSON for each page, the share of
characters that are wrong in percent, whether lines came in order, the seconds of processor time, and those that passed."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Model" / "training"))

from edits import distance

FONTS = "/usr/share/fonts/truetype/dejavu/"
LICENCE = pathlib.Path("/usr/share/common-licenses/GPL-3").read_text()
words = " ".join(LICENCE.split()).split(" ")
temporary = tempfile.TemporaryDirectory()
folder = pathlib.Path(temporary.name)


def lines_of(count, width, start=0):
    """`count` lines of at most `width` characters, and the next word."""
    found, at = [], start
    while len(found) < count:
        line = words[at]
        at += 1
        while len(line) + 1 + len(words[at]) <= width:
            line += " " + words[at]
            at += 1
        found.append("".join(c for c in line if " " <= c <= "~"))
    return found, at


def page(blocks, size=(1654, 2339)):
    """blocks: (x, y, lines, font, points); lines follow each other at 1.4 times the points."""
    image = Image.new("L", size, 252)
    pen = ImageDraw.Draw(image)
    for x, y, lines, font, points in blocks:
        f = ImageFont.truetype(FONTS + font, points)
        for i, line in enumerate(lines):
            pen.text((x, y + i * 1.4 * points), line, fill=20, font=f)
    return image


def pdf(lines):
    """A PDF of one page in Times."""
    escape = lambda s: s.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    content = "BT /F 11 Tf 14 TL 72 760 Td " + " ".join(f"({escape(line)}) Tj T*" for line in lines) + " ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>",
    ]
    out, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer << /Size {len(objects) + 1} /Root 1 0 R >>\n"
    return out + f"startxref\n{start}\n%%EOF\n"


tantra, model = sys.argv[1:3]
pages = {}
one, at = lines_of(40, 76)
image = page([(120, 120, one, "DejaVuSerif.ttf", 30)])
pages["column"] = (image, one)
pages["turned"] = (image.rotate(2, Image.BICUBIC, fillcolor=252), one)
left, at = lines_of(20, 36, at)
right, at = lines_of(20, 36, at)
pages["columns"] = (page([
    (300, 80, ["A title above both of the columns"], "DejaVuSans-Bold.ttf", 44), (100, 220, left, "DejaVuSans.ttf", 30),
    (880, 233, right, "DejaVuSans.ttf", 30)]), ["A title above both of the columns", *left, *right])
if "PDF" in sys.argv:
    text, at = lines_of(40, 80, at)
    (folder / "page.pdf").write_text(pdf(text))
    subprocess.run(["pdftoppm", "-r", "150", "-gray", "-png", folder / "page.pdf", folder / "pdf"], check=True)
    pages["pdf"] = (Image.open(next(folder.glob("pdf*.png"))), text)
result = {}
for name, (image, expected) in pages.items():
    path = folder / f"{name}.png"
    image.save(path)
    began = time.perf_counter()
    process = subprocess.Popen([tantra, "ocr", path, "--model", model], stdout=subprocess.PIPE)
    output = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    passed = time.perf_counter() - began
    if status:
        sys.exit(f"{name}: tantra ocr ended with {os.waitstatus_to_exitcode(status)}")
    found = output.splitlines()
    wrong = distance("\n".join(found), "\n".join(expected))
    # In order: each line is closer to what stands at its place than to its neighbours.
    ordered = len(found) == len(expected) and all(
        distance(a, b) < min([len(b)] + [distance(a, other) for other in expected[max(0, i - 1) : i + 2] if other != b])
        for i, (a, b) in enumerate(zip(found, expected)))
    result[name] = {"wrong": round(100 * wrong / len("\n".join(expected)), 3), "lines": len(found), "ordered": ordered,
                    "seconds": round(usage.ru_utime + usage.ru_stime, 3), "passed": round(passed, 3)}
    if "--show" in sys.argv:
        print(output, file=sys.stderr)
print(json.dumps(result))
