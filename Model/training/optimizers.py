"""AdamW, and Muon for the wide matrices."""
import math

import torch

WIDE = ("in_proj.weight", "x_proj.weight", "out_proj.weight")
NOT_DECAYED = ("A_log", "conv1d.weight", "embeddings.weight", "_embedding.weight", "dt_proj.weight")


class Muon(torch.optim.Optimizer):
    """Muon (Jordan, 2024) with steps as large as AdamW's (`match_rms_adamw` of torch.optim.Muon), so that both share a rate.

    torch's own makes matrices orthogonal in BF16, which takes 25 times as long on a processor that has no BF16."""

    def __init__(self, parameters, decay, momentum=0.95):
        super().__init__(parameters, {"lr": 0.0, "decay": decay, "momentum": momentum})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in (p for p in group["params"] if p.grad is not None):
                m = self.state[p].setdefault("momentum", torch.zeros_like(p))
                m.lerp_(p.grad, 1 - group["momentum"])
                u = p.grad.lerp(m, group["momentum"])
                tall = u.shape[0] > u.shape[1]
                u = u.t() if tall else u
                u = u / u.norm().clamp(min=1e-7)
                for _ in range(5):
                    gram = u @ u.t()
                    u = torch.addmm(u, torch.addmm(gram, gram, gram, beta=-4.775, alpha=2.0315), u, beta=3.4445)
                p.mul_(1 - group["lr"] * group["decay"])
                p.add_(u.t() if tall else u, alpha=-0.2 * group["lr"] * math.sqrt(max(p.shape)))


def optimizers_of(model, betas, decay, muon=True):
    """Muon for the wide matrices of the Mamba layers, or AdamW for them as well; AdamW for the rest.

    Weight decay on matrices and on the kernels of two-dimensional convolutions."""
    named = list(model.named_parameters())
    wide = [p for name, p in named if name.endswith(WIDE)]
    rest = [(name, p) for name, p in named if not name.endswith(WIDE)]
    decayed = [p for name, p in rest if p.dim() > 1 and not name.endswith(NOT_DECAYED)]
    others = [p for name, p in rest if not (p.dim() > 1 and not name.endswith(NOT_DECAYED))]
    groups = [{"params": decayed, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    if not muon:
        groups.append({"params": wide, "weight_decay": decay})
    adam = torch.optim.AdamW(groups, lr=0.0, betas=betas)
    return [adam, Muon(wide, decay)] if muon else [adam]
