"""Writes a large state dict with little memory. Usage: big_state_dict.py FILE [--size BYTES] [--tensors N] [--seed N]

FILE ends in .safetensors, .pt or .bin. Tensors are float32, named block.0000.weight on, and of sizes that differ a
little, so that offsets are not round. Their bytes are a keyed stream that begins anew in each tensor: no two tensors
are equal, and none compresses much. Tensors are made one at a time; a torch file is written from mapped files, since
torch.save wants all tensors at once: it takes the disk space twice while it is written. Prints a JSON summary with the
SHA-256 of the file."""
import argparse
import hashlib
import json
import os
import resource
import struct
import tempfile
import time
from collections import OrderedDict

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--size", type=int, default=3 << 30, help="bytes of tensor data, about")
parser.add_argument("--tensors", type=int, default=300)
parser.add_argument("--seed", type=int, default=0)
arguments = parser.parse_args()

average = arguments.size // 4 // arguments.tensors
counts = [max(average + (index * 37) % 101 - 50, 1) for index in range(arguments.tensors)]
names = [f"block.{index:04d}.weight" for index in range(arguments.tensors)]
chunk = 1 << 22


def pieces(index):
    """The tensor's elements in pieces of at most 16 MiB: float32 in [1, 2), so that no value is NaN."""
    generator = np.random.Generator(np.random.SFC64([arguments.seed, index]))
    for start in range(0, counts[index], chunk):
        length = min(chunk, counts[index] - start)
        yield (generator.integers(0, 1 << 23, length, dtype=np.uint32) | np.uint32(0x3F800000)).view(np.float32)


def write_safetensors(path):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, count in zip(names, counts):
        header[name] = {"dtype": "F32", "shape": [count], "data_offsets": [offset, offset + count * 4]}
        offset += count * 4
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for index in range(len(counts)):
            for piece in pieces(index):
                file.write(piece)


def write_torch(path):
    import torch

    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(path))) as scratch:
        state = OrderedDict()
        for index, (name, count) in enumerate(zip(names, counts)):
            # A mapped file of its own for each tensor: clean pages that the kernel can drop.
            data = os.path.join(scratch, str(index))
            with open(data, "wb") as file:
                for piece in pieces(index):
                    file.write(piece)
            state[name] = torch.from_file(data, shared=False, size=count, dtype=torch.float32)
            os.unlink(data)
        torch.save(state, path)


started = time.monotonic()
extension = os.path.splitext(arguments.file)[1]
if extension == ".safetensors":
    write_safetensors(arguments.file)
elif extension in (".pt", ".bin"):
    write_torch(arguments.file)
else:
    parser.error("FILE must end in .safetensors, .pt or .bin")
elapsed = time.monotonic() - started
with open(arguments.file, "rb") as file:
    digest = hashlib.file_digest(file, "sha256").hexdigest()
print(json.dumps({
    "tensors": len(counts), "elements": sum(counts), "bytes": os.path.getsize(arguments.file), "sha256": digest,
    "seconds": round(elapsed, 2), "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
}))
