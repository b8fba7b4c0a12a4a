"""Makes random state dicts, and the GGUF files that gguf-py makes of them. Usage: gguf_files.py FOLDER COUNT SEED

Writes FOLDER/<n>/model.safetensors, config.json, and model-<TYPE>.gguf for each type that some tensor takes; types are those of
llama.cpp's converter, names and keys those of a state dict that is no known architecture. Prints the number of GGUF files."""
import hashlib
import json
import os
import sys

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Q
from safetensors.torch import save_file

TYPES = {"F32": (Q.F32, 0), "F16": (Q.F16, 1), "BF16": (Q.BF16, 32), "Q8_0": (Q.Q8_0, 7), "Q5_0": (Q.Q5_0, 8), "Q4_1": (Q.Q4_1, 3),
         "Q4_0": (Q.Q4_0, 2)}
AS_THEY_ARE = {torch.float64: Q.F64, torch.int8: Q.I8, torch.int16: Q.I16, torch.int32: Q.I32, torch.int64: Q.I64, torch.uint8: Q.I8,
               torch.bool: Q.I8, torch.uint16: Q.I16, torch.uint32: Q.I32, torch.uint64: Q.I64, torch.complex64: Q.F32}
SAME = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.int16, torch.int32, torch.int64)
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)
np.seterr(all="ignore")


def values(rng, count, kind):
    x = rng.standard_normal(count).astype("<f4")
    if kind == 1:
        x = (rng.integers(-8, 9, count) / 2).astype("<f4")
        x[x == 0] = 0
    elif kind == 2:
        x *= 1e-40
    elif kind == 3:
        x *= 1e6
    elif kind == 4:
        x[:] = 0
    elif kind == 5:
        x[rng.random(count) < 0.01] = np.nan
    elif kind == 6:
        x[rng.random(count) < 0.01] = np.inf
        x[rng.random(count) < 0.01] = -np.inf
    elif kind == 7:
        x[rng.random(count) < 0.3] = -0.0
    return x


def tensor(rng):
    dims = [int(n) for n in rng.integers(1, 5, rng.integers(0, 6))]
    if dims and rng.random() < 0.8:
        dims[-1] = int(rng.choice([1, 7, 31, 32, 33, 64, 96, 128, 160]))
    count = int(np.prod(dims, dtype=np.int64))
    if rng.random() < 0.75:
        x = torch.from_numpy(values(rng, count, int(rng.integers(0, 8)))).reshape(dims)
        dtype = FLOATS[int(rng.choice(len(FLOATS), p=[0.5, 0.15, 0.15, 0.1, 0.1]))]
        # Of a NaN of another kind numpy keeps the bits, or does not.
        return (x.nan_to_num(1) if dtype == torch.bfloat16 else x).to(dtype)
    dtype = list(AS_THEY_ARE)[rng.integers(len(AS_THEY_ARE))]
    raw = torch.from_numpy(rng.integers(0, 2, count * 16, dtype=np.uint8))
    width = torch.empty((), dtype=dtype).element_size()
    return raw[:count * width].view(dtype).reshape(dims)


def name(rng, index):
    words = [str(rng.choice(["layer", "mlp", "ä", "attn", "q_proj", "x" * 30])) for _ in range(rng.integers(1, 5))]
    return ".".join(words + [str(index), str(rng.choice(["weight", "bias", "a_norm.weight", "scale"]))])


def short(name):
    if len(name.encode()) <= 63:
        return name
    beginning = name
    while len(beginning.encode()) > 40:
        beginning = beginning[:-1]
    return beginning + "~" + hashlib.sha256(name.encode()).hexdigest()[:16]


def kind_of(name, dims, wanted):
    if len(dims) < 2 or not name.endswith(".weight") or name.endswith("_norm.weight"):
        return Q.F32
    return wanted if dims[-1] % gguf.GGML_QUANT_SIZES[wanted][0] == 0 else Q.F16


def data_of(x, kind):
    if x.dtype in AS_THEY_ARE:
        x = torch.view_as_real(x) if x.dtype.is_complex else x
        bits = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}[x.element_size()]
        flat = x.contiguous().reshape(-1).view(torch.uint8).numpy()
        return flat.view({Q.F32: np.float32, Q.F64: np.float64}.get(kind, bits))
    flat = x.float().numpy()
    return gguf.quants.quantize(flat if flat.ndim else flat.reshape(1), kind)


def write(path, label, tensors):
    wanted, file_type = TYPES[label]
    writer = gguf.GGUFWriter(path, "odd")
    writer.add_type("model")
    writer.add_name("odd_model")
    total = sum(x.numel() * (2 if x.dtype.is_complex else 1) for x in tensors.values())
    if total:
        writer.add_size_label(gguf.size_label(total, 0, 0, 0))
    writer.add_file_type(file_type)
    writer.add_quantization_version(2)
    kinds = []
    for full, x in tensors.items():
        called, dims = short(full), list(x.shape) + ([2] if x.dtype.is_complex else [])
        if called != full:
            writer.add_string(f"tantra.name.{called}", full)
        if len(dims) > 4:
            writer.add_array(f"comfy.gguf.orig_shape.{called}", dims)
            dims = [int(np.prod(dims[:-3]))] + dims[-3:]
        if x.dtype not in SAME:
            writer.add_string(f"tantra.dtype.{called}", str(x.dtype).removeprefix("torch."))
        if x.dtype in AS_THEY_ARE:
            kind = AS_THEY_ARE[x.dtype]
        elif x.element_size() == 1:
            kind = Q.F16
        else:
            kind = kind_of(called, dims, wanted)
        kinds.append(kind)
        block, size = gguf.GGML_QUANT_SIZES[kind]
        shape = dims if kind not in (Q.Q8_0, Q.Q5_0, Q.Q4_0, Q.Q4_1, Q.BF16) else dims[:-1] + [dims[-1] // block * size]
        writer.add_tensor(called, data_of(x, kind).reshape(shape), raw_dtype=kind)
    if label != "F32" and wanted not in kinds:
        writer.close()
        os.path.exists(path) and os.remove(path)
        return 0
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return 1


def main(folder, count, seed):
    rng, made = np.random.default_rng(seed), 0
    for number in range(count):
        place = os.path.join(folder, str(number))
        os.makedirs(place)
        tensors = {name(rng, i): tensor(rng) for i in range(rng.integers(1, 7))}
        save_file(tensors, place + "/model.safetensors", metadata={"format": "pt"})
        with open(place + "/config.json", "w") as file:
            json.dump({"model_type": "odd"}, file)
        with open(place + "/model.safetensors", "rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        ordered = {key: tensors[key] for key in header if key != "__metadata__"}
        for label in TYPES:
            made += write(f"{place}/model-{label}.gguf", label, ordered)
    print(made)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
