"""Kills a writer in the middle of a file, at 20 points. Usage: mount_killed_writer.py (plain | preallocating) FOLDER

FOLDER is a draft. What a killed writer leaves must not be published, and the next writer must succeed."""
import errno
import json
import os
import signal
import struct
import sys

how, folder = sys.argv[1:]
header = json.dumps({"w": {"dtype": "U8", "shape": [20 * 65536], "data_offsets": [0, 20 * 65536]}}).encode()
header += b" " * (-len(header) % 8)
content = struct.pack("<Q", len(header)) + header + os.urandom(20 * 65536).replace(b"\0", b"\1")
path = os.path.join(folder, "model.safetensors")


def opened():
    # While the one that was killed is being cleared away, the name may change its file twice within one open.
    for _ in range(3):
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)


def write(stop_after=100):
    descriptor = opened()
    if how == "preallocating":
        if stop_after % 2:
            os.ftruncate(descriptor, len(content))
        else:
            os.posix_fallocate(descriptor, 0, len(content))
    size = (len(content) + 19) // 20
    for part in range(20):
        if part == stop_after:
            os.kill(os.getpid(), signal.SIGKILL)
        os.write(descriptor, content[part * size : (part + 1) * size])
    os.close(descriptor)


for stop in range(20):
    child = os.fork()
    if child == 0:
        write(stop)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, f"killed after part {stop}: {status}"
    # What was written may be gone on with. There is no view beside it.
    assert set(os.listdir(folder)) <= {"model.safetensors"}, f"killed after part {stop}: {os.listdir(folder)}"
write()
with open(path, "rb") as file:
    assert file.read() == content
