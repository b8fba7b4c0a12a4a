"""Does the same random things to two files, and compares them. Usage: random_file_changes.py ONE OTHER STEPS SEED

Reads, writes, appends, cuts, grows, maps for reading and for writing, syncs, closes and opens again. Ends with 1, and says which
step it was, when the files differ."""
import mmap
import os
import random
import sys

paths, steps, seed = sys.argv[1:3], int(sys.argv[3]), int(sys.argv[4])
r = random.Random(seed)
LIMIT = 300_000
files = [os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644) for path in paths]
maps = [None, None]


def size():
    sizes = [os.fstat(file).st_size for file in files]
    assert sizes[0] == sizes[1], sizes
    return sizes[0]


def unmap():
    global maps
    for mapping in maps:
        if mapping:
            mapping.close()
    maps = [None, None]


for step in range(steps):
    what = r.choice(["write", "write", "append", "read", "cut", "grow", "map", "store", "sync", "reopen"])
    try:
        if what == "write":
            at, data = r.randrange(LIMIT), r.randbytes(r.randrange(1, 20_000))
            for file in files:
                os.pwrite(file, data, at)
        elif what == "append":
            data = r.randbytes(r.randrange(1, 5000))
            if size() < 2 * LIMIT:
                for path in paths:
                    with open(path, "ab") as file:
                        file.write(data)
        elif what == "read":
            at, count = r.randrange(LIMIT), r.randrange(1, 50_000)
            assert os.pread(files[0], count, at) == os.pread(files[1], count, at)
        elif what == "cut":
            unmap()
            to = r.randrange(size() + 1)
            by_path = r.random() < 0.5
            for file, path in zip(files, paths):
                os.truncate(path if by_path else file, to)
        elif what == "grow":
            unmap()
            to = size() + r.randrange(1, 10_000)
            if to < 2 * LIMIT:
                for file in files:
                    os.ftruncate(file, to)
        elif what == "map" and size() > 0:
            unmap()
            maps = [mmap.mmap(file, 0) for file in files]
            assert maps[0][:] == maps[1][:]
        elif what == "store" and maps[0]:
            at = r.randrange(len(maps[0]))
            data = r.randbytes(min(len(maps[0]) - at, r.randrange(1, 9000)))
            for mapping in maps:
                mapping[at : at + len(data)] = data
        elif what == "sync":
            for file in files:
                os.fsync(file)
        elif what == "reopen":
            unmap()
            for i, path in enumerate(paths):
                os.close(files[i])
                files[i] = os.open(path, os.O_RDWR)
        if step % 50 == 0:
            contents = [open(path, "rb").read() for path in paths]
            assert contents[0] == contents[1], [len(content) for content in contents]
    except AssertionError as error:
        sys.exit(f"step {step}, {what}: the files differ {error}")
unmap()
contents = [open(path, "rb").read() for path in paths]
if contents[0] != contents[1]:
    sys.exit("the files differ at the end")
print(f"{steps} steps, {len(contents[0])} bytes")
