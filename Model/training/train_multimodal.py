"""Trains mamba_multimodal on scenes that it draws itself, in three phases that follow the share of the run that is over:

1. look: a head that is thrown away names what lies at each token of the image, from what layer 1 made of it;
2. cells: text that names what lies in given cells, of 1 or 2 objects at first, or, the other way round, looks up the place or
   an attribute of a named object;
3. questions, beside cells in half of the steps.

    train_multimodal.py OUTPUT --minutes 160

With questions from the start the model learns which colours and shapes there are, but not which belong together; the first
two phases give it that. Losses are of answers only. The output is as train_ocr.py's."""
import json

import run as runs

runs.restart_with_settings()

import numpy
import torch
import torch.nn.functional as F
from torch import nn

import multimodal_model as models
import scenes

SCENES, QUESTIONS = 16, 4  # A step; questions a scene.
LOOK, CELLS = 0.06, 0.22  # Shares of the run after which the first and the second phase end.
MIX, DESCRIBED, BLIND = 0.5, 0.04, 0.02  # Shares: steps with cells, questions that ask for all, without an image.
INVERSE = 0.8  # Share of the steps with cells that look up named objects instead.
GRID = 0.3  # Weight of the head's loss after the first phase.


def grid_targets(found, side):
    """What lies in the cell of each token, (batch, 3, tokens): colour, shape and digit; 0 for none."""
    target = torch.zeros(len(found), 3, 3, 3, dtype=torch.long)
    for i, objects in enumerate(found):
        for cell, (colour, shape, digit) in objects.items():
            codes = [scenes.NAMES.index(colour) + 1, scenes.SHAPES.index(shape) + 1, 0 if digit is None else digit + 1]
            target[i, :, cell // 3, cell % 3] = torch.tensor(codes)
    index = torch.arange(side) * 3 // side
    return target[:, :, index][:, :, :, index].flatten(2)


def questions_of(r, found):
    """Rows, and which scene each is about."""
    rows, owners = [], []
    for i, objects in enumerate(found):
        while len(rows) < (i + 1) * QUESTIONS:
            kind = "describe" if r.random() < DESCRIBED else scenes.KINDS[int(r.integers(len(scenes.KINDS)))]
            if row := scenes.asked(objects, kind, r):
                rows.append(scenes.varied(row, r))
                owners.append(i)
    return rows, owners


def said(model, states, rows, owners):
    """The mean loss of a byte of the answers. Rows are sorted by length into three groups, which share their padding."""
    lengths = numpy.argsort([sum(len(piece) for piece, _ in row) for row in rows])
    logits, wanted = [], []
    for group in numpy.array_split(lengths, 3):
        ids, follow = models.texts([rows[i] for i in group])
        scores, _ = model.say(ids, models.picked(states, torch.tensor([owners[i] for i in group])))
        logits.append(scores[follow >= 0])
        wanted.append(follow[follow >= 0])
    return F.cross_entropy(torch.cat(logits), torch.cat(wanted))


def with_blind(r, model, states, rows, owners):
    """Some rows lose their image, and the answer says so."""
    blind = [i for i in range(len(rows)) if r.random() < BLIND]
    if not blind:
        return states, rows, owners
    states = [tuple(torch.cat([part, none]) for part, none in zip(*pair)) for pair in zip(states, model.blind(1))]
    rows, owners = list(rows), list(owners)
    for i in blind:
        rows[i], owners[i] = [rows[i][0], (scenes.NO_IMAGE + "\0", True)], len(states[0][0]) - 1
    return states, rows, owners


def step(run, head, share):
    r, model, losses = run.random, run.model, {}
    look, cells = share < LOOK, LOOK <= share and (share < CELLS or run.random.random() < MIX)
    easy = 1.0 if look else min(1.0, (share - LOOK) / ((CELLS - LOOK) / 2))
    top = 2 + int(4 * easy)
    found = [scenes.scene(r, 3 if top == 6 else 1, top) for _ in range(SCENES * (2 if look else 1))]
    images = torch.from_numpy(numpy.stack([scenes.draw(objects, r) for objects in found]))
    early, states = model.see(images)
    scores = head(early).transpose(1, 2).split([7, 6, 11], 1)
    target = grid_targets(found, images.shape[-1] >> len(model.vision.stages))
    named = sum(F.cross_entropy(s, target[:, i]) for i, s in enumerate(scores))
    losses["grid"], loss = named.item(), (1.0 if look else GRID) * named
    if cells:
        dense = scenes.lookups if r.random() < INVERSE else scenes.cells
        ids, follow = models.texts([dense(objects, r) for objects in found])
        read = F.cross_entropy(model.say(ids, states)[0][follow >= 0], follow[follow >= 0])
        losses["cells"], loss = read.item(), loss + read
    if share >= CELLS:
        answered = said(model, *with_blind(r, model, states, *questions_of(r, found)))
        losses["answers"], loss = answered.item(), loss + answered
    run.update(loss, share, losses)


def main():
    a = runs.arguments(__doc__, rate=3e-3).parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    model, head = models.Multimodal(models.config()), nn.Linear(128, 7 + 6 + 11)
    run = runs.Run(model, a.output, a.minutes, a.finish, a.rate, a.seed, head)
    while (share := run.share()) < 1:
        step(run, head, share)
    run.keep(1.0)
    models.save(run.average, a.output)
    log = {"seed": a.seed, "scenes": SCENES, "questions": QUESTIONS} | run.recipe()
    (a.output / "training.json").write_text(json.dumps(log) + "\n")


if __name__ == "__main__":
    main()
