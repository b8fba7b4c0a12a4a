"""Checkpoints with numpy's values among torch's, and what tensors they hold.

  numpy_leaves.py cases FOLDER        writes files and prints what to expect of each
  numpy_leaves.py program FOLDER      the same for files that hold a program beside the state dict
"""

import argparse
import collections
import functools
import hashlib
import json
import os
import sys

import numpy as np
import torch


def entry(name, value):
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(np.ascontiguousarray(value.astype(value.dtype.newbyteorder("="))).reshape(value.shape))
        is_array = True
    else:
        is_array = False
    flat = value.detach().contiguous().reshape(-1)
    raw = flat.view(torch.uint8).numpy().tobytes() if flat.numel() and flat.dtype != torch.bool else flat.numpy().tobytes()
    result = {
        "name": name, "dtype": str(value.dtype).removeprefix("torch."), "shape": list(value.shape),
        "sha256": hashlib.sha256(raw).hexdigest(), "parameter": isinstance(value, torch.nn.Parameter),
        "requiresGrad": value.requires_grad, "contiguous": not is_array and value.is_contiguous(),
    }
    return result


def describe(case, state, extras):
    return {
        "case": case, "tensors": [entry(name, value) for name, value in state.items()], "extras": extras,
        "container": "OrderedDict" if isinstance(state, collections.OrderedDict) else "dict",
    }


KINDS = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"]


def arrays():
    for kind in KINDS:
        yield kind.replace("?", "bool"), (np.arange(24) % 7).astype(kind).reshape(2, 3, 4)
    for kind in ("i2", "i4", "u8", "f2", "f4", "f8", "c8", "c16"):
        yield "big-endian-" + kind, (np.arange(24) % 7).astype(">" + kind).reshape(2, 3, 4)
    yield "fortran", np.asfortranarray(np.arange(24.0).reshape(2, 3, 4))
    yield "fortran-bytes", np.asfortranarray((np.arange(240) % 256).astype("u1").reshape(12, 20))
    yield "empty", np.zeros((0, 3), dtype="f4")
    yield "scalar", np.array(2.5)
    yield "one", np.ones((1, 1, 1))
    yield "every-byte", np.arange(256).astype("u1")
    yield "large", np.random.default_rng(1).random((300, 400))
    yield "large-fortran", np.asfortranarray(np.random.default_rng(2).random((300, 400)))


def cases(folder):
    for key, value in arrays():
        for protocol, legacy in ((2, False), (4, False), (5, False), (2, True)):
            state = {"w": torch.arange(6.0).reshape(2, 3), "n": value}
            case = f"{key}-{protocol}{'-legacy' if legacy else ''}.pt"
            torch.save(state, os.path.join(folder, case), pickle_protocol=protocol, _use_new_zipfile_serialization=not legacy)
            yield describe(case, state, [])
    only = {"a": np.arange(3.0), "b": np.arange(4).reshape(2, 2)}
    torch.save(only, os.path.join(folder, "only.pt"))
    yield describe("only.pt", only, [])
    torch.save({"state_dict": only, "epoch": np.int64(3)}, os.path.join(folder, "wrapped.pt"))
    yield describe("wrapped.pt", only, ["epoch"])
    same = np.arange(5.0)
    twice = {"a": same, "b": same, "w": torch.ones(2)}
    torch.save(twice, os.path.join(folder, "twice.pt"))
    yield describe("twice.pt", twice, [])
    mixed = {"w": torch.ones(2), "when": np.datetime64("2026-01-01"), "names": np.array(["a"]), "best": np.float64(1)}
    torch.save(mixed, os.path.join(folder, "mixed.pt"))
    yield describe("mixed.pt", {"w": mixed["w"]}, ["when", "names", "best"])
    state = collections.OrderedDict(w=torch.ones(2))
    leaves = {"state_dict": state, "args": argparse.Namespace(lr=0.1), "hist": np.arange(4), "stats": collections.defaultdict(list, loss=[np.float32(1)])}
    torch.save(leaves, os.path.join(folder, "leaves.pt"))
    yield describe("leaves.pt", state, ["args", "hist", "stats"])


def halve(value):
    return value / 2


class Settings:
    def __init__(self):
        self.size = 3
        self.mean = torch.ones(2)


def programs(folder):
    state = collections.OrderedDict(w=torch.arange(6.0).reshape(2, 3), b=torch.nn.Parameter(torch.ones(3)))
    for key, value in {
        "function": halve, "partial": functools.partial(halve, 3), "object": Settings(), "module": torch.nn.Linear(2, 2),
        "loss": torch.nn.CrossEntropyLoss(), "lambda-holder": collections.defaultdict(Settings, a=Settings()),
    }.items():
        for legacy in (False, True):
            case = f"{key}{'-legacy' if legacy else ''}.ckpt"
            torch.save({"state_dict": state, "extra": value}, os.path.join(folder, case), _use_new_zipfile_serialization=not legacy)
            yield describe(case, state, [])


mode, target = sys.argv[1:]
print(json.dumps(list(cases(target) if mode == "cases" else programs(target))))
