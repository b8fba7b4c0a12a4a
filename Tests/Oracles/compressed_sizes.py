"""Prints to how much of its size `tantra compress` brings weight files, beside others: compressed_sizes.py TANTRA FILE...

Each file is measured as it is, and its state dict in F32, BF16 and F16. Every line is of one file: what is left of it in percent. The others
are `zstd -3`, and lmzip and zipnn where Python has these packages."""

import importlib.util
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


def with_lmzip(file, dtype, folder):
    import lmz

    target = os.path.join(folder, "out.lmz")
    lmz.compress(file, target)
    size = os.path.getsize(target)
    os.remove(target)
    return size


def with_zipnn(file, dtype, folder):
    import zipnn

    with open(file, "rb") as stream:
        data = stream.read()
    return len(zipnn.ZipNN(bytearray_dtype=dtype).compress(data))


def with_zstd(file, dtype, folder):
    return len(subprocess.run(["zstd", "-3", "-c", file], check=True, capture_output=True).stdout)


others = {"zstd -3": with_zstd}
if importlib.util.find_spec("lmz"):
    others["lmzip"] = with_lmzip
if importlib.util.find_spec("zipnn"):
    others["zipnn"] = with_zipnn

print(f"{'file':40} {'bytes':>12} {'tantra':>8}" + "".join(f" {name:>8}" for name in others))
with tempfile.TemporaryDirectory() as folder:
    for number, path in enumerate(files):
        weights = state_dict(path)
        variants = [(os.path.basename(path), path, "float32")]
        for dtype in (torch.float32, torch.bfloat16, torch.float16):
            cast = os.path.join(folder, f"{number}-{str(dtype)[6:]}.safetensors")
            save_file({name: tensor.to(dtype).clone().contiguous() for name, tensor in weights.items()}, cast)
            variants.append((f"  as {str(dtype)[6:]}", cast, str(dtype)[6:]))
        for index, (name, file, dtype) in enumerate(variants):
            size = os.path.getsize(file)
            # A store of its own: what another file has is stored once.
            store = os.path.join(folder, f"store-{number}-{index}")
            run("import", file, "--model", f"m{number}", "--version", f"v{index}", "--store", store)
            report = json.loads(run("compress", f"m{number}/v{index}", "--json", "--store", store))
            left = report["bytesAfter"] / report["bytesBefore"] if report["files"] else 1
            shares = [left] + [size_of(file, dtype, folder) / size for size_of in others.values()]
            print(f"{name:40} {size:12}" + "".join(f" {100 * share:7.2f}%" for share in shares), flush=True)
            if file != path:
                os.remove(file)
