"""Unpacks an artifact of an OCI layout by its paths, as any tool may, and lets OpenSSF Model Signing verify the folder.

    verify_signature.py LAYOUT TAG FOLDER KEY.pub
"""
import json
import os
import pathlib
import sys

from model_signing import hashing, verifying

layout, tag, folder, key = sys.argv[1:]
index = json.loads(pathlib.Path(layout, "index.json").read_bytes())
name = "org.opencontainers.image.ref.name"
digest = next(entry["digest"] for entry in index["manifests"] if entry["annotations"][name] == tag)


def blob(digest):
    return pathlib.Path(layout, "blobs", *digest.split(":")).read_bytes()


for layer in json.loads(blob(digest))["layers"]:
    path = pathlib.Path(folder, layer["annotations"]["org.cncf.model.filepath"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(blob(layer["digest"]))


def verify():
    config = hashing.Config().set_ignored_paths(paths=[os.path.join(folder, "model.sig")], ignore_git_paths=False)
    verifier = verifying.Config().use_elliptic_key_verifier(public_key=pathlib.Path(key)).set_hashing_config(config)
    verifier.verify(pathlib.Path(folder), pathlib.Path(folder, "model.sig"))


verify()
# It would find a change.
weights = pathlib.Path(folder, "model.safetensors")
weights.write_bytes(weights.read_bytes()[:-1] + b"\x00\x01"[:1])
try:
    verify()
except Exception:
    print("verified")
else:
    sys.exit("a change was not found")
