"""Writes weight files that are large in the number of what they hold: many_values.py KIND FILE."""

import sys

import torch
from safetensors.torch import save_file


def tensors():
  return {f"layers.{index // 10}.block.{index % 10}.weight": torch.full((2,), float(index)) for index in range(100_000)}


def ties():
  tensor = torch.zeros(16)
  return {f"name.{index}": tensor for index in range(300_000)}


def extras():
  return {
    "state_dict": {"w": torch.ones(4)},
    "losses": [float(index) for index in range(1_500_000)],
    "lines": [f"step {index}" for index in range(1_000_000)],
  }


def metadata(path):
  save_file({"w": torch.ones(4)}, path, metadata={f"key{index}": f"value {index}" for index in range(400_000)})


kind, path = sys.argv[1:]
match kind:
  case "zip": torch.save(tensors(), path)
  case "legacy": torch.save(tensors(), path, _use_new_zipfile_serialization=False)
  case "safetensors": save_file(tensors(), path)
  case "ties": torch.save(ties(), path)
  case "extras": torch.save(extras(), path)
  case "metadata": metadata(path)
  case _: sys.exit(f"there is no kind {kind}")
