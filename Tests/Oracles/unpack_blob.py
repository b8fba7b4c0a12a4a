"""unpack_blob.py FILE OUT [BASE...]: takes a compressed blob back to its bytes with nothing of Tantra: the program zstd, and numpy.

zstd prints the planes of all blocks, one after another, and skips the index; what the index says puts them together.
What blocks are differences from is in other blobs: plain files, where the store has them.
"""

import binascii
import struct
import subprocess
import sys

import numpy

BLOCK = 128 * 1024
source, target, *bases = sys.argv[1:]
data = open(source, "rb").read()
size, count, crc = struct.unpack("<QII", data[-16:])
entries = numpy.frombuffer(data[-16 - 4 * count : -16], "<u4")
index = int((entries >> 8).sum())
magic, length = struct.unpack("<II", data[index : index + 8])
assert magic == 0x184D2A5D and index + 8 + length == len(data), "no index"
assert binascii.crc32(data[index + 8 : -4]) == crc, "the index has another checksum"
runs = [struct.unpack("<I32sq", data[at : at + 44]) for at in range(index + 8, len(data) - 16 - 4 * count, 44)]
blobs = {bytes.fromhex("".join(path.split("/")[-2:])): open(path, "rb").read() for path in bases}
planes = subprocess.run(["zstd", "-dc", source], check=True, capture_output=True).stdout
assert len(planes) == size
with open(target, "wb") as out:
    for block, entry in enumerate(entries):
        raw = planes[block * BLOCK : (block + 1) * BLOCK]
        transform = int(entry) & 255
        assert transform < 16, "an unknown transform"
        width = 1 << (transform & 3)
        whole = len(raw) // width * width
        elements = numpy.frombuffer(raw[:whole], "u1").reshape(width, -1).T.copy().view(f"<u{width}").ravel()
        if transform & 4:
            elements = elements >> 1 | elements << (8 * width - 1)
        if transform & 8:
            _, base, shift = [run for run in runs if run[0] <= block][-1]
            start = block * BLOCK + shift
            elements = (elements >> 1) ^ (0 - (elements & 1))
            elements = elements + numpy.frombuffer(blobs[base][start : start + whole], f"<u{width}")
        out.write(elements.astype(f"<u{width}").tobytes() + raw[whole:])
