"""Writes to files after they were published: nothing that is published may change.
Usage: mount_late_writers.py FOLDER SOURCE

FOLDER is a version that is not there yet, SOURCE a folder with model.safetensors and model.pt."""
import mmap
import os
import sys
import time

folder, source = sys.argv[1:]


def published(path, expected, how):
    with open(path, "rb") as file:
        found = file.read()
    assert found == expected, f"{how}: {path} changed"


def attempt(action):
    """Late writes may fail, or go nowhere."""
    try:
        action()
    except (OSError, ValueError) as error:
        print(error)


for index, (name, view) in enumerate([("model.safetensors", "pt"), ("model.pt", "bin")]):
    version = f"{folder}{index}"
    os.mkdir(version)
    with open(os.path.join(source, name), "rb") as file:
        content = file.read()
    path = os.path.join(version, name)

    # A second descriptor of one open file: its first close publishes.
    first = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    second = os.dup(first)
    os.write(first, content)
    child = os.fork()
    if child == 0:
        # A child that maps the file and stores into it when the parent is done; SIGBUS is as good as any.
        mapping = mmap.mmap(second, len(content))
        time.sleep(1.5)
        mapping[0:4] = b"EVIL"
        attempt(mapping.flush)
        os._exit(0)
    os.close(first)
    with open(path, "rb") as file:
        reader = file.read()
    assert reader == content, f"{name}: published {len(reader)} bytes of {len(content)}"
    attempt(lambda: os.pwrite(second, b"EVIL", 0))
    attempt(lambda: os.ftruncate(second, 10))
    published(path, reader, "a duplicate descriptor")
    attempt(lambda: os.fsync(second))
    attempt(lambda: os.close(second))
    os.waitpid(child, 0)
    published(path, content, "a mapping of a child")
    with open(os.path.join(version, f"model.{view}"), "rb") as file:
        file.read()

    # A descriptor that outlives the rename of its temporary name, as safetensors leaves one.
    if name.startswith("model"):
        other = f"{version}-renamed"
        os.mkdir(other)
        temporary = os.path.join(other, ".tmpAb12Cd")
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.ftruncate(descriptor, len(content))
        os.write(descriptor, content)
        os.rename(temporary, os.path.join(other, name))
        published(os.path.join(other, name), content, "the rename")
        attempt(lambda: os.pwrite(descriptor, b"EVIL", 100))
        attempt(lambda: os.ftruncate(descriptor, 0))
        attempt(lambda: os.close(descriptor))
        published(os.path.join(other, name), content, "a descriptor that outlives its rename")
