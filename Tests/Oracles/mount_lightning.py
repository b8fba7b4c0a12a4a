"""Trains a little with Lightning: checkpoints in a model's folder and in versions. TensorBoard reads a log while it is written.

Usage: mount_lightning.py MODEL"""
import logging
import os
import sys
import warnings

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from torch.utils.tensorboard import SummaryWriter

warnings.simplefilter("ignore")
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
folder = os.path.abspath(sys.argv[1])


class Layer(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.layer = torch.nn.Linear(4, 2)

    def training_step(self, batch, _):
        loss = self.layer(batch).pow(2).mean()
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


torch.manual_seed(2)
batches = torch.utils.data.DataLoader(torch.randn(8, 4), batch_size=2)


def train(steps, checkpoint=None, start=None):
    trainer = lightning.Trainer(
        max_steps=steps, logger=False, enable_progress_bar=False, enable_model_summary=False, accelerator="cpu",
        callbacks=[checkpoint] if checkpoint else [], enable_checkpointing=checkpoint is not None)
    model = Layer()
    trainer.fit(model, batches, ckpt_path=start)
    return model, trainer


def holds(path, model):
    saved = torch.load(path, weights_only=True)["state_dict"]
    return all(torch.equal(tensor, saved[name]) for name, tensor in model.state_dict().items())


for place in (folder, os.path.join(folder, "v1")):
    for suffix in ("", "-v1"):
        checkpoint = ModelCheckpoint(
            dirpath=place, monitor="loss", save_top_k=2, save_last=True, every_n_train_steps=1, filename="{step}")
        model, _ = train(6, checkpoint)
        kept = [os.path.join(place, f"last{suffix}.ckpt"), *checkpoint.best_k_models]
        names = [os.path.join(place, name) for name in os.listdir(place) if name.endswith(".ckpt")]
        assert len(kept) == 3 and set(kept) <= set(names) and len(names) == (6 if suffix else 3), (kept, names)
        assert checkpoint.last_model_path == kept[0] and holds(kept[0], model)
        for path in kept:
            torch.load(path, weights_only=True)
model, trainer = train(8, start=os.path.join(folder, "v1", "last.ckpt"))
assert trainer.global_step == 8

# The last checkpoint as a link to the one that was saved last.
place = os.path.join(folder, "v2")
for steps in (2, 3):
    checkpoint = ModelCheckpoint(
        dirpath=place, monitor="step", mode="max", save_top_k=1, save_last="link", every_n_train_steps=1,
        filename="{step}", enable_version_counter=False)
    model, _ = train(steps, checkpoint)
    assert os.readlink(os.path.join(place, "last.ckpt")) == f"step={steps}.ckpt", os.listdir(place)
    assert holds(os.path.join(place, "last.ckpt"), model)

# A log in a version that has weights. The reader has the file open all the time, and gets what has come since it last looked.
place = os.path.join(folder, "v1", "runs")
writer = SummaryWriter(place)
(name,) = os.listdir(place)
loader = EventFileLoader(os.path.join(place, name))
seen = []
for step in range(100):
    writer.add_scalar("loss", step / 4, step)
    if step % 25 == 24:
        writer.flush()
        seen += [event.summary.value[0].tensor.float_val[0] for event in loader.Load() if event.summary.value]
        assert seen == [number / 4 for number in range(step + 1)], seen
writer.close()
