"""Opens each file of a folder with the reference reader. Usage: open_safetensors.py FOLDER

Prints a JSON object: null for a file that is accepted, the error for one that is refused.
"""
import json
import os
import sys

from safetensors import safe_open

folder = sys.argv[1]
verdicts = {}
for name in sorted(os.listdir(folder)):
    try:
        with safe_open(os.path.join(folder, name), framework="np") as file:
            list(file.keys())
        verdicts[name] = None
    except Exception as error:  # the reader raises several kinds
        verdicts[name] = str(error) or repr(error)
json.dump(verdicts, sys.stdout)
