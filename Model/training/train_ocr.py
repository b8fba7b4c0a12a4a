"""Trains ocr_native on printed lines that it draws itself.

    train_ocr.py OUTPUT --minutes 120
    train_ocr.py OUTPUT --minutes 60 --from FOLDER --rate 2e-3

The output is a folder with model.safetensors, config.json, training.json (the log) and a checkpoint, from which a run that
was stopped goes on. The curriculum and the learning rate follow its processor time. The weights saved are an average over
the last few hundred steps.

--from goes on with trained weights, of a folder with model.safetensors and config.json: without a curriculum, and with more
of what is hard, lines that are badly worn, runs of narrow marks and rules."""
import json
import pathlib

import run as runs

runs.restart_with_settings()

import numpy
import torch
import torch.nn.functional as F

import ocr_model
from ocr_lines import doubled, render, rule, text_of, trained_face

CLASS = {c: i + 1 for i, c in enumerate(ocr_model.CHARACTERS)}
BATCH, POOL = 16, 8  # Lines a step; steps whose lines are drawn at once, so that lines of like width share a step.
EASY, LONG = 0.01, 0.04  # Shares of the run after which lines have up to 20, up to 60 characters.
# Shares of the lines that are badly worn, not worn at all, and runs of marks beside those in random text.
FIRST, FURTHER = (0.4, 0.25, 0.0), (0.65, 0.15, 0.12)
RULES = 0.3  # Share of the lines of marks that are rules.


def lines_of(r, share, count, mix=FIRST):
    worn, unworn, marks = mix
    top = int(numpy.interp(share, [0, EASY, LONG], [10, 20, 60]))
    low = int(numpy.interp(share, [0, EASY, LONG], [3, 5, 12]))
    found = []
    while len(found) < count:
        if marks and r.random() < marks:
            draw = rule if r.random() < RULES else doubled
            text = draw(r, int(r.integers(low, top + 1)))[:top].strip()
        else:
            text = text_of(r, low, top)
        degraded = r.random() < worn and share > LONG
        clean = r.random() < max(unworn, 1 - share / LONG)
        if text:
            found.append((render(text, r, trained_face(r), degraded, clean), text))
    return found


def loss_of(model, lines):
    """The CTC loss of a character."""
    x, lengths = ocr_model.batch_of([image for image, _ in lines], model.stride)
    targets = [torch.tensor([CLASS[c] for c in text]) for _, text in lines]
    scores = model(x).log_softmax(-1).transpose(0, 1)
    counts = torch.tensor([len(t) for t in targets])
    losses = F.ctc_loss(scores, torch.cat(targets), lengths, counts, reduction="none", zero_infinity=True)
    return losses.sum() / counts.sum()


def main():
    parser = runs.arguments(__doc__, rate=4e-3)
    parser.add_argument("--from", type=pathlib.Path, dest="start", metavar="FOLDER", help="go on with the weights in FOLDER")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    model = ocr_model.load(a.start) if a.start else ocr_model.Ocr(ocr_model.config())
    run = runs.Run(model, a.output, a.minutes, a.finish, a.rate, a.seed)
    pool = []
    while (share := run.share()) < 1:
        if not pool:
            found = lines_of(run.random, 1, POOL * BATCH, FURTHER) if a.start else lines_of(run.random, share, POOL * BATCH)
            lines = sorted(found, key=lambda line: line[0].shape[1])
            pool = [lines[i : i + BATCH] for i in range(0, len(lines), BATCH)]
            pool = [pool[i] for i in run.random.permutation(len(pool))]
        loss = loss_of(model, pool.pop())
        run.update(loss, share, {"loss": loss.item()})
    run.keep(1.0)
    ocr_model.save(run.average, a.output)
    log = {"seed": a.seed, "batch": BATCH, "parameters": sum(p.numel() for p in model.parameters())} | run.recipe()
    (a.output / "training.json").write_text(json.dumps(log) + "\n")


if __name__ == "__main__":
    main()
