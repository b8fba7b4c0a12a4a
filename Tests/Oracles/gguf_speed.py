"""Prints how fast computed GGUF files are read: gguf_speed.py TANTRA [MEBIBYTES] [ROUNDS]

Of F32 weights, in GB of them a second, all in memory: the plain file, each computed file at its first read, and the `gguf` package's own
converter (numpy), which reads the plain file and keeps nothing. The rounds take turns; each figure is the median."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

import gguf
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

tantra = sys.argv[1]
mebibytes = int(sys.argv[2]) if len(sys.argv) > 2 else 512
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
types = [gguf.GGMLQuantizationType[name] for name in ("Q8_0", "F16", "BF16", "Q4_0")]


def read(path):
    """Seconds that it takes to read a file of which the kernel has nothing."""
    with open(path, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        buffer, start = bytearray(1 << 20), time.perf_counter()
        while file.readinto(buffer):
            pass
        return time.perf_counter() - start


def convert(path, kind):
    start = time.perf_counter()
    with safe_open(path, "numpy") as file:
        for name in file.keys():
            gguf.quants.quantize(file.get_tensor(name), kind)
    return time.perf_counter() - start


with tempfile.TemporaryDirectory(prefix="tantra-speed-") as scratch:
    store, mountpoint, source = (os.path.join(scratch, name) for name in ("store", "mnt", "source.safetensors"))
    numbers = np.random.default_rng(1)
    save_file({f"layer.{i}.weight": numbers.standard_normal((1024, 1024), dtype=np.float32) for i in range(mebibytes // 4)}, source)
    run = lambda *words: subprocess.run([tantra, *words, "--store", store], check=True, stdout=subprocess.DEVNULL)
    run("import", source, "--model", "speed", "--version", "v1")
    run("mount", mountpoint)
    try:
        plain = os.path.join(mountpoint, "speed", "v1", "model.safetensors")
        ways = {"plain file": lambda: read(plain)}
        for kind in types:
            path = os.path.join(mountpoint, ".derived", "speed", "v1", f"model-{kind.name}.gguf")
            ways[f"{kind.name} computed"] = lambda path=path: read(path)
            ways[f"{kind.name} by numpy"] = lambda kind=kind: convert(source, kind)
        seconds = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                # What is read must not have to come from the disk.
                subprocess.run(["cat", source, plain], stdout=subprocess.DEVNULL, check=True)
                seconds[name].append(way())
        speeds = {name: mebibytes * 2**20 / 1e9 / statistics.median(each) for name, each in seconds.items()}
        for name, speed in speeds.items():
            other = speeds.get(name.replace("computed", "by numpy"), speed)
            print(f"{name:16} {speed:6.2f} GB/s" + (f" {speed / other:7.1f} times numpy's" if other != speed else ""))
    finally:
        subprocess.run([tantra, "unmount", mountpoint], check=True, stdout=subprocess.DEVNULL)
