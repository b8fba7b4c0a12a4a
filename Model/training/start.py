"""Makes first weights of a byte-level Mamba of another shape than `tantra generate` does.

    start.py OUTPUT --hidden 128 --rank 32      the shape of mamba v2.0: every row of a matrix is a multiple of 32 long
"""
import argparse
import pathlib

import torch

import model as models
from layers import mamba_config

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("output", type=pathlib.Path)
parser.add_argument("--hidden", type=int, required=True)
parser.add_argument("--rank", type=int, required=True)
parser.add_argument("--seed", type=int, default=42)
arguments = parser.parse_args()
torch.manual_seed(arguments.seed)
config = mamba_config(arguments.hidden, arguments.rank) | {
    "model_type": "mamba", "architectures": ["MambaForCausalLM"], "vocab_size": 256, "tie_word_embeddings": True,
    "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0, "residual_in_fp32": True, "transformers_version": "5.23.0",
    "use_associative_scan": True, "use_cache": True, "use_mambapy": False,
}
models.save(models.Mamba(config), arguments.output)
