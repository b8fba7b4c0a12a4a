"""Checks the views of one version against torch and safetensors. Usage: mount_views.py MOUNT MODEL VERSION [--written VIEW...]

Loads model.pt and model.bin with torch.load(weights_only=True), with and without mmap, and model.safetensors with
load_file and safe_open; all must hold the same names, shapes, dtypes and bits. Names must come in each format's order:
torch.load gives the table's; a file made by save_file has its tensors by dtype, then name, and so does what load_file and
safe_open's offset_keys() return; safe_open's keys() are sorted by their UTF-8 bytes, whatever the file's order.
Then writes the state dict with torch.save and save_file, and each view must equal that file byte for byte, unless it is
named after --written (a file that a user wrote is served as it is). Python's zipfile and `unzip -t` test .pt and .bin.
Prints a JSON summary; ends with 1 and a message if anything differs."""
import argparse
import hashlib
import json
import os
import struct
import subprocess
import tempfile
import zipfile
from collections import OrderedDict

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file


def bits(tensor):
    tensor = tensor.detach().contiguous()
    return tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


def check_same(expected, found, what):
    assert set(found) == set(expected), f"{what}: names differ: {sorted(set(found) ^ set(expected))[:5]}"
    for name, tensor in expected.items():
        other = found[name]
        assert other.dtype == tensor.dtype, f"{what}: {name}: dtype {other.dtype}, expected {tensor.dtype}"
        assert other.shape == tensor.shape, f"{what}: {name}: shape {other.shape}, expected {tensor.shape}"
        assert bits(other) == bits(tensor), f"{what}: {name}: bits differ"


def header_names(path):
    """Names of a safetensors file in the order of its data, read without the library."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return sorted(header, key=lambda name: (header[name]["data_offsets"], list(header).index(name)))


def first_difference(path, other):
    """None if two files are equal, else what tells them apart."""
    a, b = os.path.getsize(path), os.path.getsize(other)
    if a != b:
        return f"size {a}, expected {b}"
    with open(path, "rb") as left, open(other, "rb") as right:
        offset = 0
        while chunk := left.read(1 << 20):
            expected = right.read(1 << 20)
            if chunk != expected:
                at = next(i for i in range(len(chunk)) if chunk[i] != expected[i])
                return f"byte {offset + at} is {chunk[at]:#04x}, expected {expected[at]:#04x}"
            offset += len(chunk)
    return None


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mount")
    parser.add_argument("model")
    parser.add_argument("version")
    parser.add_argument("--written", nargs="*", default=[], metavar="VIEW", help="views that a user wrote: pt, bin, safetensors")
    arguments = parser.parse_args()
    folder = os.path.join(arguments.mount, arguments.model, arguments.version)
    path = {view: os.path.join(folder, f"model.{view}") for view in ("pt", "bin", "safetensors")}

    state = torch.load(path["pt"], weights_only=True)
    order = list(state)
    for view in ("pt", "bin"):
        for mmap in (False, True):
            what = f"torch.load(model.{view}, mmap={mmap})"
            loaded = torch.load(path[view], weights_only=True, mmap=mmap)
            check_same(state, loaded, what)
            assert list(loaded) == order, f"{what}: names come in another order than those of model.pt"

    by_name = sorted(order, key=lambda name: name.encode())
    loaded = load_file(path["safetensors"])
    check_same(state, loaded, "load_file")
    with safe_open(path["safetensors"], "pt") as file:
        keys = list(file.keys())
        check_same(state, {name: file.get_tensor(name) for name in keys}, "safe_open")
        metadata = file.metadata()
        assert "safetensors" in arguments.written or metadata == {"format": "pt"}, f"safe_open: metadata {metadata}"
        in_file = header_names(path["safetensors"])
        assert list(file.offset_keys()) == in_file, "safe_open: offset_keys() are not in the order of the data"
        assert keys == by_name, "safe_open: keys() are not sorted"
        assert list(loaded) == in_file, "load_file: names are not in the order of the data"

    reference = {}
    with tempfile.TemporaryDirectory() as scratch:
        plain = OrderedDict(state)
        if hasattr(state, "_metadata"):
            plain._metadata = state._metadata
        torch.save(plain, os.path.join(scratch, "model.pt"))
        torch.save(plain, os.path.join(scratch, "model.bin"))
        # save_file refuses tied tensors; each tensor of a safetensors file has its own bytes.
        save_file({name: tensor.detach().clone().contiguous() for name, tensor in state.items()},
                  os.path.join(scratch, "model.safetensors"), metadata={"format": "pt"})
        for view in path:
            difference = first_difference(path[view], os.path.join(scratch, f"model.{view}"))
            reference[view] = difference is None
            assert difference is None or view in arguments.written, f"model.{view} is not what the library writes: {difference}"

    for view in ("pt", "bin"):
        with zipfile.ZipFile(path[view]) as archive:
            assert archive.testzip() is None, f"model.{view}: zipfile finds {archive.testzip()} damaged"
        tested = subprocess.run(["unzip", "-tqq", path[view]], capture_output=True, text=True)
        assert tested.returncode == 0, f"unzip -t model.{view}: {tested.returncode}: {tested.stdout}{tested.stderr}"

    print(json.dumps({
        "tensors": len(order),
        "elements": sum(tensor.numel() for tensor in state.values()),
        "dtypes": sorted({str(tensor.dtype) for tensor in state.values()}),
        "container": type(state).__name__,
        "metadata_of_modules": len(getattr(state, "_metadata", {})),
        "ties": len(order) - len({tensor.untyped_storage()._cdata for tensor in state.values()}),
        "bytes": {view: os.path.getsize(path[view]) for view in path},
        "equals_reference_writer": reference,
        "sha256": {view: digest(path[view]) for view in path},
    }, indent=2))


main()
