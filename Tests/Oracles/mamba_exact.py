"""Compares scores with those of a Mamba computed in double precision. Usage: mamba_exact.py FOLDER TOKENS SCORES

TOKENS holds int32, SCORES float32 for each token and entry of the vocabulary. The computation is written out here, after
equations 2 to 4 and figure 3 of Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces" (2023), with
nothing but numpy; transformers computes the same in float32 beside it.
Prints JSON: the root mean square of the errors of SCORES (found) and of transformers (transformers), the largest errors, and
by how much the network amplifies a relative disturbance of its embeddings."""
import json
import sys

import numpy as np
import torch
from safetensors.numpy import load_file
from transformers import MambaConfig, MambaForCausalLM

folder = sys.argv[1]
tokens = np.fromfile(sys.argv[2], np.int32)
weights = {name: array.astype(np.float64) for name, array in load_file(folder + "/model.safetensors").items()}
configuration = MambaConfig.from_pretrained(folder)


def silu(x):
    return x / (1 + np.exp(-x))


def normalized(x, weight):
    return x / np.sqrt((x * x).mean(1, keepdims=True) + configuration.layer_norm_epsilon) * weight


def mixed(x, prefix):
    """What a layer adds to the residual stream x, (tokens, hidden)."""
    weight = {name[len(prefix):]: array for name, array in weights.items() if name.startswith(prefix)}
    x, gate = np.split(x @ weight["in_proj.weight"].T, 2, axis=1)
    kernel = weight["conv1d.weight"][:, 0]
    padded = np.pad(x, ((kernel.shape[1] - 1, 0), (0, 0)))
    x = silu(sum(padded[tap:tap + len(x)] * kernel[:, tap] for tap in range(kernel.shape[1])) + weight["conv1d.bias"])
    rank, size = weight["dt_proj.weight"].shape[1], weight["A_log"].shape[1]
    step, b, c = np.split(x @ weight["x_proj.weight"].T, [rank, rank + size], axis=1)
    step = np.logaddexp(0, step @ weight["dt_proj.weight"].T + weight["dt_proj.bias"])
    a = -np.exp(weight["A_log"])
    state = np.zeros_like(a)
    output = x * weight["D"]
    for time in range(len(x)):
        state = np.exp(step[time][:, None] * a) * state + (step[time] * x[time])[:, None] * b[time]
        output[time] += state @ c[time]
    return (output * silu(gate)) @ weight["out_proj.weight"].T


def scores(x):
    for layer in range(configuration.num_hidden_layers):
        prefix = f"backbone.layers.{layer}."
        x = x + mixed(normalized(x, weights[prefix + "norm.weight"]), prefix + "mixer.")
    return normalized(x, weights["backbone.norm_f.weight"]) @ weights["backbone.embeddings.weight"].T


embedded = weights["backbone.embeddings.weight"][tokens]
exact = scores(embedded)
disturbed = scores(embedded * (1 + 1e-7 * np.random.default_rng(1).choice([-1, 1], embedded.shape)))
with torch.no_grad():
    model = MambaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    theirs = model(input_ids=torch.from_numpy(tokens.astype(np.int64))[None]).logits[0].numpy()
found = np.fromfile(sys.argv[3], np.float32).reshape(exact.shape)


def root_mean_square(difference):
    return float(np.sqrt(np.square(difference).mean()))


print(json.dumps({
    "found": root_mean_square(found - exact),
    "transformers": root_mean_square(theirs - exact),
    "largest_found": float(np.abs(found - exact).max()),
    "largest_transformers": float(np.abs(theirs - exact).max()),
    "largest": float(np.abs(exact).max()),
    "amplification": root_mean_square(disturbed - exact) / root_mean_square(exact) / 1e-7,
}))
