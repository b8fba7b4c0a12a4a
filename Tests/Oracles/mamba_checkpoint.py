"""Makes a random Mamba checkpoint with transformers. Usage: mamba_checkpoint.py FOLDER KEY=VALUE... [--dtype D] [--seed N]

Values are JSON, keys those of MambaConfig. Weights are random everywhere, norms, D and biases included, so that no term of
the computation hides behind a one or a zero."""
import argparse
import json

import torch
from transformers import MambaConfig, MambaForCausalLM

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("settings", nargs="*")
parser.add_argument("--dtype", default="float32")
parser.add_argument("--seed", type=int, default=1)
arguments = parser.parse_args()
torch.manual_seed(arguments.seed)
settings = {key: json.loads(value) for key, value in (text.split("=", 1) for text in arguments.settings)}
model = MambaForCausalLM(MambaConfig(**settings))
with torch.no_grad():
    for name, parameter in model.named_parameters():
        if "norm" in name or name.endswith(".D") or name.endswith("bias") or name.endswith("A_log"):
            parameter.add_(torch.randn_like(parameter) * 0.05)
        elif "embeddings" in name or "lm_head" in name:
            parameter.mul_(0.5 / parameter.std())
        elif "out_proj.weight" in name:
            # As Mamba's authors initialise it; otherwise deep stacks amplify rounding until float32 says little.
            parameter.div_(model.config.num_hidden_layers**0.5)
model.to(getattr(torch, arguments.dtype)).save_pretrained(arguments.folder)
