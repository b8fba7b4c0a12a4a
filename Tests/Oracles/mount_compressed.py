"""Reads the files of a folder in every way, and compares them with copies: mount_compressed.py FOLDER COPIES SEED

Whole, by random ranges and through mappings, from 8 threads at once."""

import mmap
import os
import random
import sys
import threading

folder, copies, seed = sys.argv[1:]
expected = {}
for root, _, names in os.walk(copies):
    for name in names:
        path = os.path.join(root, name)
        with open(path, "rb") as file:
            expected[os.path.relpath(path, copies)] = file.read()
assert expected, "there is nothing to compare with"
problems = []


def read(number):
    choose = random.Random(int(seed) * 100 + number)
    names = sorted(expected)
    for turn in range(12):
        name = names[(number + turn) % len(names)]
        want = expected[name]
        descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)
        try:
            assert os.fstat(descriptor).st_size == len(want), f"{name}: another size"
            if not want:
                continue
            if turn % 3 == 0:
                found = b""
                while len(found) < len(want):
                    part = os.pread(descriptor, choose.choice([4096, 131072, 1000003]), len(found))
                    assert part, f"{name}: ends at {len(found)}"
                    found += part
                assert found == want, f"{name}: other bytes"
            elif turn % 3 == 1:
                for _ in range(40):
                    start = choose.randrange(len(want))
                    count = choose.choice([1, 100, 4096, 131072, 300000])
                    assert os.pread(descriptor, count, start) == want[start : start + count], f"{name}: at {start}"
            else:
                with mmap.mmap(descriptor, 0, prot=mmap.PROT_READ) as mapping:
                    for _ in range(60):
                        start = choose.randrange(len(want))
                        assert mapping[start : start + 5000] == want[start : start + 5000], f"{name}: mapped at {start}"
                    assert mapping[:] == want, f"{name}: mapped"
        except Exception as error:
            problems.append(f"thread {number}: {error!r}")
            return
        finally:
            os.close(descriptor)


threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not problems, problems
print(len(expected), "files are the same")
