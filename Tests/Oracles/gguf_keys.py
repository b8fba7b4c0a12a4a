"""Prints what the gguf package reads of a file: a line with each key and its value as JSON, then one with each tensor, its type and its
shape as torch has it. Usage: gguf_keys.py FILE"""
import json
import sys

from gguf import GGUFReader

reader = GGUFReader(sys.argv[1])
for name, field in reader.fields.items():
    if not name.startswith("GGUF."):
        print(name, json.dumps(field.contents(), ensure_ascii=False))
for tensor in reader.tensors:
    print(tensor.name, tensor.tensor_type.name, [int(size) for size in reversed(tensor.shape)])
