"""Makes random GGUF files with the package gguf, and tells what its reader finds in them. Usage:

gguf_imports.py make FOLDER COUNT SEED     FOLDER/<n>.gguf and FOLDER/<n>.json; every third file has quantized tensors
gguf_imports.py same FILE SAFETENSORS      whether both hold the same tensors
gguf_imports.py one FILE TYPE              one file of a matrix in TYPE, and of a vector in F32"""
import hashlib
import json
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Q

PLAIN = {Q.F32: np.float32, Q.F16: np.float16, Q.F64: np.float64, Q.I8: np.int8, Q.I16: np.int16, Q.I32: np.int32, Q.I64: np.int64,
         Q.BF16: np.uint8}
NAMES = {Q.F32: "float32", Q.F16: "float16", Q.F64: "float64", Q.I8: "int8", Q.I16: "int16", Q.I32: "int32", Q.I64: "int64",
         Q.BF16: "bfloat16"}
QUANTIZED = [kind for kind in Q if kind not in PLAIN and kind != Q.Q8_1]
ALIGNMENTS = [8, 32, 64, 4096]


def add_keys(writer, rng):
    writer.add_uint8("k.u8", 255)
    writer.add_int8("k.i8", -1)
    writer.add_uint16("k.u16", 65535)
    writer.add_int16("k.i16", -2)
    writer.add_uint32("k.u32", 7)
    writer.add_int32("k.i32", -7)
    writer.add_float32("k.f32", 1.5)
    writer.add_uint64("k.u64", 1 << 63)
    writer.add_int64("k.i64", -(1 << 62))
    writer.add_float64("k.f64", 1e300)
    writer.add_bool("k.bool", True)
    writer.add_string("k.string", "é" * int(rng.integers(1, 400)))
    writer.add_array("k.strings", [f"token {n}" * int(rng.integers(0, 5)) for n in range(int(rng.integers(1, 3000)))])
    writer.add_array("k.numbers", [float(n) for n in range(int(rng.integers(1, 50)))])


def write(path, number, rng):
    writer = gguf.GGUFWriter(path, "odd")
    alignment = int(rng.choice(ALIGNMENTS))
    if alignment != 32:
        writer.add_custom_alignment(alignment)
    if rng.random() < 0.8:
        add_keys(writer, rng)
    kinds = list(PLAIN) + (QUANTIZED if number % 3 == 2 else [])
    for index in range(int(rng.integers(1, 9))):
        kind = kinds[int(rng.integers(len(kinds)))]
        if number % 3 == 2 and index == 0:
            kind = QUANTIZED[(number // 3) % len(QUANTIZED)]
        elements, width = gguf.GGML_QUANT_SIZES[kind]
        dims = [int(n) for n in rng.integers(0 if rng.random() < 0.05 else 1, 5, int(rng.integers(1, 5)))]
        dims[-1] *= elements
        raw = rng.integers(0, 256, int(np.prod(dims[:-1], dtype=np.int64)) * dims[-1] // elements * width, dtype=np.uint8)
        name = f"blk.{index}." + str(rng.choice(["ä", "weight", "x" * 40]))
        if kind in PLAIN and kind != Q.BF16:
            writer.add_tensor(name, raw.view(PLAIN[kind]).reshape(dims))
        else:
            writer.add_tensor(name, raw.reshape(dims[:-1] + [dims[-1] // elements * width]), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def describe(path):
    reader = gguf.GGUFReader(path)
    return [{"name": t.name, "type": t.tensor_type.name, "dtype": NAMES.get(t.tensor_type), "shape": [int(n) for n in reversed(t.shape)],
             "offset": int(t.data_offset), "byteCount": int(t.n_bytes), "sha256": hashlib.sha256(t.data.tobytes()).hexdigest()}
            for t in reader.tensors]


def make(folder, count, seed):
    rng = np.random.default_rng(seed)
    for number in range(count):
        write(f"{folder}/{number}.gguf", number, rng)
        with open(f"{folder}/{number}.json", "w") as file:
            json.dump(describe(f"{folder}/{number}.gguf"), file)


def same(path, safetensors):
    from safetensors import safe_open
    import torch
    count = 0
    with safe_open(safetensors, "pt") as file:
        names = set(file.keys())
        for told in describe(path):
            tensor = file.get_tensor(told["name"])
            assert list(tensor.shape) == told["shape"] and str(tensor.dtype) == "torch." + told["dtype"], told
            raw = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            assert hashlib.sha256(raw).hexdigest() == told["sha256"], told["name"]
            names.remove(told["name"])
            count += 1
    assert not names, names
    print(count)


def one(path, label):
    writer, rng = gguf.GGUFWriter(path, "llama"), np.random.default_rng(3)
    writer.add_name("one")
    matrix = rng.standard_normal((4, 256)).astype(np.float32)
    kind = Q[label]
    data = gguf.quants.quantize(matrix, kind)
    writer.add_tensor("blk.0.attn_q.weight", data, raw_dtype=kind)
    writer.add_tensor("output_norm.weight", matrix[0])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if sys.argv[1] == "make":
    make(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
elif sys.argv[1] == "same":
    same(sys.argv[2], sys.argv[3])
else:
    one(sys.argv[2], sys.argv[3])
