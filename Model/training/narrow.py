"""Cuts a trained byte-level Mamba down to a narrower one, whose further training then takes minutes rather than an hour.

    narrow.py START OUTPUT --hidden 128 --inner 256 --rank 32

The residual stream is turned to its principal axes, so that the least of them can go (Ashkboos et al.: SliceGPT, 2024); RMSNorm
allows it, once its weights are part of the matrices after it. Where the head shares the embeddings' matrix, its norm keeps
the weights that fit best. Of each layer's inner channels those go that add least to what is read from them. A larger rank of
the time step begins with rows that change nothing yet."""
import argparse
import math
import pathlib

import torch
import torch.nn.functional as F

import corpus
import model as models
from scan import scan


@torch.no_grad()
def observed(model, ids):
    """Second moments of the residual stream's directions, and of each layer the mean squares of x and of the output."""
    h, moments, squares = model.backbone.embeddings(ids), 0, []
    for layer in model.backbone.layers:
        mixer, n = layer.mixer, F.rms_norm(h, h.shape[-1:], None, layer.norm.epsilon)
        moments = moments + n.flatten(0, 1).t() @ n.flatten(0, 1)
        x, z = mixer.in_proj(layer.norm(h)).chunk(2, -1)
        tail, first = mixer.zero_state(h)
        padded, time = torch.cat([tail, x], 1), h.shape[1]
        x = F.silu(mixer.conv1d.bias + sum(padded[:, k : k + time] * mixer.conv1d.weight[:, 0, k] for k in range(mixer.taps)))
        dt, B, C = mixer.x_proj(x).split(mixer.sizes, -1)
        y, _ = scan(x, F.softplus(mixer.dt_proj(dt)), -mixer.A_log.t().exp(), B, C, first)
        y = torch.addcmul(y, x, mixer.D) * F.silu(z)
        squares.append((x.square().mean((0, 1)), y.square().mean((0, 1))))
        h = h + mixer.out_proj(y)
    n = F.rms_norm(h, h.shape[-1:], None, 1e-5).flatten(0, 1)
    return moments + n.t() @ n, squares


@torch.no_grad()
def narrowed(model, ids, hidden, inner, rank):
    c = model.config
    moments, squares = observed(model, ids)
    axes = torch.linalg.eigh(moments)[1].flip(1)[:, :hidden]  # Largest first.
    wider = math.sqrt(c["hidden_size"] / hidden)  # The mean of squares is over fewer.
    small = models.Mamba(c | {"hidden_size": hidden, "intermediate_size": inner, "time_step_rank": rank})
    embeddings, weight = model.backbone.embeddings.weight, model.backbone.norm_f.weight
    turned, head = embeddings @ axes, (embeddings * weight) @ axes
    small.backbone.embeddings.weight.copy_(turned)
    small.backbone.norm_f.weight.copy_((turned * head).sum(0) / turned.square().sum(0) / wider)
    for layer, new, (x, y) in zip(model.backbone.layers, small.backbone.layers, squares):
        old, mixer = layer.mixer, new.mixer
        reads = y * old.out_proj.weight.square().sum(0), x * old.x_proj.weight.square().sum(0)
        keep = sum(part / part.sum() for part in reads).topk(inner).indices.sort().values
        both = torch.cat([keep, keep + old.D.shape[0]])
        new.norm.weight.fill_(1.0)
        mixer.in_proj.weight.copy_((old.in_proj.weight[both] * layer.norm.weight) @ axes / wider)
        mixer.out_proj.weight.copy_(axes.t() @ old.out_proj.weight[:, keep])
        for name in ("A_log", "D"):
            getattr(mixer, name).copy_(getattr(old, name)[keep])
        mixer.conv1d.weight.copy_(old.conv1d.weight[keep])
        mixer.conv1d.bias.copy_(old.conv1d.bias[keep])
        mixer.dt_proj.bias.copy_(old.dt_proj.bias[keep])
        mixer.dt_proj.weight.zero_()
        mixer.dt_proj.weight[:, : old.sizes[0]] = old.dt_proj.weight[keep]
        mixer.x_proj.weight[: old.sizes[0]] = old.x_proj.weight[: old.sizes[0], keep]
        mixer.x_proj.weight[rank:] = old.x_proj.weight[old.sizes[0] :, keep]
    return small


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("start", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    for name in ("hidden", "inner", "rank"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--seed", type=int, default=42)
    a = parser.parse_args()
    torch.manual_seed(a.seed)
    model, text = models.load(a.start), corpus.training_text()
    starts = torch.randint(0, len(text) - 512, (32,)).tolist()
    ids = torch.tensor([list(text[at : at + 512]) for at in starts])
    models.save(narrowed(model, ids, a.hidden, a.inner, a.rank), a.output)


if __name__ == "__main__":
    main()
