"""What torch finds in weight files, as JSON.

  torch_read.py cases FOLDER          writes state dicts of every kind to FOLDER and prints what to expect of each
  torch_read.py load FILE [KEY ...]   loads FILE, follows the keys, and prints the tensors found there
  torch_read.py loadable FILE ...     loads each file and prints its tensors, or null where torch refuses it
"""

import collections
import hashlib
import json
import os
import sys
import warnings

import numpy as np
import torch

warnings.simplefilter("ignore")


def sha256(tensor):
    flat = tensor.detach().contiguous().clone()
    if flat.numel() == 0:
        return hashlib.sha256(b"").hexdigest()
    data = flat.reshape(-1).view(torch.uint8) if flat.dtype != torch.bool else flat.reshape(-1).to(torch.uint8)
    return hashlib.sha256(data.numpy().tobytes()).hexdigest()


def contiguous(tensor):
    return tensor.numel() == 0 or tensor.is_contiguous()


def from_array(array):
    """The array as a tensor; None if torch has no such type."""
    native = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))).reshape(array.shape)
    try:
        tensor = torch.from_numpy(native)
    except TypeError:
        return None
    tensor.is_array = True
    return tensor


def holds_tensors(value):
    if isinstance(value, torch.Tensor):
        return True
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else []
    return any(holds_tensors(item) for item in items)


def flatten(value, prefix=""):
    """Name and tensor of everything in nested dicts and lists, arrays in dicts of tensors included."""
    if isinstance(value, torch.Tensor):
        yield prefix, value
        return
    if isinstance(value, dict) and (value is ROOT[0] or holds_tensors(value)):
        value = {key: from_array(item) if isinstance(item, np.ndarray) else item for key, item in value.items()}
        if prefix == "":
            ROOT[0] = value
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else []
    for key, item in entries:
        yield from flatten(item, f"{prefix}.{key}" if prefix != "" or value is not ROOT[0] else str(key))


ROOT = [None]


def describe(root, strip=True):
    ROOT[0] = root
    given = root
    objects, tensors, storages = {}, [], {}
    for name, tensor in flatten(root):
        entry = {
            "name": name,
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
            "sha256": sha256(tensor),
            "parameter": isinstance(tensor, torch.nn.Parameter),
            "requiresGrad": tensor.requires_grad,
            "contiguous": contiguous(tensor) and not hasattr(tensor, "is_array"),
        }
        if id(tensor) in objects:
            entry["sameObjectAs"] = objects[id(tensor)]
        else:
            objects[id(tensor)] = len(tensors)
        if tensor.untyped_storage().nbytes() > 0 and entry["contiguous"]:
            key = tensor.untyped_storage().data_ptr()
            entry["storage"] = storages.setdefault(key, len(storages))
            entry["byteOffset"] = tensor.storage_offset() * tensor.element_size()
        tensors.append(entry)
    result = {"tensors": tensors, "container": "OrderedDict" if isinstance(given, collections.OrderedDict) else "dict"}
    metadata = getattr(given, "_metadata", None)
    if metadata is not None:
        result["metadata"] = [[path, list(fields.items())] for path, fields in metadata.items()]
    return result


DTYPES = [
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32",
    "float64", "complex32", "complex64", "complex128", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2",
    "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2",
]
LEGACY_DTYPES = [
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64",
    "complex128",
]


def filled(dtype, *shape):
    dtype = getattr(torch, dtype)
    count = 1
    for size in shape:
        count *= size
    if dtype == torch.bool:
        return (torch.arange(count) % 3 == 0).reshape(shape)
    width = torch.empty(0, dtype=dtype).element_size()
    raw = (torch.arange(count * width) * 37 % 251).to(torch.uint8)
    return raw.view(dtype).reshape(shape) if count else torch.empty(shape, dtype=dtype)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(7, 4)
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 4))
        self.head = torch.nn.Linear(4, 7, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("scalar", torch.tensor(2.5))


def trained():
    torch.manual_seed(1)
    model = Model()
    optimizer = torch.optim.AdamW(model.parameters())
    model.head(model.layers(model.embed(torch.tensor([[1], [2], [3]])).squeeze(1))).sum().backward()
    optimizer.step()
    return model, optimizer


def cases():
    """Yields name, the object to save, the keys that lead to its state dict, extras, whether it is plain, and options."""
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    model, optimizer = trained()
    ordered = collections.OrderedDict
    for dtype in DTYPES:
        yield f"dtype-{dtype}", {"t": filled(dtype, 3, 4), "s": filled(dtype), "e": filled(dtype, 0, 5)}, [], [], True, {}
    for dtype in LEGACY_DTYPES:
        value = {"t": filled(dtype, 3, 4), "s": filled(dtype), "e": filled(dtype, 0, 5)}
        yield f"legacy-{dtype}", value, [], [], False, {"legacy": True}
    plain = [
        ("dict", {"b": base, "a": base.clone()}),
        ("ordered", ordered(b=base, a=base.clone())),
        ("one", {"only": base}),
        ("empty-names", {"": base, " ": base.clone(), ".": base.clone()}),
        ("unicode", {"größe": base, "重み": base.clone(), "🙂": base.clone()}),
        ("high-rank", {"t": torch.arange(64.0).reshape([2] * 6)}),
        ("ones", {"t": torch.arange(4.0).reshape(1, 4, 1, 1)}),
        ("odd-strides-of-ones", {"t": torch.arange(4.0).as_strided((4, 1), (1, 99))}),
        ("same-object", {"a": base, "b": base, "c": base.clone()}),
        ("same-storage", {"a": base, "b": base.detach()}),
        ("views", {"row": base[1], "rows": base[2:], "all": base}),
        ("view-of-large", {"v": torch.arange(10000.0)[77:99]}),
        ("transposed", {"t": base.t(), "b": base}),
        ("strided", {"step": base[:, ::2], "rows": base[::2], "column": base[:, 3]}),
        ("transposed-twice", {"a": base.t(), "b": base.t(), "c": base.t().clone()}),
        ("expanded", {"e": torch.arange(3.0).expand(4, 3), "z": torch.tensor(7.0).expand(5)}),
        ("permuted-bf16", {"t": filled("bfloat16", 2, 3, 4).permute(2, 0, 1)}),
        ("requires-grad", {"a": base.clone().requires_grad_(), "b": base.clone()}),
        ("parameters", {"p": torch.nn.Parameter(base), "q": torch.nn.Parameter(base.clone(), requires_grad=False)}),
        ("parameter-twice", (lambda p: {"p": p, "q": p, "r": p.detach()})(torch.nn.Parameter(base.clone()))),
        ("module", model.state_dict()),
        ("many", {f"layer.{i}.weight": torch.full((3,), float(i)) for i in range(2500)}),
        ("many-ordered", ordered((f"layer.{i}.weight", torch.full((3,), float(i))) for i in range(1001))),
        ("descriptor-like", {"t": torch.tensor([0x04034B50, 0x08074B50, 0x02014B50, 0x06054B50], dtype=torch.int32)}),
        ("two-dtypes", (lambda t: {"u": t, "f": t.view(torch.float8_e4m3fn)})(torch.arange(16, dtype=torch.uint8))),
    ]
    for name, value in plain:
        yield name, value, [], [], True, {}
        if name != "two-dtypes":
            yield "legacy-" + name, value, [], [], False, {"legacy": True}
    yield "alignment-4096", {"a": base, "b": base.clone()}, [], [], True, {"alignment": 4096}
    yield "alignment-1", {"a": base[0].clone(), "b": base.clone()}, [], [], True, {"alignment": 1}
    yield "protocol-3", {"a": base}, [], [], True, {"protocol": 3}
    nested = {"encoder": {"layers": [{"w": base}, {"w": base.clone()}], 3: base.clone()}, "scale": torch.tensor(1.0)}
    yield "nested", nested, [], [], False, {}
    yield "list", [base, base.clone()], [], [], False, {}
    yield "tuple-in-dict", {"pair": (base, base.clone()), "x": base.clone()}, [], [], False, {}
    yield "counter", collections.Counter({"a": base}), [], [], False, {}
    state = model.state_dict()
    for key in ["state_dict", "model_state_dict", "model_state", "model", "module", "params", "params_ema"]:
        yield f"wrapped-{key}", {key: state}, [key], [], False, {}
    checkpoint = {
        "epoch": 12, "state_dict": state, "optimizer": optimizer.state_dict(), "loss": torch.tensor(0.5), "best": None,
        "name": "run\n\x1b[31m1", "rate": 0.25, "big": 1 << 80, "flag": True, "bytes": b"\x00\xff", "set": {1, 2},
        "shape": torch.Size([2, 3]), "device": torch.device("cuda:1"), "dtype": torch.float16, "list": [1, [2, [3]]],
        "complex": 1j, "bytearray": bytearray(b"\xe9"), "negative": -(1 << 40), (1, 2): "tuple key", 2.5: "float key",
        "counter": collections.Counter("aab"),
    }
    extras = [
        "epoch: 12", "optimizer: dict of 2", "loss: tensor float32 []", "best: None", 'name: "run\\u{a}\\u{1b}[31m1"',
        "rate: 0.25", "big: an integer of 11 bytes", "flag: True", "bytes: bytes", "set: set of 2",
        "shape: torch.Size of 2", "device: torch.device", "dtype: torch.float16", "list: list of 2", "complex: complex",
        "bytearray: bytearray", "negative: -1099511627776", 'tuple of 2: "tuple key"', '2.5: "float key"',
        "counter: Counter of 2",
    ]
    yield "checkpoint", checkpoint, ["state_dict"], extras, False, {}
    yield "legacy-checkpoint", checkpoint, ["state_dict"], extras, False, {"legacy": True}
    trainer = {"model": {"state_dict": state, "model_args": {"dim": 4}}, "optimizer": optimizer.state_dict()}
    yield "wrapped-twice", trainer, ["model", "state_dict"], ["optimizer: dict of 2", "model.model_args: dict of 1"], False, {}
    pair = {"params": {"a": base}, "params_ema": {"a": base.clone()}}
    yield "two-wrappers", pair, [], [], False, {}
    alias = {"state_dict": state, "copy": state}
    yield "wrapper-alias", alias, ["state_dict"], ["copy: the same object as state_dict"], False, {}
    attributed = base.clone()
    attributed.note = "hello"
    yield "attributes", {"t": attributed}, [], ["t: attributes: dict of 1"], False, {"attributes": True}
    parameter = torch.nn.Parameter(base.clone())
    parameter.note = "hello"
    yield "parameter-attributes", {"t": parameter}, [], ["t: attributes: dict of 1"], False, {"attributes": True}
    arrays = {"w": base, "n": np.arange(6.0).reshape(2, 3), "f": np.asfortranarray(np.arange(12).reshape(3, 4)), "x": np.array(["a"])}
    yield "numpy", arrays, [], ["x: numpy array U1 [1]"], False, {}
    yield "numpy-4", arrays, [], ["x: numpy array U1 [1]"], False, {"protocol": 4}
    yield "numpy-5", dict(arrays, b=np.arange(3, dtype=">f4")), [], ["x: numpy array U1 [1]"], False, {"protocol": 5}
    yield "legacy-numpy", arrays, [], ["x: numpy array U1 [1]"], False, {"legacy": True}
    yield "protocol-1", {"a": base, "b": base.t()}, [], [], False, {"protocol": 1}
    yield "protocol-4", {"a": base, "b": base.t()}, [], [], False, {"protocol": 4}
    yield "protocol-5", {"a": base, "b": base.t(), "c": base}, [], [], False, {"protocol": 5}
    with_leaf = ordered(w=base)
    with_leaf["_extra_state"] = {"version": 3}
    yield "leaf-in-state", with_leaf, [], ["_extra_state: dict of 1"], False, {}


def save(value, path, options):
    arguments = {"_use_new_zipfile_serialization": not options.get("legacy", False)}
    if "protocol" in options:
        arguments["pickle_protocol"] = options["protocol"]
    from torch.utils.serialization import config

    config.save.storage_alignment = options.get("alignment", 64)
    torch.save(value, path, **arguments)


def load(path):
    """What torch makes of a file that was found to hold data only."""
    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except Exception:  # such as protocol 4, or numpy's arrays
        return torch.load(path, weights_only=False, map_location="cpu")


def main():
    mode, arguments = sys.argv[1], sys.argv[2:]
    if mode == "cases":
        result = []
        for name, value, keys, extras, plain, options in cases():
            path = os.path.join(arguments[0], name + ".pt")
            save(value, path, options)
            root = load(path)
            for key in keys:
                root = root[key]
            if "attributes" in options or name == "leaf-in-state":
                pass
            entry = describe(root)
            entry.update(case=name, extras=extras, plain=plain)
            result.append(entry)
        print(json.dumps(result))
    elif mode == "load":
        root = load(arguments[0])
        for key in arguments[1:]:
            root = root[key]
        print(json.dumps(describe(root)))
    else:
        found = []
        for path in arguments:
            try:
                found.append(describe(load(path)))
            except Exception:  # whatever torch raises is a refusal
                found.append(None)
        print(json.dumps(found))


main()
