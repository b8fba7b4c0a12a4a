"""Reads model.safetensors through active/ while somebody switches versions.
Usage: mount_switch.py MODEL_FOLDER (SECONDS | STOP_FILE) VERSION=SHA256 VERSION=SHA256 ...

Loops for SECONDS, or until STOP_FILE exists. In turn it reads the file whole, reads it in small pieces with pauses in
between, and loads it with safetensors through mmap. Whatever was open must be wholly one version: bytes with one of the
digests given, or, of the mapped file, tensors of one version only, compared by what the folder of the version itself
holds. Prints a JSON summary of what was seen; ends with 1 at the first error or mixture."""
import hashlib
import json
import os
import sys
import time

import torch
from safetensors import safe_open
from safetensors.torch import load_file

folder, limit = sys.argv[1:3]
versions = {digest: version for version, digest in (argument.rsplit("=", 1) for argument in sys.argv[3:])}
path = os.path.join(folder, "active", "model.safetensors")

try:
    deadline, stop_file = time.monotonic() + float(limit), None
except ValueError:
    deadline, stop_file = None, limit


def tensor_digest(tensors):
    """Digest over names, dtypes, shapes and data, whichever way the tensors were read."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return digest.hexdigest()


for digest, version in versions.items():
    with open(os.path.join(folder, version, "model.safetensors"), "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    assert found == digest, f"{version}: digest {found}, expected {digest}"
tensor_versions = {
    tensor_digest(load_file(os.path.join(folder, version, "model.safetensors"))): version for version in versions.values()
}


def whole():
    with open(path, "rb") as file:
        return versions.get(hashlib.sha256(file.read()).hexdigest())


def in_pieces():
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        piece = max(os.fstat(file.fileno()).st_size // 8, 4096)
        while chunk := file.read(piece):
            digest.update(chunk)
            time.sleep(0.001)
    return versions.get(digest.hexdigest())


def mapped():
    with safe_open(path, "pt") as file:
        return tensor_versions.get(tensor_digest({name: file.get_tensor(name) for name in file.keys()}))


def resolved():
    """What a program of several files does: it resolves the folder once."""
    real = os.path.realpath(os.path.join(folder, "active"))
    version = tensor_versions.get(tensor_digest(load_file(os.path.join(real, "model.safetensors"))))
    return version if version == os.path.basename(real) else None


readers = [whole, in_pieces, mapped, resolved]
seen = {version: 0 for version in versions.values()}
reads = {reader.__name__: 0 for reader in readers}
switches, last = 0, None
while not (os.path.exists(stop_file) if stop_file else time.monotonic() > deadline) or 0 in reads.values():
    for reader in readers:
        version = reader()
        assert version is not None, f"{reader.__name__}: read {sum(reads.values())} is no single version"
        seen[version] += 1
        reads[reader.__name__] += 1
        switches += last is not None and version != last
        last = version
print(json.dumps({"reads": reads, "versions": seen, "switches_seen": switches}))
