"""A Mamba language model whose state_dict() has the keys of transformers' MambaForCausalLM, and whose state carries on."""
import json
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

from scan import scan


class Norm(nn.Module):
    def __init__(self, size, epsilon):
        super().__init__()
        self.weight, self.epsilon = nn.Parameter(torch.ones(size)), epsilon

    def forward(self, x):
        return F.rms_norm(x, self.weight.shape, self.weight, self.epsilon)


class Mixer(nn.Module):
    def __init__(self, c):
        super().__init__()
        hidden, inner, states, rank = c["hidden_size"], c["intermediate_size"], c["state_size"], c["time_step_rank"]
        self.sizes = [rank, states, states]
        self.A_log = nn.Parameter(torch.empty(inner, states))
        self.D = nn.Parameter(torch.empty(inner))
        self.conv1d = nn.Conv1d(inner, inner, c["conv_kernel"], groups=inner, bias=c["use_conv_bias"])
        self.in_proj = nn.Linear(hidden, 2 * inner, bias=c["use_bias"])
        self.x_proj = nn.Linear(inner, sum(self.sizes), bias=False)
        self.dt_proj = nn.Linear(rank, inner)
        self.out_proj = nn.Linear(inner, hidden, bias=c["use_bias"])

    def forward(self, h, state):  # h (batch, time, hidden)
        tail, first = state  # (batch, taps - 1, inner), (batch, states, inner)
        x, z = self.in_proj(h).chunk(2, -1)
        x = torch.cat([tail, x], 1)
        tail = x[:, x.shape[1] - tail.shape[1]:].detach()
        time = h.shape[1]
        # Sums of shifted products: torch's depthwise convolution takes several times as long on a CPU.
        weight, bias = self.conv1d.weight, self.conv1d.bias
        total = x[:, :time] * weight[:, 0, 0] if bias is None else torch.addcmul(bias, x[:, :time], weight[:, 0, 0])
        for k in range(1, weight.shape[-1]):
            total = torch.addcmul(total, x[:, k : k + time], weight[:, 0, k])
        x = F.silu(total)
        dt, B, C = self.x_proj(x).split(self.sizes, -1)
        y, last = scan(x, F.softplus(self.dt_proj(dt)), -self.A_log.t().exp(), B, C, first)
        return self.out_proj(torch.addcmul(y, x, self.D) * F.silu(z)), (tail, last)


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm, self.mixer = Norm(c["hidden_size"], c["layer_norm_epsilon"]), Mixer(c)


class Backbone(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embeddings = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm_f = Norm(c["hidden_size"], c["layer_norm_epsilon"])


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
        c = self.config
        return [
            (torch.zeros(batch, c["conv_kernel"] - 1, c["intermediate_size"]),
             torch.zeros(batch, c["state_size"], c["intermediate_size"]))
            for _ in self.backbone.layers
        ]

    def forward(self, ids, state):
        h, after = self.backbone.embeddings(ids), []
        for layer, before in zip(self.backbone.layers, state):
            change, last = layer.mixer(layer.norm(h), before)
            h = h + change
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
