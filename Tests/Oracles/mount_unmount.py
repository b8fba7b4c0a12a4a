"""Takes a mount away from programs that are busy in it. Usage: mount_unmount.py HOW MOUNT VERSION COMMAND...

VERSION is the folder of a version in the mount. Programs read its files in every way, map them, list, look up and write;
then COMMAND is run: HOW names it. Each of them must get an error soon, or go on being served with what it has open; none may
hang, and SIGKILL must end any. Prints how long that took; ends with 1, and says what was wrong on stderr, if it was not so."""
import json
import mmap
import os
import random
import signal
import struct
import subprocess
import sys
import time

how, mount, version, command = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
patience = 30.0
views = [os.path.join(version, name) for name in ("model.safetensors", "model.pt", "model.bin")]
# How much each program has done, by its number.
progress = mmap.mmap(-1, mmap.PAGESIZE)


def done():
    """Counts what this program has done."""
    progress[8 * number : 8 * number + 8] = struct.pack("q", done_by(number) + 1)


def done_by(number):
    return struct.unpack("q", progress[8 * number : 8 * number + 8])[0]


def read_through(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    while os.read(descriptor, 1 << 20):
        pass
    os.close(descriptor)


def read_at_random(path):
    descriptor = os.open(path, os.O_RDONLY)
    size = os.fstat(descriptor).st_size
    for _ in range(20):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.pread(descriptor, 1 << 16, random.randrange(size))
    os.close(descriptor)


def fault(path):
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as pages:
        for _ in range(200):
            pages[random.randrange(len(pages))]


def keep_open(path):
    """Reads what it has opened for as long as that goes: for good where the kernel itself reads the file behind it."""
    descriptor = os.open(path, os.O_RDONLY)
    size = os.fstat(descriptor).st_size
    while True:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.pread(descriptor, 1 << 19, random.randrange(size))
        done()
        # It may go on for long, beside other tests.
        time.sleep(0.005)


def look(path):
    os.stat(path)
    os.listdir(os.path.dirname(path))
    os.listdir(mount)
    os.readlink(os.path.join(os.path.dirname(version), "active"))


def write(path):
    name = os.path.join(version, f"note-{os.getpid()}.txt")
    with open(name, "wb") as file:
        file.write(os.urandom(1 << 20))


def work_until_it_fails(work, path):
    """Ends with 0 once the mount is gone; a mapping of a file that is no longer served ends it with SIGBUS."""
    try:
        while True:
            work(path)
            done()
    except OSError as error:
        print(work.__name__, error, file=sys.stderr)
        os._exit(0)
    finally:
        os._exit(1)


workers, names = {}, []
for work in (read_through, read_at_random, fault, keep_open, look, write):
    for path in views:
        number = len(names)
        names.append(f"{work.__name__} {os.path.basename(path)}")
        if (pid := os.fork()) == 0:
            work_until_it_fails(work, path)
        workers[number] = pid
results, failures = {}, []


def collect(until):
    """Notes who has ended."""
    while len(results) < len(workers):
        for number, pid in workers.items():
            if number not in results and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                results[number] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if time.monotonic() > until:
            break
        time.sleep(0.005)


def idle():
    """Who has not done anything yet; to read a file to its end may take as long as it likes."""
    return [name for number, name in enumerate(names) if done_by(number) == 0 and not name.startswith("read_through")]


collect(time.monotonic() + 0.5)
started = time.monotonic()
while idle() and not results and time.monotonic() < started + 2 * patience:
    collect(time.monotonic() + 0.1)
failures += [f"{names[number]} ended with {code} before anything was done" for number, code in results.items()]
failures += [f"{name} did nothing" for name in idle()]
start = time.monotonic()
status = subprocess.run(command, timeout=60).returncode
took = time.monotonic() - start
if status != 0:
    failures.append(f"{command} ended with {status}")
collect(start + patience)
last = time.monotonic() - start
served = {number: done_by(number) for number in workers if number not in results}
# On a machine that has other work, too, a read may take a while.
until = time.monotonic() + patience
while any(done_by(number) == before for number, before in served.items()) and time.monotonic() < until:
    time.sleep(0.1)
for number, before in served.items():
    if not names[number].startswith("keep_open") or done_by(number) == before:
        failures.append(f"{names[number]} hangs in {open(f'/proc/{workers[number]}/wchan').read()}")
    os.kill(workers[number], signal.SIGKILL)
collect(time.monotonic() + 10)
failures += [f"{name} cannot be killed" for number, name in enumerate(names) if number not in results]
for number, code in results.items():
    # A mapping of a file that is no longer served.
    allowed = (0, -signal.SIGBUS) if names[number].startswith("fault") else (0,)
    if number not in served and code not in allowed:
        failures.append(f"{names[number]} ended with {code}")
print(json.dumps({"how": how, "command": round(took, 3), "ended": round(last, 3), "served on": len(served)}))
if failures:
    sys.exit("; ".join(failures))
