"""Writes seeded checkpoints as programs write them, and what they hold in plain form. Usage: make_checkpoints.py FOLDER SEED COUNT

Each case is a folder with source.pt or source.safetensors, model.pt (torch.save of an OrderedDict of the tensors, contiguous,
in order, by their dotted names), model.safetensors (save_file of the same, where safetensors can hold it) and case.json.
"""
import json
import os
import random
import sys
from collections import OrderedDict

import torch
from safetensors.torch import save_file
from torch.nn import Parameter

folder, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
generator = torch.Generator().manual_seed(seed)
chance = random.Random(seed)

LEGACY = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16,
    torch.float32, torch.float64, torch.complex64, torch.complex128,
]
OTHERS = [
    torch.uint16, torch.uint32, torch.uint64, torch.complex32, torch.float8_e4m3fn, torch.float8_e4m3fnuz,
    torch.float8_e5m2, torch.float8_e5m2fnuz, torch.float8_e8m0fnu, torch.float4_e2m1fn_x2,
]
STRIDED = [torch.uint8, torch.int16, torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.complex64]
GRADIENT = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.complex64]
NOT_IN_SAFETENSORS = {torch.complex32, torch.complex128}
FORMS = [
    "plain", "dict", "wrapped", "trainer", "nested", "list", "legacy", "legacy-wrapped", "cuda", "cuda-wrapped", "safetensors",
    "protocol-3",
]


def fresh(text):
    """The same text as a new object: pickles refer back to objects that they have seen."""
    return "".join(list(text))


def tensor(dtype, shape):
    elements = 1
    for dimension in shape:
        elements *= dimension
    if elements == 0:
        return torch.empty(shape, dtype=dtype)
    if dtype is torch.bool:
        return torch.randint(0, 2, (elements,), generator=generator).to(torch.bool).reshape(shape)
    data = torch.randint(0, 256, (elements * dtype.itemsize,), dtype=torch.uint8, generator=generator)
    return data.view(dtype).reshape(shape)


def raw(value):
    """The bytes of a contiguous tensor."""
    return value.detach().reshape(-1).view(torch.uint8)


def independent(value):
    """A contiguous copy with a storage of its own; not by clone(), which some dtypes lack."""
    if value.numel() == 0:
        return torch.empty(value.shape, dtype=value.dtype)
    return raw(value.detach().contiguous()).clone().view(value.dtype).reshape(value.shape)


def make_items(dtypes):
    """Names and tensors with everything that state dicts have: ties, views, strides, Parameters, gradients."""
    items, pool = [], []
    for index in range(1 + chance.randrange(25)):
        name = fresh(f"layer{index}." + "".join(chance.choice("ab0é日_") for _ in range(chance.randrange(8))))
        kind = chance.randrange(10)
        if kind == 0 and pool:
            value = chance.choice(pool)
        elif kind == 1 and pool:
            value = chance.choice(pool).detach()
        elif kind == 2 and pool:
            flat = chance.choice([each for each in pool]).detach()
            flat = flat.reshape(-1) if flat.is_contiguous() else flat
            start = chance.randrange(flat.shape[0] + 1) if flat.dim() else 0
            value = flat[start:start + chance.randrange(10)] if flat.dim() else flat
        elif kind == 3:
            value = tensor(chance.choice(STRIDED), (3, 4)).t()
        elif kind == 4:
            value = tensor(chance.choice(STRIDED), (4, 6))[:, ::2]
        elif kind == 5:
            value = tensor(torch.float32, (1, 3)).expand(4, 3)
        elif kind == 6:
            value = Parameter(tensor(chance.choice(GRADIENT), (chance.randrange(5), 2)), chance.random() < 0.5)
        elif kind == 7:
            value = tensor(chance.choice(GRADIENT), (2, 3)).requires_grad_()
        else:
            value = tensor(chance.choice(dtypes), tuple(chance.randrange(4) for _ in range(chance.randrange(5))))
        pool.append(value)
        items.append((name, value))
    return items


def canonical(shape):
    """The strides of a contiguous tensor."""
    return torch.empty(shape, device="meta").stride()


def plainly(items):
    """The items as a synthesized file has them: strided tensors are copied, each stretch of elements once."""
    copies, objects, result = {}, {}, []
    for name, value in items:
        if id(value) in objects:
            result.append((fresh(name), objects[id(value)]))
            continue
        plain = value
        if value.numel() > 0 and not value.is_contiguous():
            key = (value.data_ptr(), value.dtype, tuple(value.shape), tuple(value.stride()))
            if key not in copies:
                copies[key] = independent(value)
            plain = copies[key].view(value.shape)
            if isinstance(value, Parameter):
                plain = Parameter(plain, value.requires_grad)
            elif value.requires_grad:
                plain = plain.detach().requires_grad_()
        elif value.stride() != canonical(value.shape) and not isinstance(value, Parameter):
            # Dimensions of one element, and tensors of none, may have any strides; written, they have those of their shape.
            plain = value.detach().as_strided(value.shape, canonical(value.shape), value.storage_offset())
            if value.requires_grad:
                plain.requires_grad_()
        objects[id(value)] = plain
        result.append((fresh(name), plain))
    return result, (copies, objects)


def nested(items):
    """The items in dicts, lists and tuples, and their dotted names in order."""
    root, names, inner = OrderedDict(), [], {}
    third = max(1, len(items) // 3)
    for name, value in items[:third]:
        inner[name] = value
        names.append(("encoder." + name, value))
    root["encoder"] = inner
    pair = [value for _, value in items[third:2 * third]]
    root["blocks"] = [tuple(pair), {"last": pair[-1]}] if pair else []
    names += [(f"blocks.0.{index}", value) for index, value in enumerate(pair)]
    names += [("blocks.1.last", pair[-1])] if pair else []
    for name, value in items[2 * third:]:
        root[name] = value
        names.append((name, value))
    root["step"] = 7
    return root, names


def representable(items):
    return all(
        value.dtype not in NOT_IN_SAFETENSORS and not (value.dtype is torch.float4_e2m1fn_x2 and value.dim() == 0)
        for _, value in items
    )


def save(value, path, form):
    """torch.save, as the form wants it."""
    tag = torch.serialization.location_tag
    if form.startswith("cuda"):
        torch.serialization.location_tag = lambda storage: fresh("cuda:0")
    try:
        torch.save(
            value, path, _use_new_zipfile_serialization=not form.startswith("legacy"),
            pickle_protocol=3 if form == "protocol-3" else 2)
    finally:
        torch.serialization.location_tag = tag


def write(case, form):
    target = os.path.join(folder, case)
    os.mkdir(target)
    dtypes = LEGACY if form.startswith("legacy") else LEGACY + OTHERS
    items = make_items(dtypes)
    modules = None
    if form == "safetensors":
        items = [(name, independent(value)) for name, value in items if value.dtype not in NOT_IN_SAFETENSORS]
        items = [(name, value) for name, value in items if value.dtype is not torch.float4_e2m1fn_x2 or value.dim() > 0]
        items = items or [("a", tensor(torch.float32, (2,)))]
        path = os.path.join(target, "source.safetensors")
        save_file(dict(items), path, metadata={"format": "pt", "license": "MIT"})
        with open(path, "rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        header.pop("__metadata__")
        order = sorted(header, key=lambda name: header[name]["data_offsets"])
        known = dict(items)
        items = [(name, known[name]) for name in order]
    else:
        if form in ("nested", "list"):
            value, items = nested(items)
            if form == "list":
                value = [value]
                items = [("0." + name, each) for name, each in items]
        else:
            value = dict(items) if form == "dict" else OrderedDict(items)
            if form != "dict" and chance.random() < 0.6:
                modules = [(f"m.{i}", chance.randrange(3)) for i in range(chance.randrange(4))]
                value._metadata = OrderedDict((fresh(path), {"version": version}) for path, version in modules)
        if form.endswith("wrapped"):
            key = chance.choice(["state_dict", "model_state_dict", "model_state", "model", "module", "params", "params_ema"])
            value = {"epoch": 3, key: value, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]}}
        elif form == "trainer":
            value = {"model": {"state_dict": value, "args": {"dim": 4}}, "loss": 0.5}
        save(value, os.path.join(target, "source.pt"), form)
    plain, keep = plainly(items)
    state = OrderedDict(plain)
    if modules is not None:
        state._metadata = OrderedDict((fresh(path), {"version": version}) for path, version in modules)
    torch.save(state, os.path.join(target, "model.pt"))
    if representable(items):
        copies = {name: independent(value) for name, value in items}
        save_file(copies, os.path.join(target, "model.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(target, "case.json"), "w") as file:
        json.dump({"form": form, "tensorCount": len(items), "strided": any(
            value.numel() > 0 and not value.is_contiguous() for _, value in items)}, file)


for index in range(count):
    form = FORMS[index % len(FORMS)]
    write(f"{index:03}-{form}", form)
