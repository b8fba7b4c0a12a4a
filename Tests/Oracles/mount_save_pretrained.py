"""Saves a small transformers model into a version folder, twice, and loads it from there.
Usage: mount_save_pretrained.py (plain | sharded) FOLDER SCRATCH"""
import os
import sys

import torch
from transformers import MambaConfig, MambaForCausalLM

how, folder, scratch = sys.argv[1:]
torch.manual_seed(1)
config = MambaConfig(vocab_size=64, hidden_size=32, num_hidden_layers=2, state_size=4)
model = MambaForCausalLM(config)
options = {"max_shard_size": "20KB"} if how == "sharded" else {}
model.save_pretrained(folder, **options)
model.save_pretrained(os.path.join(scratch, "saved"), **options)
written = sorted(os.listdir(os.path.join(scratch, "saved")))
if how == "sharded":
    assert "model.safetensors.index.json" in written and len(written) > 4, written


def check():
    for name in written:
        with open(os.path.join(scratch, "saved", name), "rb") as a, open(os.path.join(folder, name), "rb") as b:
            assert a.read() == b.read(), f"{name} differs"
    loaded = MambaForCausalLM.from_pretrained(folder)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), f"{name} differs"
    state = torch.load(os.path.join(folder, "model.pt"), weights_only=True)
    for name, tensor in state.items():
        assert torch.equal(tensor, model.state_dict()[name]), f"{name} differs in model.pt"


check()
# Into the same folder again: the same weights. Not while mapped from it.
model.save_pretrained(folder, **options)
check()
