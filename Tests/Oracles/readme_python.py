"""Runs the right column of the README's table "From Python", row by row.

    readme_python.py README MOUNTPOINT TANTRA

Prints how many pieces of code ran. Everything between backticks is Python, or a command that begins with `tantra`; `...` is
prose. Where the store is mounted, import cannot work: commands are only looked up in --help.
"""
import os, pathlib, re, subprocess, sys
import torch

readme, mountpoint, tantra = sys.argv[1:]
section = pathlib.Path(readme).read_text().split("## From Python")[1].split("\n## ")[0]
rows = [line.split("|")[2] for line in section.splitlines() if line.startswith("| `")]
scope = {"os": os, "pathlib": pathlib, "torch": torch, "sd": {"w": torch.zeros(3)}}
os.chdir(os.path.dirname(mountpoint))
count = 0
for row in rows:
    for code in re.findall(r"`([^`]+)`", row):
        if code.startswith("..."):
            continue
        if code.startswith("tantra "):
            words = subprocess.run([tantra, code.split()[1], "--help"], capture_output=True, text=True, check=True).stdout
            assert all(flag in words for flag in re.findall(r"--[a-z-]+", code)), code
        else:
            exec(code.replace("/weights", mountpoint, 1) if code.startswith("W =") else code, scope)
        count += 1
assert scope["W"].joinpath("mamba/active").readlink() == pathlib.Path("v1.1")
print(count)
