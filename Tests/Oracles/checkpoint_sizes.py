"""Prints what the checkpoints of a training take in a store: checkpoint_sizes.py TANTRA FOLDER

FOLDER has the checkpoints as .safetensors files, whose names end with their steps: make_training_run.py writes such. They are imported in
order of their steps, as they are and in BF16: plain, compressed each by itself, and as the policy compresses them, as differences where
that pays. Every version is read back and compared in the end."""

import json
import os
import re
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

tantra, folder = sys.argv[1:]
files = [name for name in os.listdir(folder) if name.endswith(".safetensors")]
files.sort(key=lambda name: int(re.findall(r"\d+", name)[-1]))
assert files, "no checkpoint is there"


def run(*arguments):
    return subprocess.run([tantra, *arguments], check=True, capture_output=True, text=True).stdout


def stored(store):
    return json.loads(run("stats", "--json", "--store", store))


print(f"{'checkpoints':20} {'plain':>12} {'alone':>8} {'differences':>12}  against")
with tempfile.TemporaryDirectory() as scratch:
    for dtype in (None, torch.bfloat16):
        shares, against = {}, set()
        for how in ("alone", "differences"):
            store = os.path.join(scratch, f"{dtype}-{how}")
            for name in files:
                path = os.path.join(folder, name)
                if dtype:
                    cast = os.path.join(scratch, name)
                    save_file({key: value.to(dtype) for key, value in load_file(path).items()}, cast)
                    path = cast
                step = re.findall(r"\d+", name)[-1]
                run("import", path, "--model", "gpt", "--version", f"step-{step}", "--store", store)
            plain = stored(store)["storedBytes"]
            if how == "alone":
                for name in files:
                    step = re.findall(r"\d+", name)[-1]
                    run("compress", f"gpt/step-{step}", "--base", "none", "--store", store)
            else:
                run("config", "gpt", "compress", "inactive", "--store", store)
                report = json.loads(run("compress", "gpt", "--json", "--store", store))
                against = set(report["against"])
            shares[how] = stored(store)["storedBytes"] / plain
            run("validate", "gpt", "--store", store)
            for version in stored(store)["versions"]:
                standing = version["compressed"]
                if how == "differences" and standing["bytes"]:
                    share = 100 * standing["storedBytes"] / standing["bytes"]
                    print(f"  {version['version']:18} {standing['bytes']:12} {share:7.2f}% {', '.join(standing['against'])}")
        name = f"{len(files)} in {'F32' if dtype is None else 'BF16'}"
        print(
            f"{name:20} {plain:12} {100 * shares['alone']:7.2f}% {100 * shares['differences']:11.2f}%  "
            + ", ".join(sorted(against)), flush=True)
