"""Trains a little with transformers' Trainer, whose output folder is a model's; accelerate saves its states there, too.

Usage: mount_trainer.py MODEL SCRATCH"""
import os
import sys
import warnings

import torch
from accelerate import Accelerator
from accelerate.utils import ProjectConfiguration
from transformers import MambaConfig, MambaForCausalLM, Trainer, TrainingArguments
from transformers.utils import logging

warnings.simplefilter("ignore")
logging.set_verbosity_error()
logging.disable_progress_bar()
folder, scratch = sys.argv[1:]


class Texts(torch.utils.data.Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        ids = (torch.arange(8) + index) % 32
        return {"input_ids": ids, "labels": ids}


def trainer(steps, **options):
    torch.manual_seed(1)
    model = MambaForCausalLM(MambaConfig(vocab_size=32, hidden_size=16, num_hidden_layers=1, state_size=4))
    arguments = TrainingArguments(
        output_dir=folder, max_steps=steps, save_steps=1, save_total_limit=2, per_device_train_batch_size=4, seed=3,
        lr_scheduler_type="constant_with_warmup", report_to=[], use_cpu=True, disable_tqdm=True,
        logging_strategy="no", **options)
    return Trainer(model, arguments, train_dataset=Texts(), eval_dataset=Texts())


def checkpoints():
    return sorted(name for name in os.listdir(folder) if name.startswith("checkpoint-"))


def same(model, folder):
    saved = MambaForCausalLM.from_pretrained(folder).state_dict()
    return all(torch.equal(tensor, saved[name]) for name, tensor in model.state_dict().items())


# Two checkpoints stay, and a run goes on where the last has ended.
first = trainer(3)
first.train()
assert checkpoints() == ["checkpoint-2", "checkpoint-3"], os.listdir(folder)
assert os.readlink(os.path.join(folder, "active")) in checkpoints()
last = os.path.join(folder, "checkpoint-3")
assert same(first.model, last)
state = torch.load(os.path.join(last, "optimizer.pt"), weights_only=True)
assert "param_groups" in state
arguments = torch.load(os.path.join(last, "training_args.bin"), weights_only=False)
assert arguments.max_steps == 3, arguments
resumed = trainer(4)
resumed.train(resume_from_checkpoint=True)
assert resumed.state.global_step == 4 and checkpoints() == ["checkpoint-3", "checkpoint-4"], checkpoints()
assert same(resumed.model, os.path.join(folder, "checkpoint-4")) and not same(resumed.model, last)

# The model itself lies beside its checkpoints, and may be saved again.
for run in (first, resumed):
    run.save_model()
    run.save_state()
    assert same(run.model, folder)
assert {"config.json", "model.safetensors", "trainer_state.json", "training_args.bin"} <= set(os.listdir(folder))

# The first step is of no width and the others are far too wide, so the first checkpoint is the best. It stays, and is loaded.
best = trainer(
    4, learning_rate=3.0, warmup_steps=1, eval_strategy="steps", eval_steps=1, load_best_model_at_end=True,
    metric_for_best_model="loss")
best.train()
losses = [entry["eval_loss"] for entry in best.state.log_history if "eval_loss" in entry]
assert losses[0] == min(losses), losses
assert checkpoints() == ["checkpoint-1", "checkpoint-4"], checkpoints()
assert same(best.model, os.path.join(folder, "checkpoint-1"))

# States of accelerate: in a folder of the model, which is a version, and deeper in a version.
for place in (folder, os.path.join(folder, "run")):
    accelerator = Accelerator(
        cpu=True,
        project_config=ProjectConfiguration(project_dir=place, automatic_checkpoint_naming=True, total_limit=2))
    layer = torch.nn.Linear(4, 2)
    layer, optimizer = accelerator.prepare(layer, torch.optim.AdamW(layer.parameters()))
    weights = []
    for batch in torch.randn(4, 3, 4):
        layer(batch).pow(2).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        accelerator.save_state()
        weights.append(layer.weight.detach().clone())
    states = os.path.join(place, "checkpoints")
    assert sorted(os.listdir(states)) == ["checkpoint_2", "checkpoint_3"], os.listdir(states)
    for number in (2, 3):
        accelerator.load_state(os.path.join(states, f"checkpoint_{number}"))
        assert torch.equal(layer.weight, weights[number])
