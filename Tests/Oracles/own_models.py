"""Builds one of Tantra's own models in torch as its config.json says, loads it, and runs it.

    own_models.py FOLDER
    own_models.py FOLDER INPUTS SCORES      compares scores instead

FOLDER holds config.json (model_type mamba_multimodal or ocr_native) and model.safetensors. The modules below are the
architectures' definition in another language: names, order and shapes must agree with the file, and the untrained
model must be about as uncertain as it can be. Prints a JSON summary.

INPUTS holds inputs one after the other, SCORES the F32 that another program computed for them. An input of ocr_native is
its width as int32 and (height, width) F32, ink 1; one of mamba_multimodal the number of its tokens as int32, the tokens as
int32, and (size, size, channels) bytes. Printed are the number of inputs, the largest difference divided by max(1, largest
score), and the milliseconds that torch took for each with one thread."""
import json
import math
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class RMSNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


class Mixer(nn.Module):
    def __init__(self, c):
        super().__init__()
        hidden, inner = c["hidden_size"], c["hidden_size"] * c["expand"]
        self.split = [c["time_step_rank"], c["state_size"], c["state_size"]]
        self.A_log = nn.Parameter(torch.empty(inner, c["state_size"]))
        self.D = nn.Parameter(torch.empty(inner))
        self.conv1d = nn.Conv1d(inner, inner, c["conv_kernel"], groups=inner, padding=c["conv_kernel"] - 1)
        self.in_proj = nn.Linear(hidden, 2 * inner, bias=False)
        self.x_proj = nn.Linear(inner, sum(self.split), bias=False)
        self.dt_proj = nn.Linear(c["time_step_rank"], inner)
        self.out_proj = nn.Linear(inner, hidden, bias=False)

    def forward(self, h):  # (batch, time, hidden)
        x, z = self.in_proj(h).chunk(2, -1)
        x = F.silu(self.conv1d(x.transpose(1, 2))[..., : h.shape[1]].transpose(1, 2))
        dt, B, C = self.x_proj(x).split(self.split, -1)
        dt, A, state, outputs = F.softplus(self.dt_proj(dt)), -self.A_log.exp(), 0, []
        for t in range(h.shape[1]):
            state = torch.exp(dt[:, t, :, None] * A) * state + (dt[:, t] * x[:, t])[..., None] * B[:, t, None]
            outputs.append((state * C[:, t, None]).sum(-1) + self.D * x[:, t])
        return self.out_proj(torch.stack(outputs, 1) * F.silu(z))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm, self.mixer = RMSNorm(c["hidden_size"]), Mixer(c)


class Backbone(nn.Module):
    def __init__(self, c, embeddings):
        super().__init__()
        if embeddings:
            self.embeddings = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm_f = RMSNorm(c["hidden_size"])
        self.directions = c.get("layer_directions")

    def forward(self, h):
        for layer, direction in zip(self.layers, self.directions):
            x = layer.norm(h)
            h = h + (layer.mixer(x) if direction == "forward" else layer.mixer(x.flip(1)).flip(1))
        return self.norm_f(h)


class Stage(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(inputs, outputs, 3, stride, 1), nn.LayerNorm(outputs)

    def forward(self, x):  # (batch, channels, rows, columns)
        return F.silu(self.norm(self.conv(x).permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class Vision(nn.Module):
    def __init__(self, c):
        super().__init__()
        hidden, channels = c["hidden_size"], [c["num_channels"], *c["vision_channels"]]
        self.stages = nn.ModuleList(Stage(a, b, 2) for a, b in zip(channels, channels[1:]))
        self.projection = nn.Linear(channels[-1], hidden)
        self.position_embedding = nn.Embedding((c["image_size"] >> len(self.stages)) ** 2, hidden)
        self.norm = RMSNorm(hidden)

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return self.norm(self.projection(x.flatten(2).transpose(1, 2)) + self.position_embedding.weight)


class MambaMultimodal(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.vision = Vision(c)
        self.modality_embedding = nn.Embedding(2, c["hidden_size"])
        self.backbone = Backbone(c | {"layer_directions": None}, embeddings=True)
        self.directions = c["image_directions"]

    def forward(self, image, ids):
        h = self.backbone.embeddings(ids) + self.modality_embedding.weight[0]
        count = 0
        if image is not None:
            tokens = self.vision(image) + self.modality_embedding.weight[1]
            count, h = tokens.shape[1], torch.cat([tokens, h], 1)
        turned = torch.cat([torch.arange(count).flip(0), torch.arange(count, h.shape[1])])
        for layer, direction in zip(self.backbone.layers, self.directions):
            if direction == "forward":
                h = h + layer.mixer(layer.norm(h))
            else:
                h = h + layer.mixer(layer.norm(h[:, turned]))[:, turned]
        return self.backbone.norm_f(h)[:, count:] @ self.backbone.embeddings.weight.T


class Stem(nn.Module):
    def __init__(self, c):
        super().__init__()
        channels = [1, *c["stem_channels"]]
        strides = [(2, stride) for stride in c["stem_width_strides"]]
        self.stages = nn.ModuleList(map(Stage, channels, channels[1:], strides))
        self.projection = nn.Linear(channels[-1] * (c["image_height"] >> len(self.stages)), c["hidden_size"])
        self.norm = RMSNorm(c["hidden_size"])

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return self.norm(self.projection(x.permute(0, 3, 1, 2).flatten(2)))


class OcrNative(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.stem, self.backbone = Stem(c), Backbone(c, embeddings=False)
        self.head = nn.Linear(c["hidden_size"], c["vocab_size"])

    def forward(self, image):
        return self.head(self.backbone(self.stem(image)))


def inputs_of(path, c):
    """Each input as the model takes it."""
    data = open(path, "rb").read()
    at = 0
    def take(count, dtype):
        nonlocal at
        found = np.frombuffer(data, dtype, count, at)
        at += found.nbytes
        return found
    while at < len(data):
        count = int(take(1, np.int32)[0])
        if c["model_type"] == "ocr_native":
            yield (torch.from_numpy(take(count * c["image_height"], np.float32).reshape(1, 1, -1, count).copy()),)
        else:
            ids = torch.from_numpy(take(count, np.int32).astype(np.int64))[None]
            size = c["image_size"], c["image_size"], c["num_channels"]
            pixels = torch.from_numpy(take(math.prod(size), np.uint8).reshape(1, *size).copy())
            yield pixels.permute(0, 3, 1, 2).float() / 255, ids


@torch.no_grad()
def compare(model, c, inputs, scores):
    found, at, count, seconds, worst = np.fromfile(scores, np.float32), 0, 0, 0.0, 0.0
    for values in inputs_of(inputs, c):
        began = time.perf_counter()
        expected = model(*values)[0].numpy()
        seconds += time.perf_counter() - began
        ours = found[at : at + expected.size].reshape(expected.shape)
        worst = max(worst, float(np.abs(ours - expected).max()) / max(1.0, float(np.abs(expected).max())))
        at, count = at + expected.size, count + 1
    assert at == found.size, f"expected {at} scores, found {found.size}"
    print(json.dumps({"inputs": count, "difference": worst, "milliseconds": round(1000 * seconds / count, 2)}))


@torch.no_grad()
def summarize(model, c):
    if c["model_type"] == "mamba_multimodal":
        size = c["image_size"]
        inputs = torch.rand(1, c["num_channels"], size, size), torch.randint(0, c["vocab_size"], (1, 20))
    else:
        inputs = (torch.rand(1, 1, c["image_height"], 200),)
        assert len(c["alphabet"]) + 1 == c["vocab_size"], "alphabet and vocab_size differ"
    logits = model(*inputs)
    assert torch.isfinite(logits).all(), "a logit is not finite"
    entropy = torch.distributions.Categorical(logits=logits).entropy().mean().item()
    print(json.dumps({
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "names": list(model.state_dict()),
        "shape": list(logits.shape),
        "entropy": round(entropy / math.log(c["vocab_size"]), 4),
    }))


folder = sys.argv[1]
with open(os.path.join(folder, "config.json")) as file:
    c = json.load(file)
torch.manual_seed(0)
torch.set_num_threads(1)
model = MambaMultimodal(c) if c["model_type"] == "mamba_multimodal" else OcrNative(c)
model.load_state_dict(load_file(os.path.join(folder, "model.safetensors")), strict=True)
if len(sys.argv) > 2:
    compare(model, c, *sys.argv[2:])
else:
    summarize(model, c)
