"""mamba_multimodal: an image -> stages of convolution -> a prefix of 36 tokens -> a Mamba over bytes -> the answer."""

import torch
import torch.nn.functional as F
from torch import nn

import folders
from folders import save  # For whoever imports this module.
from layers import Backbone, Norm, Stage, mamba_config


def config():
    return mamba_config() | {
        "model_type": "mamba_multimodal", "architectures": ["MambaMultimodal"], "vocab_size": 256,
        "tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0, "image_size": 96,
        "num_channels": 3, "vision_channels": [16, 32, 64, 64], "modalities": ["text", "image"],
        "image_directions": ["forward", "backward", "forward", "backward", "forward"],
    }


class Vision(nn.Module):
    """Stages of stride 2, then a projection of each remaining pixel, which gets the embedding of its place."""

    def __init__(self, c):
        super().__init__()
        channels, side = c["vision_channels"], c["image_size"] >> len(c["vision_channels"])
        self.stages = nn.ModuleList(Stage(a, b, 2) for a, b in zip([c["num_channels"], *channels], channels))
        self.projection = nn.Linear(channels[-1], c["hidden_size"])
        self.position_embedding = nn.Embedding(side * side, c["hidden_size"])
        self.norm = Norm(c["hidden_size"], c["layer_norm_epsilon"])
        nn.init.normal_(self.position_embedding.weight, std=0.02)

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return self.norm(self.projection(x.flatten(2).transpose(1, 2)) + self.position_embedding.weight)


class Multimodal(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.config, self.vision = c, Vision(c)
        self.modality_embedding = nn.Embedding(2, c["hidden_size"])
        nn.init.normal_(self.modality_embedding.weight, std=0.02)
        self.backbone = Backbone(c)

    def see(self, images):
        """The image's tokens after layer 1 of 0 to 4, and each layer's state after the image.

        images (batch, 3, size, size), 0 to 255. Odd layers read the tokens from the last to the first, and the text after
        them forwards: the text stays causal."""
        h, early, states = self.vision(images.float() / 255) + self.modality_embedding.weight[1], None, []
        for i, layer in enumerate(self.backbone.layers):
            if i % 2:
                h, state = layer(h.flip(1))
                h = h.flip(1)
            else:
                h, state = layer(h)
            early = h if i == 1 else early
            states.append(state)
        return early, states

    def blind(self, batch):
        """The states of text without an image."""
        h = self.modality_embedding.weight.new_zeros(batch, 1, 1)
        return [layer.mixer.zero_state(h) for layer in self.backbone.layers]

    def say(self, ids, states):
        """Scores (batch, time, 256) of the byte after each, and the states after the last."""
        h, after = self.backbone.embeddings(ids) + self.modality_embedding.weight[0], []
        for layer, state in zip(self.backbone.layers, states):
            h, state = layer(h, state)
            after.append(state)
        return F.linear(self.backbone.norm_f(h), self.backbone.embeddings.weight), after


def texts(rows):
    """Rows of (piece, is it an answer) pairs: ids (rows, time), and the byte that follows each, -1 outside answers."""
    whole = [b"".join(piece.encode() for piece, _ in row) for row in rows]
    time = max(map(len, whole)) - 1
    ids, follow = torch.zeros(len(rows), time, dtype=torch.long), torch.full((len(rows), time), -1)
    for i, (text, row) in enumerate(zip(whole, rows)):
        ids[i, : len(text) - 1] = torch.tensor(list(text[:-1]))
        at = 0
        for piece, answer in row:
            if answer:
                follow[i, at - 1 : at - 1 + len(piece)] = torch.tensor(list(piece.encode()))
            at += len(piece)
    return ids, follow


def picked(states, index):
    """The states of some rows."""
    return [tuple(part[index] for part in state) for state in states]


def load(folder):
    """The model of a folder."""
    return folders.load(Multimodal, folder)
