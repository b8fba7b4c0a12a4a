"""Interrupts calls that take long and measures how soon they end. Usage: mount_interrupt.py MOUNT MODEL BYTES

MODEL is the folder of a model that has a version v1.0. Each call runs on a file of about BYTES while another process sends
SIGINT after a while; it must fail with EINTR, change nothing, and succeed when it is made again. Prints the delays between
signal and return in milliseconds; ends with 1 if half of them are above 100 ms, or one is above a second."""
import ctypes
import errno
import json
import mmap
import os
import signal
import statistics
import struct
import sys
import time

mount, model, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
libc = ctypes.CDLL(None, use_errno=True)
shared = mmap.mmap(-1, 8)
signal.signal(signal.SIGINT, lambda *_: None)
# Whoever started this may have blocked it.
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
delays = {}
patience = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4)
header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
header += b" " * (-len(header) % 8)
head = struct.pack("<Q", len(header)) + header
block = os.urandom(1 << 20).replace(b"\0", b"\1")


def serve_signals(orders, done):
    """Sends SIGINT to the parent so many seconds after it has asked for it."""
    parent = os.getppid()
    while order := os.read(orders, 8):
        time.sleep(*struct.unpack("d", order))
        shared[:8] = struct.pack("d", time.monotonic())
        os.kill(parent, signal.SIGINT)
        os.write(done, b"!")
    os._exit(0)


# Before a file is open: the end of a process that has one open closes it, too.
(orders, asks), (answers, done) = os.pipe(), os.pipe()
if os.fork() == 0:
    os.close(asks)
    serve_signals(orders, done)
os.close(orders)


def interrupted(what, call, *arguments, after):
    """Whether the call ended with EINTR because of a signal after so many seconds; false if it was done before."""
    os.write(asks, struct.pack("d", after))
    result = call(*arguments)
    code, end = ctypes.get_errno(), time.monotonic()
    os.read(answers, 1)
    if result >= 0:
        return False
    assert code == errno.EINTR, f"{what}: {os.strerror(code)}"
    delays.setdefault(what, []).append(round(1000 * (end - struct.unpack("d", shared[:8])[0]), 1))
    return True


def attempt(what, call, *arguments):
    """Interrupts a call later and later, until it is done before the signal comes."""
    for after in patience:
        if not interrupted(what, call, *arguments, after=after):
            break
    else:
        raise SystemExit(f"{what}: never done")
    assert what in delays, f"{what}: done before it could be interrupted"


def fill(descriptor, seed):
    os.write(descriptor, head)
    written = 0
    while written < size:
        part = struct.pack("<Q", written + seed) + block[8 : size - written]
        written += os.write(descriptor, part.replace(b"\0", b"\1") if written == 0 else part)


def names(version):
    return sorted(os.listdir(os.path.join(model, version)))


def path(*parts):
    return os.path.join(model, *parts).encode()


# close of weights and of a shard. Every descriptor that is closed tries again.
for number, name in enumerate(("model.safetensors", "model-00001-of-00002.safetensors")):
    version = f"close{number}"
    os.mkdir(os.path.join(model, version))
    descriptor = os.open(path(version, name), os.O_CREAT | os.O_WRONLY)
    fill(descriptor, number << 32)
    what = f"close {name}"
    copies = [os.dup(descriptor) for _ in patience[1:]] + [descriptor]
    for index, copy in enumerate(copies):
        if not interrupted(what, libc.close, copy, after=patience[index]):
            break
        assert names(version) == [], f"{what}: {names(version)} after EINTR"
    assert what in delays, f"{what}: done before it could be interrupted"
    assert name in names(version), f"{what}: {names(version)} after it was done"
    for copy in copies[index + 1 :]:
        os.close(copy)

# close of an ordinary file: a signal costs its writer nothing.
os.mkdir(os.path.join(model, "closed"))
for name in (".temporary", "notes.dat"):
    descriptor = os.open(path("closed", name), os.O_CREAT | os.O_WRONLY)
    fill(descriptor, 5 << 32)
    assert not interrupted(f"close {name}", libc.close, descriptor, after=patience[0]), f"close {name}: EINTR"
    assert os.path.getsize(path("closed", name)) >= size, name

# rename of what was closed under another name, and a link to it.
for number, name in enumerate(("model.safetensors",)):
    version = f"rename{number}"
    os.mkdir(os.path.join(model, version))
    descriptor = os.open(path(version, ".temporary"), os.O_CREAT | os.O_WRONLY)
    fill(descriptor, number + 10 << 32)
    os.close(descriptor)
    attempt(f"link to {name}", libc.link, path(version, ".temporary"), path(version, f"linked{number}.dat"))
    attempt(f"rename to {name}", libc.rename, path(version, ".temporary"), path(version, name))
    assert name in names(version) and ".temporary" not in names(version), names(version)

# fsync, and a write into a file that is there.
descriptor = os.open(path("v1.0", "big.dat"), os.O_CREAT | os.O_RDWR)
fill(descriptor, 20 << 32)
attempt("fsync", libc.fsync, descriptor)
os.close(descriptor)
descriptor = os.open(path("v1.0", "big.dat"), os.O_WRONLY)
attempt("write", libc.pwrite, descriptor, b"x", ctypes.c_size_t(1), ctypes.c_long(0))
os.close(descriptor)

# A request to a control file.
descriptor = os.open(os.path.join(mount, ".control", "validate"), os.O_RDWR)
attempt("validate", libc.write, descriptor, b"all", ctypes.c_size_t(3))
os.close(descriptor)

print(json.dumps(delays))
every = [delay for values in delays.values() for delay in values]
assert statistics.median(every) <= 100, f"half of the calls took more than 100 ms to end: {delays}"
assert max(every) <= 1000, f"a call took more than a second to end: {delays}"
