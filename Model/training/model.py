"""A Mamba language model whose state_dict() has the keys of transformers' MambaForCausalLM, and whose state carries on."""

import torch
import torch.nn.functional as F
from torch import nn

import folders
from folders import save  # For whoever imports this module.
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
    """The model of a folder."""
    return folders.load(Mamba, folder)
