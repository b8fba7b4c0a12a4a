"""Loads a version's folder with transformers and runs a forward pass. Usage: mount_transformers.py FOLDER

FOLDER is what a program would be given: <mount>/mamba/active, or any folder with config.json and model.safetensors.
Fails if the weights miss a key, hold an unexpected one, or have one of another shape; if a logit is not finite; if the
model's tensors differ in one bit from the file's.
Prints a JSON summary; same_configuration says whether config.json is what transformers itself would write."""
import json
import os
import sys
import tempfile
import warnings

import torch
from safetensors.torch import load_file
from transformers import MambaConfig, MambaForCausalLM

folder = sys.argv[1]
with warnings.catch_warnings():
    warnings.simplefilter("error")
    model, loading = MambaForCausalLM.from_pretrained(folder, output_loading_info=True)
for kind, keys in loading.items():
    assert not keys, f"{kind}: {keys}"

text = "In the beginning"
ids = torch.tensor([list(text.encode())])
model.eval()
with torch.no_grad():
    output = model(input_ids=ids, labels=ids)
assert output.logits.shape == (1, ids.shape[1], model.config.vocab_size), output.logits.shape
assert torch.isfinite(output.logits).all(), "a logit is not finite"

state, stored = model.state_dict(), load_file(os.path.join(folder, "model.safetensors"))
assert set(state) - set(stored) <= {"lm_head.weight"}, set(state) ^ set(stored)
for name, tensor in stored.items():
    assert state[name].dtype == tensor.dtype and state[name].shape == tensor.shape, name
    assert state[name].numpy().tobytes() == tensor.numpy().tobytes(), f"{name}: bits differ"

with tempfile.TemporaryDirectory() as scratch:
    MambaConfig.from_pretrained(folder).save_pretrained(scratch)
    with open(os.path.join(scratch, "config.json")) as ours, open(os.path.join(folder, "config.json")) as theirs:
        same_configuration = ours.read() == theirs.read()

print(json.dumps({
    "parameters": sum(parameter.numel() for parameter in model.parameters()),
    "names": [name for name in state if name in stored],
    "loss": round(output.loss.item(), 4),
    "dtype": str(model.dtype),
    "same_configuration": same_configuration,
}))
