"""Compares quantized blocks with those of ggml's own functions, which llama-quantize calls. Usage:

ggml_blocks.py make FOLDER                 FOLDER/model.safetensors: matrices of F32 with usual and odd numbers
ggml_blocks.py check FOLDER FILE...        each FILE is a GGUF file of it; prints the number of matrices that are the same

ggml comes with the package xllamacpp. NaN is left out: ggml skips it."""
import ctypes
import os
import sys

import numpy as np

KINDS = ["normal", "halves", "subnormal", "large", "zeros", "sparse", "negative zeros", "constant rows"]


def numbers(kind, rng):
    x = rng.standard_normal((512, 256)).astype(np.float32)
    if kind == "halves":
        x = (rng.integers(-8, 9, x.shape) / 2).astype(np.float32)
        x[x == 0] = 0
    elif kind == "subnormal":
        x *= np.float32(1e-40)
    elif kind == "large":
        x *= np.float32(1e4)
    elif kind == "zeros":
        x[:] = 0
    elif kind == "sparse":
        x[rng.random(x.shape) < 0.97] = 0
    elif kind == "negative zeros":
        x[rng.random(x.shape) < 0.3] = -0.0
    elif kind == "constant rows":
        x[:] = x[:, :1]
    return x


def make(folder):
    import torch
    from safetensors.torch import save_file
    rng = np.random.default_rng(9)
    os.makedirs(folder, exist_ok=True)
    save_file({f"{kind.replace(' ', '_')}.weight": torch.from_numpy(numbers(kind, rng)) for kind in KINDS},
              folder + "/model.safetensors", metadata={"format": "pt"})


def check(folder, *files):
    import gguf
    import xllamacpp
    from safetensors.numpy import load_file
    path = os.path.join(os.path.dirname(xllamacpp.__file__), "xllamacpp.abi3.so")
    quantize = ctypes.CDLL(path).ggml_quantize_chunk
    quantize.restype = ctypes.c_size_t
    quantize.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    sources, count = load_file(folder + "/model.safetensors"), 0
    for name in files:
        for tensor in gguf.GGUFReader(name).tensors:
            source = np.ascontiguousarray(sources[tensor.name])
            rows, width = source.shape
            theirs = np.empty(source.nbytes, np.uint8)
            size = quantize(int(tensor.tensor_type), source.ctypes.data, theirs.ctypes.data, 0, rows, width, None)
            assert size == tensor.n_bytes, f"{name} {tensor.name}: {tensor.n_bytes} bytes, ggml makes {size}"
            ours = np.frombuffer(tensor.data.tobytes(), np.uint8)
            differing = np.flatnonzero(ours != theirs[:size])
            assert not len(differing), f"{name} {tensor.name} ({tensor.tensor_type.name}): {len(differing)} bytes differ from {differing[0]}"
            count += 1
    print(count)


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    check(*sys.argv[2:])
