"""Writes a seeded matrix of state dicts. Usage: make_state_dicts.py FOLDER SEED

Each case is a folder with model.pt (torch.save), model.safetensors (save_file, where safetensors can hold the tensors),
state.json (the state dict as Tantra describes one) and storages.bin (the bytes of the storages, one after the other).
"""
import json
import os
import random
import sys
from collections import OrderedDict

import torch
from safetensors.torch import save_file
from torch.nn import Parameter

folder, seed = sys.argv[1], int(sys.argv[2])
generator = torch.Generator().manual_seed(seed)
chance = random.Random(seed)

DTYPES = [
    torch.bool, torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.int8, torch.int16, torch.int32, torch.int64,
    torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex32, torch.complex64, torch.complex128,
    torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz, torch.float8_e8m0fnu,
    torch.float4_e2m1fn_x2,
]
GRADIENT_DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.complex64]
NOT_IN_SAFETENSORS = {torch.complex32, torch.complex128}


def fresh(text):
    """The same text as a new object, as if it had been computed: only literals and one-character strings are shared."""
    return "".join(list(text))


def tensor(dtype, shape):
    """A tensor of random bits that fills a storage of its own."""
    count = 1
    for dimension in shape:
        count *= dimension
    if count == 0:
        return torch.empty(shape, dtype=dtype)
    if dtype is torch.bool:
        return torch.randint(0, 2, (count,), generator=generator).to(torch.bool).reshape(shape)
    data = torch.randint(0, 256, (count * dtype.itemsize,), dtype=torch.uint8, generator=generator)
    return data.view(dtype).reshape(shape)


def storage_bytes(storage):
    view = torch.tensor([], dtype=torch.uint8)
    view.set_(storage)
    return view.numpy().tobytes()


def describe(state):
    storages, objects, tensors, data = {}, {}, [], []
    for index, (name, value) in enumerate(state.items()):
        assert value.is_contiguous()
        storage = value.untyped_storage()
        if storage._cdata not in storages:
            storages[storage._cdata] = len(storages)
            data.append(storage_bytes(storage))
        width = value.dtype.itemsize
        entry = {
            "name": name, "dtype": str(value.dtype).removeprefix("torch."), "shape": list(value.shape),
            "storage": storages[storage._cdata], "byteOffset": value.storage_offset() * width,
            "byteCount": value.numel() * width, "isParameter": isinstance(value, Parameter),
            "requiresGrad": value.requires_grad,
        }
        if id(value) in objects:
            entry["sameObjectAs"] = objects[id(value)]
        objects.setdefault(id(value), index)
        tensors.append(entry)
    result = {"container": "OrderedDict", "tensors": tensors, "storageSizes": [len(each) for each in data]}
    if hasattr(state, "_metadata"):
        result["metadata"] = [
            {"path": path, "fields": [{"name": name, "value": value} for name, value in fields.items()]}
            for path, fields in state._metadata.items()
        ]
    return result, data


def representable(state):
    return all(
        value.dtype not in NOT_IN_SAFETENSORS and not (value.dtype is torch.float4_e2m1fn_x2 and value.dim() == 0)
        for value in state.values()
    )


def independent(value):
    """A copy with a storage of its own; not by clone(), which some dtypes lack."""
    if value.numel() == 0:
        return torch.empty(value.shape, dtype=value.dtype)
    flat = value.detach().reshape(-1).view(torch.uint8).clone()
    return flat.view(value.dtype).reshape(value.shape)


def write(case, items, metadata=None):
    state = OrderedDict(items)
    if metadata is not None:
        state._metadata = metadata
    target = os.path.join(folder, case)
    os.mkdir(target)
    torch.save(state, os.path.join(target, "model.pt"))
    description, data = describe(state)
    if representable(state):
        copies = {name: independent(value) for name, value in state.items()}
        save_file(copies, os.path.join(target, "model.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(target, "state.json"), "w") as file:
        json.dump(description, file)
    with open(os.path.join(target, "storages.bin"), "wb") as file:
        file.write(b"".join(data))


def dtypes():
    shapes = [(), (0,), (1,), (2, 3), (2, 0, 4), (5, 1, 3, 2), (255,), (256,), (2, 1, 1, 1, 1, 3)]
    for dtype in DTYPES:
        write(f"dtype-{str(dtype)[6:]}", [(f"t{i}", tensor(dtype, shape)) for i, shape in enumerate(shapes)])
    mixed = [(f"{chance.randrange(10**6):06}.{i}", tensor(dtype, (i % 3, 2))) for i, dtype in enumerate(DTYPES * 3)]
    write("dtype-mixed", mixed)
    held = [item for item in mixed if item[1].dtype not in NOT_IN_SAFETENSORS]
    write("dtype-mixed-safetensors", held)


def sizes():
    for count in [0, 1, 2, 3, 999, 1000, 1001, 2000, 2001, 5200]:
        write(f"count-{count}", [(f"layer.{i}.weight", tensor(torch.float16, (1,))) for i in range(count)])
    write("count-70000", [(f"t{i}", tensor(torch.uint8, (1,))) for i in range(70000)])
    lengths = [65535, 65536, 70000, 16384 * 5, 1000003]
    write("lengths", [(f"n{n}", tensor(torch.uint8, (n,))) for n in lengths])
    write("strides", [("a", torch.empty((0, 3000000000))), ("b", torch.empty((0, 2**31 - 1, 2))),
                      ("c", torch.empty((2**40, 0, 128), dtype=torch.int8)), ("d", torch.empty((0, 2**31, 2**16)))])


def sharing():
    a, b = tensor(torch.float32, (3, 4)), tensor(torch.bfloat16, (7,))
    write("tie-object", [("a", a), ("b", b), ("c", a), ("d", a), ("e", b)])
    write("tie-detached", [("a", a), ("b", b), ("c", a.detach()), ("d", a.detach()), ("e", b.detach())])
    write("tie-mixed", [("a", a), ("b", a.detach()), ("c", a), ("e", b)])
    base = tensor(torch.float32, (100000,))
    write("view-offsets", [("late", base[99999:]), ("early", base[:10].reshape(2, 5)), ("all", base), ("mid", base[300:600]),
                           ("far", base[70000:70001]), ("none", base[5:5])])
    part = tensor(torch.float64, (64, 64))
    write("view-of-larger", [("rows", part[3:9]), ("row", part[40])])
    small = tensor(torch.float8_e5m2, (600,))
    write("view-untyped", [("a", small[300:]), ("b", small), ("c", small[1:2].reshape(())), ("d", small)])
    pairs = tensor(torch.uint16, (50, 10))
    write("view-untyped-words", [("a", pairs[7:]), ("b", pairs)])
    empty = torch.empty(0)
    write("tie-empty", [("a", empty), ("b", empty), ("c", empty.detach())])


def parameters():
    weight = Parameter(tensor(torch.float32, (2, 2)))
    frozen = Parameter(tensor(torch.float16, (4,)), requires_grad=False)
    write("parameter", [("a", weight), ("b", frozen), ("c", Parameter(tensor(torch.float8_e4m3fn, (3,)), False))])
    write("parameter-ties", [("a", weight), ("b", weight), ("c", weight.detach()), ("d", frozen), ("e", Parameter(frozen, False)),
                             ("f", frozen)])
    leaf = tensor(torch.float32, (5,)).requires_grad_()
    write("requires-grad", [("a", leaf), ("b", leaf.detach()), ("c", leaf), ("d", tensor(torch.complex64, (2,)).requires_grad_())])


def metadata():
    module = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Sequential(torch.nn.Conv1d(4, 4, 3), torch.nn.LayerNorm(4)))
    write("metadata-module", list(module.state_dict().items()), module.state_dict()._metadata)
    kept = module.state_dict(keep_vars=True)
    write("metadata-parameters", list(kept.items()), kept._metadata)
    write("metadata-empty", [("a", tensor(torch.float32, (1,)))], OrderedDict())
    write("metadata-alone", [], OrderedDict([("", {"version": 1})]))
    for count in [1, 2, 999, 1000, 1001, 2000, 2001]:
        modules = OrderedDict((f"module.{i}", {"version": i}) for i in range(count))
        write(f"metadata-{count}", [("a", tensor(torch.int8, (1,)))], modules)
    for count in [0, 1, 2, 999, 1000, 1001, 2000, 2001]:
        fields = {f"field{i}": i for i in range(count)}
        write(f"metadata-fields-{count}", [("a", tensor(torch.int8, (1,)))], OrderedDict([("", fields), ("m", {})]))
    values = [0, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**39 - 1, 2**39, 2**63 - 1, 2**55, -1, -128, -129, -2**31,
              -2**31 - 1, -2**39, -2**39 - 1, -2**55, -2**55 - 1, -2**62, -2**63]
    write("metadata-values", [("a", tensor(torch.int8, (1,)))],
          OrderedDict([(fresh("paths"), {f"f{i}": value for i, value in enumerate(values)})]))
    short = OrderedDict([("", {"version": 1}), ("a", {"version": 2, "v": 3}), (fresh("ab"), {"v": 4, "version": 5})])
    write("metadata-short-names", [("a", tensor(torch.int8, (1,))), ("v", tensor(torch.int8, (1,)))], short)


def names():
    shared = ["", "a", "b", "é", "e\u0301", "\u00ff", "\u0100", "日本", "日", "😀", "\x00", "\x7f", "\x80", "\u2028", '"', "\\",
              'say "hi"', "back\\slash", "tab\there", "line\nfeed", "\b\f\r\x1b\x1f", "ключ", "Z", "z", "a.b", "a.b.c", "/", "a/b"]
    write("names", [(fresh(name), tensor(torch.float32, (1,))) for name in shared])
    write("names-digits", [(str(i), tensor(torch.float32, (1,))) for i in range(12)])
    write("names-digits-ties", [(str(i), value) for i, value in enumerate([tensor(torch.float32, (1,))] * 3)])
    write("names-long", [("x" * n, tensor(torch.uint8, (1,))) for n in [2, 255, 256, 65535, 65536, 70000]])
    write("names-padding", [("p" * n, tensor(torch.uint8, (1,))) for n in range(1, 9)])


def lookalikes():
    marks = [b"PK\7\8abcd", b"PK\7\x08\1\2\3\4", b"PK\7\x08\1\2\3\4 and more", b"PK\7\x08\1\2\3", b"PK\7\x08", b"PK\1\2abcdefgh",
             b"PK\7\x08\xff\xff\xff\xff\0"]
    items = [(f"m{i}", torch.frombuffer(bytearray(mark), dtype=torch.uint8)) for i, mark in enumerate(marks)]
    write("lookalikes", items)


def mixtures():
    for index in range(40):
        items, pool = [], []
        for _ in range(chance.randrange(60)):
            name = fresh("".join(chance.choice("ab.0é日_") for _ in range(chance.randrange(12))))
            kind = chance.randrange(8)
            if kind < 2 and pool:
                value = chance.choice(pool)
            elif kind == 2 and pool:
                value = chance.choice(pool).detach()
            elif kind == 3 and pool:
                source = chance.choice(pool).detach()
                flat = source.reshape(-1)
                start = chance.randrange(flat.numel() + 1)
                value = flat[start:start + chance.randrange(10)]
            elif kind == 4:
                value = Parameter(tensor(chance.choice(GRADIENT_DTYPES), (chance.randrange(5),)), chance.random() < 0.5)
            else:
                value = tensor(chance.choice(DTYPES), tuple(chance.randrange(4) for _ in range(chance.randrange(5))))
            pool.append(value)
            items.append((name, value))
        modules = None
        if chance.random() < 0.5:
            modules = OrderedDict((fresh(f"m.{i}"), {"version": chance.randrange(3)}) for i in range(chance.randrange(5)))
        write(f"mixture-{index}", items, modules)


for make in [dtypes, sizes, sharing, parameters, metadata, names, lookalikes, mixtures]:
    make()
