"""Trains a little and writes checkpoint-N folders as transformers' Trainer does. Usage: mount_trainer.py MODEL SCRATCH"""
import json
import os
import sys

import torch
from transformers import MambaConfig, MambaForCausalLM



class TrainingArguments:
    """Pickled by its class, as transformers' own is."""

    def __init__(self, output_dir):
        self.output_dir = output_dir


folder, scratch = sys.argv[1:]
torch.manual_seed(1)
model = MambaForCausalLM(MambaConfig(vocab_size=32, hidden_size=16, num_hidden_layers=1, state_size=4))
optimizer = torch.optim.AdamW(model.parameters())
schedule = torch.optim.lr_scheduler.ConstantLR(optimizer)
arguments = TrainingArguments(output_dir=scratch)
for step in (1, 2, 3):
    ids = torch.randint(0, 32, (2, 8))
    model(input_ids=ids, labels=ids).loss.backward()
    optimizer.step()
    schedule.step()
    optimizer.zero_grad()
    checkpoint = os.path.join(folder, f"checkpoint-{step}")
    model.save_pretrained(checkpoint)
    torch.save(arguments, os.path.join(checkpoint, "training_args.bin"))
    torch.save(optimizer.state_dict(), os.path.join(checkpoint, "optimizer.pt"))
    torch.save(schedule.state_dict(), os.path.join(checkpoint, "scheduler.pt"))
    torch.save({"cpu": torch.get_rng_state()}, os.path.join(checkpoint, "rng_state.pth"))
    with open(os.path.join(checkpoint, "trainer_state.json"), "w") as file:
        json.dump({"global_step": step}, file)

for step in (1, 2, 3):
    checkpoint = os.path.join(folder, f"checkpoint-{step}")
    state = torch.load(os.path.join(checkpoint, "optimizer.pt"), weights_only=True)
    assert "param_groups" in state
    MambaForCausalLM.from_pretrained(checkpoint)
for name, tensor in MambaForCausalLM.from_pretrained(os.path.join(folder, "checkpoint-3")).state_dict().items():
    assert torch.equal(tensor, model.state_dict()[name]), f"{name} differs"
# A pickle that names a class is kept, and cannot be opened.
try:
    open(os.path.join(folder, "checkpoint-1", "training_args.bin"), "rb").read()
except PermissionError:
    pass
else:
    raise SystemExit("training_args.bin could be opened")
