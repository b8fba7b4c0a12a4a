"""Makes images of every kind, has `tantra ocr` read them, and measures it. Usage: odd_images.py TANTRA MODEL

MODEL is a folder with the trained ocr_native. Readable images show one line of text and must be read; the others must be
refused in one line that says why. Each run must end within two seconds of processor time and 300 MB. Prints JSON."""
import json
import os
import pathlib
import resource
import struct
import subprocess
import sys
import tempfile
import zlib

from PIL import Image, ImageDraw, ImageFont

TEXT, FONT = "The quick brown fox, 0123456789", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
tantra, model = sys.argv[1:3]
temporary = tempfile.TemporaryDirectory()
folder = pathlib.Path(temporary.name)


def line(ink=0, paper=255, size=28):
    font = ImageFont.truetype(FONT, size)
    image = Image.new("L", (int(font.getlength(TEXT)) + 60, 2 * size + 20), paper)
    ImageDraw.Draw(image).text((30, 15), TEXT, fill=ink, font=font)
    return image


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, kind, rows, extra=b""):
    """A PNG made by hand: `rows` are the rows' bytes."""
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def packed(image, depth):
    """Rows of a grey image with fewer bits."""
    rows = []
    for y in range(image.height):
        bits = "".join(format(image.getpixel((x, y)) >> (8 - depth), f"0{depth}b") for x in range(image.width))
        bits += "0" * (-len(bits) % 8)
        rows.append(int(bits, 2).to_bytes(len(bits) // 8, "big"))
    return rows


grey = line()
readable, refused = {}, {}
grey.save(folder / "grey.png")
grey.convert("RGB").save(folder / "colour.png")
grey.convert("P").save(folder / "palette.png")
grey.convert("1").save(folder / "bits.png")
line(235, 30).save(folder / "bright-on-dark.png")
alpha = Image.new("RGBA", grey.size, (0, 0, 0, 0))
alpha.putalpha(Image.eval(grey, lambda v: 255 - v))
alpha.save(folder / "alpha.png")
grey.convert("LA").save(folder / "grey-alpha.png")
for depth in (1, 2, 4):
    (folder / f"grey{depth}.png").write_bytes(png(*grey.size, depth, 0, packed(grey, depth)))
wide = [b"".join(struct.pack(">H", 257 * grey.getpixel((x, y))) for x in range(grey.width)) for y in range(grey.height)]
(folder / "grey16.png").write_bytes(png(*grey.size, 16, 0, wide))
for name, mode, options in [
    ("baseline", "RGB", {}), ("progressive", "RGB", {"progressive": True}), ("grey", "L", {}), ("cmyk", "CMYK", {})]:
    grey.convert(mode).save(folder / f"{name}.jpg", quality=85, **options)
readable = sorted(path.name for path in folder.iterdir())
Image.new("L", (600, 200), 255).save(folder / "blank.png")
Image.new("L", (1, 1), 0).save(folder / "tiny.png")
blank = ["blank.png", "tiny.png"]
whole, jpeg = (folder / "grey.png").read_bytes(), (folder / "baseline.jpg").read_bytes()
(folder / "cut.png").write_bytes(whole[: len(whole) // 2])
(folder / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
(folder / "header-only.png").write_bytes(whole[:33])
(folder / "flipped.png").write_bytes(whole[:200] + bytes([whole[200] ^ 0x55]) + whole[201:])
(folder / "text.txt").write_text("no image\n")
(folder / "empty.png").write_bytes(b"")
(folder / "folder").mkdir()
(folder / "huge.png").write_bytes(png(20000, 20000, 1, 0, [bytes(2500)] * 20000))
(folder / "bomb.png").write_bytes(png(0x7FFFFFFF, 0x7FFFFFFF, 8, 6, [bytes(16)]))
huge = bytearray(jpeg)
at = huge.index(b"\xff\xc0") + 5
huge[at : at + 4] = struct.pack(">HH", 60000, 60000)
(folder / "huge.jpg").write_bytes(huge)
refused = [
    "cut.png", "cut.jpg", "header-only.png", "flipped.png", "text.txt", "empty.png", "folder", "huge.png", "bomb.png",
    "huge.jpg", "missing.png"]
Image.new("L", (6000, 6000), 255).save(folder / "large-blank.jpg", progressive=True)

problems, worst = [], {"seconds": 0.0, "megabytes": 0.0}
for name in readable + blank + refused + ["large-blank.jpg"]:
    process = subprocess.Popen(
        [tantra, "ocr", folder / name, "--model", model], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, error = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    status = os.waitstatus_to_exitcode(status)
    seconds, megabytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000
    worst = {"seconds": max(worst["seconds"], seconds), "megabytes": max(worst["megabytes"], megabytes)}
    text = output.decode().strip()
    if name in readable:
        fine = status == 0 and text == TEXT
    elif name in refused:
        fine = status in (65, 66) and not text and error.count(b"\n") == 1 and len(error) > 20
    else:
        fine = status == 0 and not text
    if not fine or seconds > 2 or megabytes > 300:
        problems.append([name, status, text[:200], error.decode()[:200], round(seconds, 2), round(megabytes)])
print(json.dumps({"readable": len(readable), "refused": len(refused), "problems": problems} | {
    key: round(value, 2) for key, value in worst.items()}))
