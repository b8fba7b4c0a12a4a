"""Mounts in the foreground and ends it by signals. Usage: mount_foreground.py TANTRA STORE MOUNTPOINT

For INT and TERM each: starts `tantra mount --foreground`, waits for the mount, reads a file, sends the signal, and waits for
the end. Prints the exit codes as JSON; ends with 1 if a mount does not come or stays."""
import json
import os
import signal
import subprocess
import sys
import time

tantra, store, mountpoint = sys.argv[1:]


def unblock():
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def wait(condition, what):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


codes = {}
for number in (signal.SIGINT, signal.SIGTERM):
    process = subprocess.Popen(
        [tantra, "mount", mountpoint, "--foreground", "--store", store], preexec_fn=unblock, stderr=subprocess.PIPE)
    try:
        wait(lambda: os.path.ismount(mountpoint), "the mount did not come")
        with open(os.path.join(mountpoint, "mamba", "active", "config.json")) as file:
            assert "MambaForCausalLM" in file.read()
        process.send_signal(number)
        codes[number.name] = process.wait(timeout=20)
        wait(lambda: not os.path.ismount(mountpoint), "the mount stayed")
        assert b"unmounted" in process.stderr.read()
    finally:
        process.kill()
print(json.dumps(codes))
