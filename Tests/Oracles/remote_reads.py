"""Reads files of a mounted remote in the ways that programs do.

    remote_reads.py tensor FILE NAME          reads one tensor with safetensors
    remote_reads.py equal FOLDER SOURCE       compares what torch and safetensors load from FOLDER with SOURCE
    remote_reads.py crowd FILE SOURCE OFFSET  reads a MiB on 64 threads, a part each, at once, and compares it with SOURCE's
    remote_reads.py jumps FILE SOURCE SEED    reads 60 pieces here and there on 8 threads, and compares them with SOURCE's
"""
import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor

how, file = sys.argv[1:3]


def read(path, offset, count):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # Nothing beyond is wanted.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        return os.pread(descriptor, count, offset)
    finally:
        os.close(descriptor)


if how == "tensor":
    from safetensors import safe_open

    with safe_open(file, "pt") as weights:
        print(tuple(weights.get_slice(sys.argv[3])[:8].shape))
elif how == "equal":
    import torch
    from safetensors.torch import load_file

    expected = load_file(sys.argv[3])
    found = [
        load_file(file + "/model.safetensors"),
        torch.load(file + "/model.pt", mmap=True, weights_only=True),
        torch.load(file + "/model.bin", weights_only=True),
    ]
    for weights in found:
        assert weights.keys() == expected.keys()
        assert all(torch.equal(weights[name], expected[name]) for name in expected)
    print("equal")
elif how == "crowd":
    places = [(int(sys.argv[4]) + part * 16384, 16384) for part in range(64)]
    with ThreadPoolExecutor(64) as pool:
        pieces = list(pool.map(lambda place: read(file, *place), places))
    assert pieces == [read(sys.argv[3], *place) for place in places]
    print("equal")
elif how == "jumps":
    chance, size = random.Random(int(sys.argv[4])), os.path.getsize(sys.argv[3])
    places = [(chance.randrange(size), chance.randrange(1, 3 << 20)) for _ in range(60)]

    def same(place):
        return read(file, *place) == read(sys.argv[3], *place)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(same, places))
    print("equal")
