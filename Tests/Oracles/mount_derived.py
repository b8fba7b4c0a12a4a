"""Reads derived files through a mount in every way. Usage: mount_derived.py FOLDER RANGES SCRATCH

FOLDER is one of .derived. Each GGUF file there is read as a whole, in RANGES random ranges over all of them, by mmap, by 8 threads, by
cp, rsync and sha256sum twice: always the same bytes. gguf's reader must find each tensor. Prints the number of files."""
import filecmp
import hashlib
import mmap
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from gguf import GGUFReader

folder, count, scratch = sys.argv[1], int(sys.argv[2]), sys.argv[3]
names = sorted(name for name in os.listdir(folder) if name.endswith(".gguf"))
files = {}
for name in names:
    path = os.path.join(folder, name)
    with open(path, "rb") as file:
        files[name] = file.read()
    assert len(files[name]) == os.stat(path).st_size, f"{name}: stat says another size"
    reader = GGUFReader(path)
    assert reader.tensors and all(tensor.data is not None for tensor in reader.tensors), name

rng = random.Random(11)
descriptors = {name: os.open(os.path.join(folder, name), os.O_RDONLY) for name in names}
for _ in range(count):
    name = rng.choice(names)
    start = rng.randrange(len(files[name]) + 10)
    size = rng.choice([1, 7, 33, 500, 4096, 70_000])
    # What the kernel keeps would be no test of what is computed.
    if rng.random() < 0.5:
        os.posix_fadvise(descriptors[name], 0, 0, os.POSIX_FADV_DONTNEED)
    assert os.pread(descriptors[name], size, start) == files[name][start:start + size], f"{name} {start} {size}"


def whole(name):
    with open(os.path.join(folder, name), "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        return hashlib.sha256(mapped).hexdigest() == hashlib.sha256(files[name]).hexdigest()


with ThreadPoolExecutor(8) as pool:
    assert all(pool.map(whole, names * 4)), "a thread read other bytes"
for name in names:
    path = os.path.join(folder, name)
    sums = {subprocess.run(["sha256sum", path], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(sums) == 1
    for tool in (["cp"], ["rsync", "-a"]):
        copy = os.path.join(scratch, f"{tool[0]}-{name}")
        subprocess.run([*tool, path, copy], check=True)
        assert filecmp.cmp(path, copy, shallow=False), f"{tool[0]} {name}"
print(len(names))
