"""Prints how many bits a byte of the held-out books costs a model. Usage: evaluate.py FOLDER [--books NAME,...] [--check]

FOLDER holds config.json and model.safetensors. Each book is one sequence, from a zero state and its first byte on, without
a byte 0 before it; the state is carried from its first byte to its last. A book of n bytes gives n - 1 predictions; the
figure is the sum of their -log2 probabilities over all books, divided by the number of predictions. It is printed as JSON,
and beside it the same for each book.

--check compares the logits of the first 256 bytes of the first book with transformers' MambaForCausalLM."""
import argparse
import json
import math
import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # Read as torch loads libgomp, whose threads must not spin.

import torch
import torch.nn.functional as F

import corpus
import model as models

CHUNK = 4096  # Bytes at a time; the state is carried over, so that it changes nothing but the memory in use.


@torch.no_grad()
def costs(model, text):
    """-log2 of the probability of each byte of `text` but the first, as F64."""
    ids, state, found = torch.tensor(list(text))[None], model.zero_state(1), []
    for start in range(0, len(text) - 1, CHUNK):
        end = min(start + CHUNK, len(text) - 1)
        logits, state = model(ids[:, start:end], state)
        found.append(F.cross_entropy(logits[0].double(), ids[0, start + 1 : end + 1], reduction="none"))
    return torch.cat(found) / math.log(2)


def bits_per_byte(model, books):
    each = {name: costs(model, text) for name, text in books.items()}
    total = torch.cat(list(each.values()))
    return {
        "bits_per_byte": round(total.mean().item(), 4),
        "predictions": len(total),
        "books": {name: round(cost.mean().item(), 4) for name, cost in each.items()},
    }


@torch.no_grad()
def difference_from_transformers(model, folder, text):
    """The largest difference of a logit, and the largest logit."""
    from transformers import MambaForCausalLM

    ids = torch.tensor(list(text))[None]
    expected = MambaForCausalLM.from_pretrained(folder, dtype=torch.float32)(ids).logits
    found, _ = model(ids, model.zero_state(1))
    return (found - expected).abs().max().item(), expected.abs().max().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--books", default=",".join(corpus.HELD_OUT), help="names as `bible` abbreviates them")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    model, books = models.load(arguments.folder), {name: corpus.books()[name] for name in arguments.books.split(",")}
    result = bits_per_byte(model, books)
    if arguments.check:
        text = next(iter(books.values()))[:256]
        difference, largest = difference_from_transformers(model, arguments.folder, text)
        result |= {"difference_from_transformers": difference, "largest_logit": largest}
    print(json.dumps(result, indent=1))


main()
