"""Prints text that a model writes after a prompt. Usage: sample.py FOLDER [--prompt TEXT] [--bytes N] [--seed N]"""
import argparse

import torch

import model as models


@torch.no_grad()
def sample(model, prompt, count, temperature, top_p, seed):
    """`count` more bytes after `prompt`, which is preceded by nothing, or by byte 0 if it is empty; ends early at byte 0."""
    generator = torch.Generator().manual_seed(seed)
    logits, state = model(torch.tensor([list(prompt) or [0]]), model.zero_state(1))
    found = bytearray()
    while len(found) < count:
        likely, order = torch.softmax(logits[0, -1] / temperature, -1).sort(descending=True)
        likely[likely.cumsum(0) - likely >= top_p] = 0
        byte = order[torch.multinomial(likely, 1, generator=generator)].item()
        if byte == 0:
            break
        found.append(byte)
        logits, state = model(torch.tensor([[byte]]), state)
    return bytes(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--prompt", default="")
    parser.add_argument("--bytes", type=int, default=300)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--top-p", type=float, default=0.95)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    torch.set_num_threads(1)
    found = sample(models.load(a.folder), a.prompt.encode(), a.bytes, a.temperature, a.top_p, a.seed)
    print(a.prompt + found.decode(errors="replace"))


main()
