"""A Mamba language model whose state_dict() has the keys of transformers' MambaForCausalLM, and whose state carries on."""
import json
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

from layers import Backbone


class Mamba(nn.Module):
    """`Mamba(config)(ids, state)` is logits (batch, time, vocabulary) and the state after the last byte."""

    def __init__(self, c):
        super().__init__()
        if c["model_type"] != "mamba" or not c["tie_word_embeddings"] or c["hidden_act"] != "silu":
            raise ValueError("expected a mamba with tied embeddings and silu")
        if c["rescale_prenorm_residual"]:
            raise ValueError("with rescale_prenorm_residual transformers divides out_proj again as it loads the file")
        self.config, self.backbone = c, Backbone(c)

    def zero_state(self, batch):
        h = self.backbone.embeddings.weight.new_zeros(batch, 1, 1)
        return [layer.mixer.zero_state(h) for layer in self.backbone.layers]

    def forward(self, ids, state):
        h, after = self.backbone.embeddings(ids), []
        for layer, before in zip(self.backbone.layers, state):
            h, last = layer(h, before)
            after.append(last)
        return F.linear(self.backbone.norm_f(h), self.backbone.embeddings.weight), after


def load(folder):
    """The model of a folder that holds config.json and model.safetensors."""
    folder = pathlib.Path(folder)
    model = Mamba(json.loads((folder / "config.json").read_text()))
    model.load_state_dict(load_file(folder / "model.safetensors"), strict=True)
    return model


def save(model, folder):
    """Writes config.json and model.safetensors, as `tantra import FOLDER` takes them."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(model.config, indent=2, sort_keys=True) + "\n")
    save_file(model.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
