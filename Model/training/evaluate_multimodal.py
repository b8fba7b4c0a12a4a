"""Prints how many questions mamba_multimodal answers exactly. Usage: evaluate_multimodal.py FOLDER [--scenes 1000]

Scenes have 3 to 6 objects and seeds of their own. An answer counts if every byte of it is what greedy decoding gives.
`shuffled` puts the same questions to the image of another scene; `majority` is what the most frequent answer to each kind of
question would reach. `held_out` asks about objects whose pair of colour and shape no training has seen. `description` counts
the objects named in the right place. The result is JSON."""
import argparse
import collections
import json
import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy
import torch

import multimodal_model as models
import scenes

SEED, HELD_OUT_SEED, SHIFT, BATCH = 9101, 9102, 7, 25


def test_of(seed, count, held_out):
    """Images, and for each kind a row of text for each scene, or None."""
    r, images, rows, found = numpy.random.default_rng(seed), [], {k: [] for k in scenes.KINDS}, []
    for _ in range(count):
        objects = scenes.scene(r, held_out=held_out)
        found.append(objects)
        images.append(scenes.draw(objects, r))
        for kind in scenes.KINDS:
            rows[kind].append(about_held_out(objects, kind, r) if held_out else scenes.asked(objects, kind, r))
    return torch.from_numpy(numpy.stack(images)), rows, found


def about_held_out(objects, kind, r):
    """A question that speaks of a held-out pair or whose answer is part of one, or None if twenty tries find none."""
    present = {o[:2] for o in objects.values() if o[:2] in scenes.HELD_OUT}
    pairs = scenes.HELD_OUT if kind in ("count", "exists") else present
    for _ in range(20):
        row = scenes.asked(objects, kind, r)
        if row is None:
            continue
        text, answer = row[0][0], row[1][0][:-1]
        for colour, shape in pairs:
            cells = [c for c, o in objects.items() if o[:2] == (colour, shape)]
            speaks = colour in text and shape in text
            lone = (colour in text and sum(o[0] == colour for o in objects.values()) == 1) or (
                shape in text and sum(o[1] == shape for o in objects.values()) == 1)
            places = any(f"at the {scenes.PLACES[c]}?" in text for c in cells)
            digits = any(o[2] is not None and f"with {o[2]}?" in text for c, o in objects.items() if c in cells)
            if kind in ("count", "exists"):
                if speaks:
                    return row
            elif speaks or ((lone or places or digits) and (kind in ("digit", "position") or answer in (colour, shape))):
                return row
    return None


@torch.no_grad()
def accuracy(model, test):
    images, rows, _ = test
    right, shuffled = {k: [] for k in scenes.KINDS}, {k: [] for k in scenes.KINDS}
    answers = {k: collections.Counter(row[1][0] for row in rows[k] if row) for k in scenes.KINDS}
    for at in range(0, len(images), BATCH):
        batch = images[at : at + BATCH]
        _, states = model.see(batch)
        for shift, found in ((0, right), (SHIFT, shuffled)):
            for kind in scenes.KINDS:
                chosen = [(i, row) for i, row in enumerate(rows[kind][at : at + BATCH]) if row]
                if not chosen:
                    continue
                ids, follow = models.texts([row for _, row in chosen])
                index = torch.tensor([(i + shift) % len(batch) for i, _ in chosen])
                # Greedy decoding gives the answer exactly where each of its bytes is the best after those before it.
                guess = model.say(ids, models.picked(states, index))[0].argmax(-1)
                found[kind] += ((guess == follow) | (follow < 0)).all(1).tolist()
    percent = lambda found: {k: round(100 * float(numpy.mean(v)), 1) for k, v in found.items() if v}
    return {
        "right": percent(right), "asked": {k: len(v) for k, v in right.items()},
        "shuffled": percent(shuffled),
        "majority": {k: round(100 * c.most_common(1)[0][1] / c.total(), 1) for k, c in answers.items() if c},
    }


@torch.no_grad()
def said(model, image, question, limit=400):
    """The answer of greedy decoding, without the byte that ends it."""
    _, states = model.see(image[None])
    logits, states = model.say(torch.tensor([list(f"{question}\n".encode())]), states)
    found = bytearray()
    while len(found) < limit:
        byte = int(logits[0, -1].argmax())
        if byte == 0:
            break
        found.append(byte)
        logits, states = model.say(torch.tensor([[byte]]), states)
    return found.decode("utf-8", "replace")


def descriptions(model, test, count):
    """Shares of objects described exactly, and of descriptions without a mistake."""
    images, _, found = test
    objects, right, whole = 0, 0, 0
    for image, wanted in zip(images[:count], found[:count]):
        pieces, expected = said(model, image, "describe the image.").split("; "), scenes.description(wanted).split("; ")
        objects += len(expected)
        right += len(set(pieces) & set(expected))
        whole += pieces == expected
    return {"objects": round(100 * right / objects, 1), "whole": round(100 * whole / count, 1), "scenes": count}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--scenes", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    model, result = models.load(a.folder), {"scenes": a.scenes}
    test = test_of(SEED, a.scenes, False)
    result["test"] = accuracy(model, test)
    result["description"] = descriptions(model, test, min(a.scenes, 100))
    result["held_out"] = accuracy(model, test_of(HELD_OUT_SEED, a.scenes, True))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
