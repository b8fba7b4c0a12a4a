"""What the training runs of ocr_native and mamba_multimodal share: a schedule by processor time, averaged weights, checkpoints."""
import argparse
import copy
import json
import os
import pathlib
import signal
import sys
import time

import numpy
import torch

from optimizers import optimizers_of

# Threads that wait must not spin, and freed memory is kept: the sizes of tensors recur. Both are read as a process starts.
SETTINGS = {"OMP_WAIT_POLICY": "passive", "MALLOC_TRIM_THRESHOLD_": "4000000000", "MALLOC_MMAP_THRESHOLD_": "4000000000"}
BETAS, DECAY, CLIP, WARM_UP, LAST_RATE, KEPT = (0.9, 0.95), 0.05, 1.0, 50, 0.03, 0.995
CHECKPOINT_SECONDS = 120


def restart_with_settings():
    """Starts the program anew with SETTINGS in its environment, unless they are there."""
    if not SETTINGS.keys() <= os.environ.keys():
        os.execve(sys.executable, [sys.executable, *sys.argv], SETTINGS | os.environ)


def arguments(description, rate):
    """What both runs are told on the command line, and may add to."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, required=True, help="minutes of processor time")
    parser.add_argument("--finish", type=float, default=10, help="minutes of processor time that are left after SIGUSR1")
    parser.add_argument("--rate", type=float, default=rate, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser


class Run:
    """`share` is how much of the run is over: minutes of processor time that it has used, of those it was given.

    A busy machine makes the run longer, and not worse.

    SIGUSR1 lets the rest of the schedule, whatever it was, pass in `finish` minutes: the rate then falls faster."""

    def __init__(self, model, folder, minutes, finish, rate, seed, throw_away=None):
        self.model, self.average, self.folder, self.rate = model, copy.deepcopy(model), folder, rate
        self.parts = torch.nn.ModuleList([model] + ([throw_away] if throw_away else []))
        self.optimizers = optimizers_of(self.parts, BETAS, DECAY)
        self.random = numpy.random.default_rng(seed)
        self.step, self.curve, self.seconds, self.losses = 0, [], 0.0, {}
        self.from_share, self.from_time, self.minutes = 0.0, time.process_time(), minutes
        self.checkpoint = folder / "checkpoint.pt"
        folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            self.resume()
        self.until = self.from_time + 60 * minutes * (1 - self.from_share)
        self.began, self.kept = time.process_time() - self.seconds, time.monotonic()
        signal.signal(signal.SIGUSR1, lambda *_: self.hurry(finish))

    def share(self):
        whole = max(self.until - self.from_time, 1e-9)
        return min(1.0, self.from_share + (1 - self.from_share) * (time.process_time() - self.from_time) / whole)

    def hurry(self, minutes):
        self.from_share, self.from_time = self.share(), time.process_time()
        self.until = min(self.until, self.from_time + 60 * minutes)
        print(f"finishing within {(self.until - self.from_time) / 60:.1f} minutes", flush=True)

    def update(self, loss, share, losses):
        """One step downhill; `losses` are for the log."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.rate * min((self.step + 1) / WARM_UP, 1 - (1 - LAST_RATE) * share)
        self.parts.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parts.parameters(), CLIP)
        for optimizer in self.optimizers:
            optimizer.step()
        keep = min(KEPT, self.step / (self.step + 20))
        with torch.no_grad():
            for kept, p in zip(self.average.parameters(), self.model.parameters()):
                kept.lerp_(p, 1 - keep)
        self.step, self.seconds = self.step + 1, time.process_time() - self.began
        for name, value in losses.items():
            self.losses.setdefault(name, []).append(value)
        if self.step % 10 == 0:
            means = {name: round(float(numpy.mean(values)), 4) for name, values in self.losses.items()}
            self.curve.append({"step": self.step} | means)
            self.losses = {}
            print(f"step {self.step}  {share:.1%}  {self.seconds / 60:.1f} min  {means}", flush=True)
        if time.monotonic() - self.kept > CHECKPOINT_SECONDS:
            self.keep(share)

    def keep(self, share):
        scratch = self.checkpoint.with_suffix(".new")
        torch.save({
            "parts": self.parts.state_dict(), "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers], "step": self.step,
            "seconds": self.seconds, "curve": self.curve, "share": share,
            "random": json.dumps(self.random.bit_generator.state),
        }, scratch)
        scratch.rename(self.checkpoint)
        self.kept = time.monotonic()

    def resume(self):
        saved = torch.load(self.checkpoint, weights_only=True)
        self.parts.load_state_dict(saved["parts"])
        self.average.load_state_dict(saved["average"])
        for optimizer, values in zip(self.optimizers, saved["optimizers"]):
            optimizer.load_state_dict(values)
        self.step, self.seconds, self.curve, self.from_share = (
            saved[key] for key in ("step", "seconds", "curve", "share"))
        self.random.bit_generator.state = json.loads(saved["random"])
        print(f"going on from step {self.step}, {self.from_share:.1%}", flush=True)

    def recipe(self):
        """For the log beside the weights."""
        return {
            "steps": self.step, "seconds": round(self.seconds, 1), "rate": self.rate, "last_rate": LAST_RATE,
            "warm_up": WARM_UP, "betas": BETAS, "weight_decay": DECAY, "clip": CLIP, "averaged": KEPT,
            "optimizer": "Muon and AdamW", "torch": torch.__version__, "curve": self.curve,
        }
