"""Trains the byte-level Mamba on the King James Bible. README.md says how to run it; nothing is downloaded.

    train.py START OUTPUT --tokens 16_000_000     START: a folder with config.json and model.safetensors (`tantra export`)
    train.py START OUTPUT --steps 20              a smoke run
    the same command again                        goes on from OUTPUT/checkpoint.pt, also with fewer --tokens
"""
import argparse
import json
import math
import os
import pathlib
import sys
import time

# libgomp's threads must not spin while others need the processors, nor malloc return pages that the next step asks for
# again. Both are read as the process starts.
SETTINGS = {"OMP_WAIT_POLICY": "passive", "MALLOC_TRIM_THRESHOLD_": "4000000000", "MALLOC_MMAP_THRESHOLD_": "4000000000"}
if not SETTINGS.keys() <= os.environ.keys():
    os.execve(sys.executable, [sys.executable, *sys.argv], SETTINGS | os.environ)

import numpy
import torch
import torch.nn.functional as F

import corpus
import model as models
from optimizers import optimizers_of

BATCH, LENGTH = 16, 256
LAST_RATE, WARM_UP, BETAS, DECAY, CLIP = 0.05, 20, (0.9, 0.95), 0.05, 1.0
RESTART = 1 / 16  # How likely a row of the batch begins elsewhere, from a zero state, before a step.
CHECKPOINT_SECONDS = 120


class Rows:
    """The rows of the batch: each reads the text onwards, its state carried from step to step, until it starts elsewhere.

    Half of the starts are at a verse, with byte 0 before it, as an empty prompt begins; half are at any word."""

    def __init__(self, text, seed):
        self.text = numpy.frombuffer(text, numpy.uint8)
        before = self.text[: len(text) - LENGTH - 1]
        self.verses = numpy.flatnonzero((before == ord("\n")) | (before == 0))
        self.words = numpy.flatnonzero(before == ord(" ")) + 1
        self.random = numpy.random.default_rng(seed)
        self.at = [None] * BATCH

    def next(self):
        """ids (BATCH, LENGTH + 1), of which the last are what the others predict; and which rows start from zero."""
        ids, fresh = numpy.empty((BATCH, LENGTH + 1), numpy.int64), numpy.zeros(BATCH, bool)
        for row, at in enumerate(self.at):
            verse = False
            if at is None or at + LENGTH + 1 > len(self.text) or self.random.random() < RESTART:
                fresh[row], verse = True, self.random.random() < 0.5
                at = self.random.choice(self.verses if verse else self.words)
            ids[row] = self.text[at : at + LENGTH + 1]
            if verse:
                ids[row, 0] = 0
            self.at[row] = int(at) + LENGTH
        return torch.from_numpy(ids), torch.from_numpy(fresh)


def rate(step, steps, full):
    """Linear warm-up, then linear decay to LAST_RATE of the full rate."""
    return full * min((step + 1) / WARM_UP, 1 - (1 - LAST_RATE) * step / steps)


def train(start, output, steps, full, seed, references, muon):
    torch.manual_seed(seed)
    model, rows = models.load(start), Rows(corpus.training_text(references), seed)
    optimizers, state, step, seconds, curve = optimizers_of(model, BETAS, DECAY, muon), model.zero_state(BATCH), 0, 0.0, []
    output.mkdir(parents=True, exist_ok=True)
    checkpoint = output / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        # A run may go on with the other optimizer, which then begins without momentum.
        if len(saved["optimizers"]) == len(optimizers):
            for optimizer, values in zip(optimizers, saved["optimizers"]):
                optimizer.load_state_dict(values)
        state, step, seconds, curve, rows.at = (saved[key] for key in ("state", "step", "seconds", "curve", "at"))
        rows.random.bit_generator.state = json.loads(saved["random"])
        print(f"going on from step {step}", flush=True)

    def keep():
        scratch = checkpoint.with_suffix(".new")
        torch.save({
            "model": model.state_dict(), "optimizers": [optimizer.state_dict() for optimizer in optimizers],
            "state": state, "step": step, "seconds": seconds, "curve": curve, "at": rows.at,
            "random": json.dumps(rows.random.bit_generator.state),
        }, scratch)
        scratch.rename(checkpoint)

    began, kept, losses = time.monotonic() - seconds, time.monotonic(), []
    while step < steps:
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate(step, steps, full)
        ids, fresh = rows.next()
        for layer in state:
            for part in layer:
                part[fresh] = 0
        logits, state = model(ids[:, :-1], state)
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        for optimizer in optimizers:
            optimizer.step()
        # Truncated: a step's loss has no gradient in the text before it.
        state = [tuple(part.detach() for part in layer) for layer in state]
        step, seconds = step + 1, time.monotonic() - began
        losses.append(loss.item() / math.log(2))
        if step % 10 == 0 or step == steps:
            curve.append([step, round(sum(losses) / len(losses), 4)])
            losses = []
            print(f"step {step}/{steps}  {curve[-1][1]:.4f} bits per byte  {step * BATCH * LENGTH / seconds:.0f} bytes/s",
                  flush=True)
        if time.monotonic() - kept > CHECKPOINT_SECONDS:
            keep()
            kept = time.monotonic()
    keep()
    models.save(model, output)
    log = {
        "seed": seed, "steps": steps, "batch": BATCH, "length": LENGTH, "bytes": steps * BATCH * LENGTH,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "optimizer": {"name": "Muon and AdamW" if muon else "AdamW", "rate": full, "last_rate": LAST_RATE,
                      "warm_up": WARM_UP, "betas": BETAS, "weight_decay": DECAY, "clip": CLIP},
        "restart": RESTART, "references": references, "held_out": corpus.HELD_OUT, "torch": torch.__version__,
        "seconds": round(seconds, 1), "curve": curve,
    }
    (output / "training.json").write_text(json.dumps(log) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("start", help="folder with config.json and the first weights")
    parser.add_argument("output", type=pathlib.Path, help="folder for weights, log and checkpoint")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--tokens", type=int, help=f"bytes to train on; a step takes {BATCH * LENGTH}")
    length.add_argument("--steps", type=int)
    parser.add_argument("--rate", type=float, default=5e-3, help="highest learning rate")
    parser.add_argument("--references", action="store_true", help="leave the reference before each verse in the text")
    parser.add_argument("--muon", action="store_true", help="Muon for the wide matrices, rather than AdamW for all")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    steps = arguments.steps or math.ceil(arguments.tokens / (BATCH * LENGTH))
    train(
        arguments.start, arguments.output, steps, arguments.rate, arguments.seed, arguments.references, arguments.muon)


main()
