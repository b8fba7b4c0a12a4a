"""Compares the views of an imported version with the file it came from. Usage: mount_original.py SOURCE FOLDER [--written VIEW]

SOURCE is a torch or safetensors file; torch.load or load_file reads its state dict, unwrapped as trainers wrap it. Every
tensor of every view in FOLDER must have the same name, dtype, shape and bits. A view that was not written must equal what
torch.save(OrderedDict) or save_file(metadata={"format": "pt"}) writes, byte for byte."""
import argparse
import json
import os
import tempfile
from collections import OrderedDict

import torch
from safetensors.torch import load_file, save_file

parser = argparse.ArgumentParser()
parser.add_argument("source")
parser.add_argument("folder")
parser.add_argument("--written", default="")
arguments = parser.parse_args()
WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "module", "params", "params_ema")


def load(path):
    if path.endswith(".safetensors"):
        return load_file(path)
    value = torch.load(path, map_location="cpu", weights_only=True)
    wrapped = [key for key in WRAPPERS if key in value]
    return value[wrapped[0]] if len(wrapped) == 1 else value


def same(expected, found, what):
    assert set(expected) == set(found), f"{what}: names differ: {sorted(set(expected) ^ set(found))[:5]}"
    for name, tensor in expected.items():
        other = found[name]
        assert tensor.dtype == other.dtype and tensor.shape == other.shape, f"{what}: {name}: dtype or shape differ"
        assert tensor.numel() == 0 or torch.equal(
            tensor.contiguous().reshape(-1).view(torch.uint8), other.contiguous().reshape(-1).view(torch.uint8)
        ), f"{what}: {name}: bits differ"


expected = load(arguments.source)
view = lambda name: os.path.join(arguments.folder, "model." + name)
for name in ("pt", "bin", "safetensors"):
    same(expected, load(view(name)), name)
with tempfile.TemporaryDirectory() as scratch:
    path = os.path.join(scratch, "model.bin")
    if arguments.written != "safetensors":
        save_file({name: tensor.contiguous().clone() for name, tensor in expected.items()},
                  os.path.join(scratch, "model.safetensors"), metadata={"format": "pt"})
        with open(os.path.join(scratch, "model.safetensors"), "rb") as file, open(view("safetensors"), "rb") as other:
            assert file.read() == other.read(), "model.safetensors differs from what save_file writes"
    else:
        # safe_open's order in the file decides the table's.
        torch.save(OrderedDict(expected), path)
        with open(path, "rb") as file, open(view("bin"), "rb") as other:
            assert file.read() == other.read(), "model.bin differs from what torch.save writes"
print(json.dumps({"equal": True, "tensors": len(expected)}))
