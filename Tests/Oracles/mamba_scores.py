"""Compares scores with transformers' MambaForCausalLM. Usage: mamba_scores.py FOLDER TOKENS SCORES [--greedy FILE]

FOLDER is loaded by transformers itself, and computed in float32. TOKENS holds int32, SCORES float32 for each token and
entry of the vocabulary. FILE holds the int32 that followed TOKENS greedily: where they part from transformers' own choice,
the two best scores there are told.
Prints JSON: the largest difference, the largest score, and the first greedy difference's position and margin, if any."""
import json
import sys

import numpy as np
import torch
from transformers import MambaForCausalLM

folder, tokens, scores = sys.argv[1:4]
torch.set_num_threads(1)
model = MambaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
ids = torch.from_numpy(np.fromfile(tokens, np.int32).astype(np.int64))[None]
with torch.no_grad():
    expected = model(input_ids=ids).logits[0]
found = torch.from_numpy(np.fromfile(scores, np.float32)).reshape(expected.shape)
result = {"difference": (found - expected).abs().max().item(), "largest": expected.abs().max().item()}
if "--greedy" in sys.argv:
    follow = np.fromfile(sys.argv[sys.argv.index("--greedy") + 1], np.int32).tolist()
    with torch.no_grad():
        output = model(input_ids=ids, use_cache=True)
        for position, token in enumerate(follow):
            best = output.logits[0, -1].topk(2)
            if best.indices[0].item() != token:
                result["position"] = position
                result["margin"] = (best.values[0] - best.values[1]).item()
                break
            output = model(
                input_ids=torch.tensor([[token]]), cache_params=output.cache_params, use_cache=True)
    result["steps"] = len(follow)
print(json.dumps(result))
