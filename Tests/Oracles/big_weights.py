"""Writes a safetensors file of random numbers: big_weights.py FILE MEBIBYTES."""
import sys

import torch
from safetensors.torch import save_file

torch.manual_seed(1)
half = int(sys.argv[2]) << 17
save_file({"a": torch.randn(half), "b": torch.randn(half)}, sys.argv[1])
