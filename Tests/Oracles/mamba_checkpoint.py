"""Makes a random Mamba checkpoint with transformers. Usage: mamba_checkpoint.py FOLDER KEY=VALUE... [--dtype D] [--seed N]
[--harsh]

Values are JSON, keys those of MambaConfig. Weights are initialised as Mamba's authors do (mamba_ssm, modules/mamba_simple.py
and models/mixer_seq_simple.py), and norms, D and biases are random besides, so that no term of the computation hides behind a
one or a zero.

--harsh leaves the matrices as transformers has them: with a standard deviation of 0.1 whatever their size, several times the
authors', so that each layer amplifies what rounding was done before it."""
import argparse
import json
import math

import torch
from transformers import MambaConfig, MambaForCausalLM

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("settings", nargs="*")
parser.add_argument("--dtype", default="float32")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--harsh", action="store_true")
arguments = parser.parse_args()
torch.manual_seed(arguments.seed)
settings = {key: json.loads(value) for key, value in (text.split("=", 1) for text in arguments.settings)}
model = MambaForCausalLM(MambaConfig(**settings))
with torch.no_grad():
    for name, parameter in model.named_parameters():
        if not arguments.harsh:
            if name.endswith(("in_proj.weight", "x_proj.weight", "out_proj.weight")):
                torch.nn.init.kaiming_uniform_(parameter, a=math.sqrt(5))
            if name.endswith("out_proj.weight"):
                parameter.div_(math.sqrt(model.config.num_hidden_layers))
            if "embeddings" in name or "lm_head" in name:
                torch.nn.init.normal_(parameter, std=0.02)
        if "norm" in name or name.endswith((".D", "bias", "A_log")):
            parameter.add_(torch.randn_like(parameter) * 0.05)
model.to(getattr(torch, arguments.dtype)).save_pretrained(arguments.folder)
