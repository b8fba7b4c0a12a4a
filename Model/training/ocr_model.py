"""ocr_native: a line's image -> stages of convolution -> Mamba layers of alternating direction -> scores for CTC."""
import math

import torch
from torch import nn

import folders
from folders import save  # For whoever imports this module.
from layers import Backbone, Norm, Stage, mamba_config

CHARACTERS = "".join(map(chr, range(32, 127)))


def config():
    return mamba_config() | {
        "model_type": "ocr_native", "architectures": ["OcrNative"], "image_height": 32, "num_channels": 1,
        "stem_channels": [24, 48, 96], "stem_width_strides": [2, 2, 1], "alphabet": CHARACTERS, "blank_token_id": 0,
        "vocab_size": len(CHARACTERS) + 1, "layer_directions": ["forward", "backward", "forward", "backward", "forward"],
    }


class Ocr(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.config, channels, strides = c, c["stem_channels"], c["stem_width_strides"]
        self.stem = nn.Module()
        self.stem.stages = nn.ModuleList(Stage(a, b, (2, s)) for a, b, s in zip([1, *channels], channels, strides))
        self.stem.projection = nn.Linear(channels[-1] * (c["image_height"] >> len(channels)), c["hidden_size"])
        self.stem.norm = Norm(c["hidden_size"], c["layer_norm_epsilon"])
        self.backbone = Backbone(c, embeddings=False)
        self.head = nn.Linear(c["hidden_size"], c["vocab_size"])
        self.stride = math.prod(strides)

    def forward(self, x):
        """x (batch, 1, height, width), ink 1 and paper 0; the scores (batch, width / stride, classes)."""
        for stage in self.stem.stages:
            x = stage(x)
        h = self.stem.norm(self.stem.projection(x.permute(0, 3, 1, 2).flatten(2)))
        for i, layer in enumerate(self.backbone.layers):
            h = layer(h.flip(1))[0].flip(1) if i % 2 else layer(h)[0]
        return self.head(self.backbone.norm_f(h))


def batch_of(images, stride):
    """Images (height, width) of U8, padded with paper on the right to the widest, and their steps.

    The width is rounded up, so that the allocator meets few sizes."""
    width = -(-max(image.shape[1] for image in images) // 32) * 32
    x = torch.zeros(len(images), 1, len(images[0]), width)
    for i, image in enumerate(images):
        x[i, 0, :, : image.shape[1]] = torch.from_numpy(image)
    return x / 255, torch.tensor([-(-image.shape[1] // stride) for image in images])


def read(scores):
    """The text of the best class of each step (time, classes): runs of one class count once, blanks not."""
    last, found = 0, []
    for k in scores.argmax(-1).tolist():
        if k and k != last:
            found.append(CHARACTERS[k - 1])
        last = k
    return "".join(found)


def load(folder):
    """The model of a folder."""
    return folders.load(Ocr, folder)
