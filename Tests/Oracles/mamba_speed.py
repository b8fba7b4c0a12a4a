"""Measures transformers' MambaForCausalLM in turns with something else. Usage: mamba_speed.py FOLDER THREADS TOKENS PROMPT

Reads lines and answers each with one: `decode` with the tokens a second of decoding TOKENS one by one with the cache,
`prefill` with those of reading PROMPT tokens at once, `memory` with the most bytes that were resident. Ends at the end of
its input."""
import resource
import sys
import time

import torch
from transformers import MambaForCausalLM

threads, tokens, prompt = map(int, sys.argv[2:5])
torch.set_num_threads(threads)
model = MambaForCausalLM.from_pretrained(sys.argv[1], dtype="auto").eval()
ids = torch.arange(max(prompt, tokens))[None] * 7919 % model.config.vocab_size
cache = None


@torch.no_grad()
def decode():
    global cache
    if cache is None:
        cache = model(input_ids=ids[:, :8], use_cache=True, logits_to_keep=1).cache_params
    start = time.perf_counter()
    for index in range(tokens):
        cache = model(input_ids=ids[:, index][:, None], cache_params=cache, use_cache=True).cache_params
    return tokens / (time.perf_counter() - start)


@torch.no_grad()
def prefill():
    start = time.perf_counter()
    model(input_ids=ids[:, :prompt], use_cache=True, logits_to_keep=1)
    return prompt / (time.perf_counter() - start)


def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


for line in sys.stdin:
    print({"decode": decode, "prefill": prefill, "memory": memory}[line.strip()](), flush=True)
