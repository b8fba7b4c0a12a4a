"""Compares the trainer's scan with the same sum in plain torch, in F64. Usage: training_scan.py

Values, last states and all five gradients, for lengths that fill the C code's spans and that do not, and for first states
that are not zero; then that a model's answer does not depend on how a text is cut. Prints the largest relative error."""
import pathlib
import sys

import torch
import torch.nn.functional as F

root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "Model" / "training"))
import model as models
from scan import scan


def expected(x, dt, A, B, C, state):
    outputs = []
    for t in range(x.shape[1]):
        state = torch.exp(dt[:, t, None] * A) * state + (dt[:, t] * x[:, t])[:, None] * B[:, t, :, None]
        outputs.append((state * C[:, t, :, None]).sum(1))
    return torch.stack(outputs, 1), state


def error(found, wanted):
    return ((found - wanted).abs().max() / wanted.abs().max()).item()


torch.manual_seed(0)
worst = 0.0
for batch, time, channels in [(1, 1, 16), (2, 16, 32), (3, 40, 16), (2, 256, 48)]:
    for start in (0.0, 1.0):
        inputs = [
            torch.randn(batch, time, channels), F.softplus(torch.randn(batch, time, channels) - 2),
            -torch.exp(torch.randn(16, channels)), torch.randn(batch, time, 16), torch.randn(batch, time, 16),
        ]
        first, weight = start * torch.randn(batch, 16, channels), torch.randn(batch, time, channels)
        ours = [tensor.clone().requires_grad_() for tensor in inputs]
        theirs = [tensor.double().requires_grad_() for tensor in inputs]
        y, last = scan(*ours, first)
        wanted, wanted_last = expected(*theirs, first.double())
        (y * weight).sum().backward()
        (wanted * weight.double()).sum().backward()
        pairs = [(y, wanted), (last, wanted_last)] + [(a.grad, b.grad) for a, b in zip(ours, theirs)]
        worst = max([worst] + [error(found, wanted) for found, wanted in pairs])
assert worst < 2e-5, worst

config = dict(
    model_type="mamba", tie_word_embeddings=True, hidden_act="silu", rescale_prenorm_residual=False, vocab_size=256,
    hidden_size=24, intermediate_size=48, state_size=16, conv_kernel=4, time_step_rank=2, num_hidden_layers=2,
    layer_norm_epsilon=1e-5, use_bias=False, use_conv_bias=True)
with torch.no_grad():
    model = models.Mamba(config)
    for parameter in model.parameters():
        parameter.normal_(std=0.2)
    ids = torch.randint(0, 256, (2, 50))
    whole, _ = model(ids, model.zero_state(2))
    state, pieces = model.zero_state(2), []
    for piece in ids.split([1, 2, 30, 17], 1):
        logits, state = model(piece, state)
        pieces.append(logits)
cut = error(torch.cat(pieces, 1), whole)
assert cut < 1e-5, cut
print(f"{max(worst, cut):.1e}")
