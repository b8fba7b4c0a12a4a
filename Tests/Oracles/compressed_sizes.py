"""Prints to how much of its size `tantra compress` brings weight files, beside zstd: compressed_sizes.py TANTRA FILE...

Each file is measured as it is, and its state dict in F32, BF16 and F16. Every line is of one file: what is left of it in percent."""

import json
import os
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import save_file

tantra, *files = sys.argv[1:]


def tensors(value, name=""):
    if isinstance(value, torch.Tensor):
        if value.is_floating_point():
            yield name, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from tensors(part, f"{name}{key}.")


def state_dict(path):
    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        return load_file(path)
    return dict(tensors(torch.load(path, map_location="cpu", weights_only=False)))


def run(*arguments):
    return subprocess.run([tantra, *arguments], check=True, capture_output=True, text=True).stdout


print(f"{'file':40} {'bytes':>12} {'tantra':>8} {'zstd -3':>8}")
with tempfile.TemporaryDirectory() as folder:
    for number, path in enumerate(files):
        weights = state_dict(path)
        variants = [(os.path.basename(path), path)]
        for dtype in (torch.float32, torch.bfloat16, torch.float16):
            cast = os.path.join(folder, f"{number}-{str(dtype)[6:]}.safetensors")
            save_file({name: tensor.to(dtype).clone().contiguous() for name, tensor in weights.items()}, cast)
            variants.append((f"  as {str(dtype)[6:]}", cast))
        for index, (name, file) in enumerate(variants):
            size = os.path.getsize(file)
            # A store of its own: what another file has is stored once.
            store = os.path.join(folder, f"store-{number}-{index}")
            run("import", file, "--model", f"m{number}", "--version", f"v{index}", "--store", store)
            report = json.loads(run("compress", f"m{number}/v{index}", "--json", "--store", store))
            left = report["bytesAfter"] / report["bytesBefore"] if report["files"] else 1
            zstd = len(subprocess.run(["zstd", "-3", "-c", file], check=True, capture_output=True).stdout)
            print(f"{name:40} {size:12} {100 * left:7.2f}% {100 * zstd / size:7.2f}%", flush=True)
            if file != path:
                os.remove(file)
