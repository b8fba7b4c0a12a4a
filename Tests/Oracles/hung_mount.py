"""Puts a file system on MOUNTPOINT that takes every request and answers none, and runs COMMAND. Usage:

hung_mount.py MOUNTPOINT SECONDS COMMAND...

Whoever waits for such a file system can be ended by nobody, unlike one whose request nobody has taken. Prints what COMMAND wrote, and
in the last line its exit code. Ends with 1 if it has not ended after SECONDS. The mount is gone afterwards."""
import ctypes
import os
import struct
import subprocess
import sys
import threading

mountpoint, seconds, command = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
libc = ctypes.CDLL(None, use_errno=True)
INIT, DETACH = 26, 2


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def serve(device):
    """Takes requests; answers the first, with which the kernel begins."""
    while True:
        try:
            request = os.read(device, 1 << 18)
        except OSError:
            return
        _, opcode, unique = struct.unpack_from("=IIQ", request)
        if opcode == INIT:
            # Version 7.31; nothing that is optional; writes of a page.
            body = struct.pack("=IIIIHHII", 7, 31, 4096, 0, 4, 4, 4096, 1) + bytes(36)
            os.write(device, struct.pack("=IiQ", 16 + len(body), 0, unique) + body)


device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
check(libc.mount(b"tantra", mountpoint.encode(), b"fuse.tantra", 0, options.encode()))
threading.Thread(target=serve, args=(device,), daemon=True).start()
program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
# Its end, not that of its output: others may have that.
ended = True
try:
    program.wait(seconds)
except subprocess.TimeoutExpired:
    ended = False
# Lets everybody go who waits for it.
libc.umount2(mountpoint.encode(), DETACH)
os.close(device)
program.kill()
output, _ = program.communicate()
print(output, program.returncode, sep="\n")
sys.stdout.flush()
os._exit(0 if ended else 1)
