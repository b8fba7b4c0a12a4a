"""Measures transformers' MambaForCausalLM. Usage: mamba_speed.py FOLDER [--threads N] [--tokens N] [--prompt N]

Prints JSON: tokens a second of decoding one by one with the cache, and of reading a prompt at once; each the best of three."""
import argparse
import json
import time

import torch
from transformers import MambaForCausalLM

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--tokens", type=int, default=100)
parser.add_argument("--prompt", type=int, default=4096)
arguments = parser.parse_args()
torch.set_num_threads(arguments.threads)
model = MambaForCausalLM.from_pretrained(arguments.folder, dtype="auto").eval()
vocabulary = model.config.vocab_size
ids = torch.arange(arguments.prompt)[None] * 7919 % vocabulary


@torch.no_grad()
def decode():
    cache = model(input_ids=ids[:, :8], use_cache=True, logits_to_keep=1).cache_params
    start = time.perf_counter()
    for index in range(arguments.tokens):
        token = ids[:, index % arguments.prompt][:, None]
        cache = model(input_ids=token, cache_params=cache, use_cache=True).cache_params
    return time.perf_counter() - start


@torch.no_grad()
def prefill():
    start = time.perf_counter()
    model(input_ids=ids, use_cache=True, logits_to_keep=1)
    return time.perf_counter() - start


print(json.dumps({
    "decode": arguments.tokens / min(decode() for _ in range(3)),
    "prefill": arguments.prompt / min(prefill() for _ in range(1 if arguments.prompt > 512 else 3)),
}))
