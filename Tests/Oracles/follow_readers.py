"""Reads model.safetensors through active/ in several processes while the active version changes.

    follow_readers.py MODEL_FOLDER STOP_FILE READERS SHA256 SHA256 ...

Each of them loops until STOP_FILE exists: it reads the file whole, in pieces with pauses in between, and mapped. What it has read must
have one of the digests: wholly one version. The files of the folder that active leads to must be of one version, too, whatever
active leads to by then. It writes a line when all readers have begun, and at the end the reads and the changes that each has seen;
it ends with 1 at the first error or mixture.
"""
import hashlib
import json
import mmap
import multiprocessing
import os
import sys
import time

folder, stop, count, *digests = sys.argv[1:]
active = os.path.join(folder, "active")
name = "model.safetensors"


def whole():
    with open(os.path.join(active, name), "rb") as file:
        return file.read()


def in_pieces():
    pieces = []
    with open(os.path.join(active, name), "rb", buffering=0) as file:
        while piece := file.read(300_000):
            pieces.append(piece)
            time.sleep(0.002)
    return b"".join(pieces)


def mapped():
    with open(os.path.join(active, name), "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as pages:
        middle = len(pages) // 2
        end = pages[middle:]
        time.sleep(0.01)
        return pages[:middle] + end


def resolved():
    real = os.path.realpath(active)
    assert os.path.basename(real) != "active"
    with open(os.path.join(real, name), "rb") as file:
        data = file.read()
    time.sleep(0.01)
    with open(os.path.join(real, name), "rb") as file:
        assert file.read() == data, f"{real} has changed"
    return data


def read(ready, results):
    reads, changes, last = 0, 0, None
    try:
        while not os.path.exists(stop):
            for reader in (whole, in_pieces, mapped, resolved):
                digest = hashlib.sha256(reader()).hexdigest()
                if digest not in digests:
                    raise ValueError(f"{reader.__name__}: read {reads} is no single version")
                reads += 1
                changes += last not in (None, digest)
                last = digest
            if reads == 4:
                ready.release()
        results.put({"reads": reads, "changes": changes})
    except Exception as error:
        ready.release()
        results.put({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    fork = multiprocessing.get_context("fork")
    ready, results = fork.Semaphore(0), fork.Queue()
    readers = [fork.Process(target=read, args=(ready, results), daemon=True) for _ in range(int(count))]
    for reader in readers:
        reader.start()
    for _ in readers:
        ready.acquire()
    print("begun", flush=True)
    ends = [results.get() for _ in readers]
    print(json.dumps(ends), flush=True)
    sys.exit(any("error" in end for end in ends))
