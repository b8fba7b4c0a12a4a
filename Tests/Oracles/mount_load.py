"""Two writers publish versions, four readers load through active, one switcher flips it.
Usage: mount_load.py MODEL_FOLDER SOURCES SWITCHES

MODEL_FOLDER has v1.0 as SOURCES/full and v1.1 as SOURCES/other. Ends with 1 at the first error, torn read or mixture, and
prints what was done."""
import hashlib
import json
import multiprocessing
import os
import shutil
import sys

model, sources = sys.argv[1:3]
switches = int(sys.argv[3])
folders = {"v1.0": os.path.join(sources, "full"), "v1.1": os.path.join(sources, "other")}
names = ("model.safetensors", "model.pt")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


expected = {name: {digest(os.path.join(folder, name)) for folder in folders.values()} for name in names}
whole = {tuple(digest(os.path.join(folder, name)) for name in names) for folder in folders.values()}


def guarded(work, results, *arguments):
    try:
        results.put((work.__name__, work(*arguments), None))
    except BaseException as error:
        results.put((work.__name__, 0, repr(error)))


def write(number, stop):
    count = 0
    while not stop.is_set():
        target = os.path.join(model, f"w{number}-{count}")
        shutil.copytree(folders["v1.0" if count % 2 else "v1.1"], target)
        shutil.rmtree(target)
        count += 1
    return count


def read(number, stop):
    count = 0
    while not stop.is_set():
        name = names[count % 2]
        found = digest(os.path.join(model, "active", name))
        assert found in expected[name], f"a torn read of {name}"
        # A program that reads several files resolves the folder first.
        folder = os.path.realpath(os.path.join(model, "active"))
        assert tuple(digest(os.path.join(folder, name)) for name in names) in whole, "a mixture"
        count += 1
    return count


def switch(stop):
    for count in range(switches):
        target = ("v1.0", "v1.1")[count % 2]
        temporary = os.path.join(model, f"flip{count % 7}")
        os.symlink(target, temporary)
        os.rename(temporary, os.path.join(model, "active"))
    stop.set()
    return switches


if __name__ == "__main__":
    stop, results = multiprocessing.Event(), multiprocessing.Queue()
    work = [(write, 0, stop), (write, 1, stop)] + [(read, i, stop) for i in range(4)] + [(switch, stop)]
    processes = [multiprocessing.Process(target=guarded, args=(item[0], results, *item[1:])) for item in work]
    for process in processes:
        process.start()
    done = {}
    for _ in processes:
        name, count, error = results.get(timeout=300)
        if error:
            stop.set()
            for process in processes:
                process.join(10)
            sys.exit(f"{name}: {error}")
        done.setdefault(name, []).append(count)
    print(json.dumps(done))
