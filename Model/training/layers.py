"""What the three models share: Mamba layers with transformers' parameter names, a stage of convolution, and their first
weights. Each part is built from the values of a config.json, `c`."""
import math

import torch
import torch.nn.functional as F
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
        self.sizes, self.taps = [rank, states, states], c["conv_kernel"]
        self.A_log = nn.Parameter(torch.arange(1.0, states + 1).log().repeat(inner, 1))
        self.D = nn.Parameter(torch.ones(inner))
        self.conv1d = nn.Conv1d(inner, inner, self.taps, groups=inner, bias=c["use_conv_bias"])
        self.in_proj = nn.Linear(hidden, 2 * inner, bias=c["use_bias"])
        self.x_proj = nn.Linear(inner, sum(self.sizes), bias=False)
        self.dt_proj = nn.Linear(rank, inner)
        self.out_proj = nn.Linear(inner, hidden, bias=c["use_bias"])
        with torch.no_grad():
            self.out_proj.weight /= math.sqrt(c["num_hidden_layers"])
            dt = torch.exp(torch.rand(inner) * math.log(100) + math.log(0.001)).clamp(min=1e-4)
            self.dt_proj.bias.copy_(dt + torch.log(-torch.expm1(-dt)))

    def zero_state(self, h):
        """The state before the first step, for as many rows as h has."""
        inner = self.D.shape[0]
        return h.new_zeros(len(h), self.taps - 1, inner), h.new_zeros(len(h), self.sizes[1], inner)

    def forward(self, h, state):
        """h (batch, time, hidden); state, and the one returned: (batch, taps - 1, inner), (batch, states, inner)."""
        tail, first = state
        x, z = self.in_proj(h).chunk(2, -1)
        x = torch.cat([tail, x], 1)
        tail, time = x[:, x.shape[1] - tail.shape[1] :], h.shape[1]
        # Sums of shifted products: torch's depthwise convolution takes several times as long on a CPU.
        weight, bias = self.conv1d.weight, self.conv1d.bias
        total = x[:, :time] * weight[:, 0, 0] if bias is None else torch.addcmul(bias, x[:, :time], weight[:, 0, 0])
        for k in range(1, self.taps):
            total = torch.addcmul(total, x[:, k : k + time], weight[:, 0, k])
        x = F.silu(total)
        dt, B, C = self.x_proj(x).split(self.sizes, -1)
        y, last = scan(x, F.softplus(self.dt_proj(dt)), -self.A_log.t().exp(), B, C, first)
        return self.out_proj(torch.addcmul(y, x, self.D) * F.silu(z)), (tail, last)


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm, self.mixer = Norm(c["hidden_size"], c["layer_norm_epsilon"]), Mixer(c)

    def forward(self, h, state=None):
        change, state = self.mixer(self.norm(h), state or self.mixer.zero_state(h))
        return h + change, state


class Stage(nn.Module):
    """3x3 convolution, LayerNorm over the channels of every pixel, SiLU; (batch, channels, rows, columns)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(inputs, outputs, 3, stride, 1), nn.LayerNorm(outputs)
        nn.init.zeros_(self.conv.bias)

    def forward(self, x):
        x = self.conv(x.contiguous(memory_format=torch.channels_last)).permute(0, 2, 3, 1)
        return F.silu(self.norm(x)).permute(0, 3, 1, 2)


class Backbone(nn.Module):
    """The layers and the norm after them; embeddings only where text is the input."""

    def __init__(self, c, embeddings=True):
        super().__init__()
        if embeddings:
            self.embeddings = nn.Embedding(c["vocab_size"], c["hidden_size"])
            nn.init.normal_(self.embeddings.weight, std=0.02)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm_f = Norm(c["hidden_size"], c["layer_norm_epsilon"])


def mamba_config(hidden=128, rank=8):
    """The keys of transformers' MambaConfig for the stack that ocr_native and mamba_multimodal use."""
    return {
        "hidden_size": hidden, "num_hidden_layers": 5, "state_size": 16, "expand": 2, "intermediate_size": 2 * hidden,
        "conv_kernel": 4, "time_step_rank": rank, "use_bias": False, "use_conv_bias": True, "layer_norm_epsilon": 1e-5,
        "hidden_act": "silu", "dtype": "float32", "initializer_range": 0.02, "rescale_prenorm_residual": False,
        "time_step_min": 0.001, "time_step_max": 0.1, "time_step_floor": 1e-4, "time_step_scale": 1,
        "time_step_init_scheme": "random",
    }
