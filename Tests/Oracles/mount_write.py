"""Writes a version as one library does and checks what the mount makes of it.
Usage: mount_write.py (torch_save | torch_save_checkpoint | save_file | copytree | memmap) FOLDER SOURCE SCRATCH

FOLDER is a version that is not there yet, SOURCE a folder with model.safetensors, SCRATCH an empty folder elsewhere. Ends
with 1 and a message at the first thing that differs from the same work done in SCRATCH."""
import filecmp
import os
import shutil
import sys

import numpy
import torch
from safetensors.torch import load_file, save_file

case, folder, source, scratch = sys.argv[1:]
weights = load_file(os.path.join(source, "model.safetensors"))


def same(a, b):
    assert list(sorted(a)) == list(sorted(b)), f"names differ: {sorted(set(a) ^ set(b))}"
    for name in a:
        assert torch.equal(a[name], b[name]), f"{name} differs"


def everywhere():
    """The state dict as every format of the version shows it."""
    for name in ("model.pt", "model.bin"):
        found = torch.load(os.path.join(folder, name), weights_only=True)
        same(weights, found.get("model", found))
    same(weights, load_file(os.path.join(folder, "model.safetensors")))


if case == "torch_save":
    os.mkdir(folder)
    torch.save(weights, os.path.join(folder, "model.pt"))
    torch.save(weights, os.path.join(scratch, "model.pt"))
    assert filecmp.cmp(os.path.join(folder, "model.pt"), os.path.join(scratch, "model.pt"), shallow=False)
    everywhere()
    # Over what is published: the same weights are taken, others make another edition in all formats.
    torch.save(weights, os.path.join(folder, "model.pt"))
    everywhere()
    weights = {name: tensor + 1 for name, tensor in weights.items()}
    torch.save(weights, os.path.join(folder, "model.pt"))
    everywhere()
elif case == "torch_save_checkpoint":
    os.mkdir(folder)
    optimizer = torch.optim.Adam([torch.nn.Parameter(tensor) for tensor in weights.values()])
    path = os.path.join(folder, "model.pt")
    torch.save({"model": weights, "optimizer": optimizer.state_dict(), "step": 7}, path)
    loaded = torch.load(path, weights_only=True)
    assert loaded["step"] == 7 and "param_groups" in loaded["optimizer"]
    same(weights, load_file(os.path.join(folder, "model.safetensors")))
elif case == "save_file":
    os.mkdir(folder)
    save_file(weights, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    everywhere()
    save_file(weights, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    everywhere()
elif case == "copytree":
    shutil.copytree(source, folder)
    everywhere()
    shutil.copytree(source, folder, dirs_exist_ok=True)
    for base, _, names in os.walk(source):
        for name in names:
            path = os.path.join(base, name)
            other = os.path.join(folder, os.path.relpath(path, source))
            assert filecmp.cmp(path, other, shallow=False), f"{path} differs"
    shutil.copytree(folder, os.path.join(scratch, "back"))
elif case == "memmap":
    shutil.copytree(source, folder)
    path = os.path.join(folder, "index.npy")
    array = numpy.lib.format.open_memmap(path, mode="w+", dtype="float32", shape=(100, 100))
    array[:] = numpy.arange(10000, dtype="float32").reshape(100, 100)
    array.flush()
    del array
    again = numpy.load(path, mmap_mode="r")
    assert again[99, 99] == 9999 and again[0, 1] == 1, again
else:
    raise SystemExit(f"unknown case {case}")
