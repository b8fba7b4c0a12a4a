"""Writes a float8 tensor to the given file in torch's legacy format, and makes sure that torch cannot load it."""

import sys

import torch

torch.save({"t": torch.zeros(4).to(torch.float8_e4m3fn)}, sys.argv[1], _use_new_zipfile_serialization=False)
try:
    torch.load(sys.argv[1], weights_only=True)
except Exception:  # whatever torch raises is a refusal
    sys.exit(0)
sys.exit("torch loads it")
