"""Writes a large safetensors file, or several with their index, fast. Usage: big_safetensors.py FOLDER BYTES [SHARDS]"""
import json
import os
import struct
import sys

folder, size = sys.argv[1], int(sys.argv[2])
shards = int(sys.argv[3]) if len(sys.argv) > 3 else 1
block = os.urandom(1 << 20).replace(b"\0", b"\1")
length = 16 << 20
names = []
weight_map = {}
for shard in range(shards):
    name = f"model-{shard + 1:05}-of-{shards:05}.safetensors" if shards > 1 else "model.safetensors"
    names.append(name)
    count = max(1, size // shards // length)
    header = {}
    for index in range(count):
        tensor = f"layer.{shard}.{index}"
        weight_map[tensor] = name
        header[tensor] = {"dtype": "F32", "shape": [length // 4], "data_offsets": [index * length, (index + 1) * length]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for part in range(count * (length >> 20)):
            # No two stretches are the same.
            file.write(struct.pack("<II", part + 1, shard + 1) + block[8:])
if shards > 1:
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as file:
        json.dump({"metadata": {"total_size": size}, "weight_map": weight_map}, file)
