"""Compares what llama.cpp computes of GGUF files with transformers. Usage: llama_logits.py FOLDER TEXT FILE...

FOLDER has a Mamba whose tokens are bytes, which transformers computes in float32; TEXT is a file; each FILE is run by llama.cpp as the
package xllamacpp has it, through its C functions. Prints a line of JSON for each: the largest and the mean difference of logits, the share
of bytes for which both have the same best token, bits per byte, and how many more than transformers'."""
import ctypes
import json
import os
import sys

import numpy as np
import torch
import xllamacpp
from transformers import MambaForCausalLM

STEP = 512


class Parameters(ctypes.Structure):
    """Of a model or a context: as much as either has, and more."""
    _fields_ = [("words", ctypes.c_uint32 * 128)]


class Batch(ctypes.Structure):
    _fields_ = [("n_tokens", ctypes.c_int32), ("token", ctypes.POINTER(ctypes.c_int32)), ("embd", ctypes.c_void_p),
                ("pos", ctypes.POINTER(ctypes.c_int32)), ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
                ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))), ("logits", ctypes.POINTER(ctypes.c_int8))]


def library():
    path = os.path.join(os.path.dirname(xllamacpp.__file__), "xllamacpp.abi3.so")
    lib = ctypes.CDLL(path)
    lib.llama_model_default_params.restype = Parameters
    lib.llama_context_default_params.restype = Parameters
    lib.llama_model_load_from_file.restype = ctypes.c_void_p
    lib.llama_model_load_from_file.argtypes = [ctypes.c_char_p, Parameters]
    lib.llama_init_from_model.restype = ctypes.c_void_p
    lib.llama_init_from_model.argtypes = [ctypes.c_void_p, Parameters]
    lib.llama_batch_init.restype = Batch
    lib.llama_decode.argtypes = [ctypes.c_void_p, Batch]
    lib.llama_get_logits_ith.restype = ctypes.POINTER(ctypes.c_float)
    lib.llama_get_logits_ith.argtypes = [ctypes.c_void_p, ctypes.c_int32]
    lib.llama_free.argtypes = lib.llama_model_free.argtypes = [ctypes.c_void_p]
    lib.llama_backend_init()
    return lib


def logits(lib, path, ids):
    model = lib.llama_model_load_from_file(path.encode(), lib.llama_model_default_params())
    assert model, f"llama.cpp does not load {path}"
    parameters = lib.llama_context_default_params()
    # The context, and what is computed at a time, in tokens.
    parameters.words[0], parameters.words[1], parameters.words[2] = len(ids), STEP, STEP
    context = lib.llama_init_from_model(model, parameters)
    assert context, f"llama.cpp makes no context of {path}"
    rows, batch = [], lib.llama_batch_init(STEP, 0, 1)
    for start in range(0, len(ids), STEP):
        part = ids[start:start + STEP]
        batch.n_tokens = len(part)
        for index, token in enumerate(part):
            batch.token[index], batch.pos[index], batch.n_seq_id[index] = token, start + index, 1
            batch.seq_id[index][0], batch.logits[index] = 0, 1
        assert lib.llama_decode(context, batch) == 0, f"llama.cpp does not decode {path}"
        rows += [np.ctypeslib.as_array(lib.llama_get_logits_ith(context, index), (256,)).copy() for index in range(len(part))]
    lib.llama_free(context)
    lib.llama_model_free(model)
    return np.stack(rows)


def bits(rows, ids):
    rows = torch.from_numpy(rows[:-1]).double()
    return torch.nn.functional.cross_entropy(rows, torch.tensor(ids[1:])).item() / np.log(2)


def main(folder, text, *files):
    with open(text, "rb") as file:
        ids = list(file.read())
    with torch.no_grad():
        expected = MambaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()(input_ids=torch.tensor([ids])).logits[0].numpy()
    answer, silence = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    lib = library()
    for path in files:
        found = logits(lib, path, ids)
        difference = np.abs(found - expected)
        line = {"largest": float(difference.max()), "mean": float(difference.mean()), "bits": bits(found, ids),
                "more": bits(found, ids) - bits(expected, ids), "same": float((found.argmax(1) == expected.argmax(1)).mean())}
        os.write(answer, (json.dumps(line) + "\n").encode())


main(*sys.argv[1:])
