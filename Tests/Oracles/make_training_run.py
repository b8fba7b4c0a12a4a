"""Trains a small language model of bytes, and saves checkpoints: make_training_run.py FOLDER TEXTS [STEPS] [EVERY]

TEXTS is a folder whose .swift and .md files are learned. Each checkpoint is step-N.safetensors in FOLDER, in F32; all belong together."""

import glob
import math
import sys
import time

import torch
from safetensors.torch import save_file

folder, root = sys.argv[1:3]
steps = int(sys.argv[3]) if len(sys.argv) > 3 else 800
every = int(sys.argv[4]) if len(sys.argv) > 4 else 40
torch.manual_seed(1)
torch.set_num_threads(1)
paths = glob.glob(root + "/**/*.swift", recursive=True) + glob.glob(root + "/**/*.md", recursive=True)
text = b"".join(open(path, "rb").read() for path in sorted(paths))
data = torch.frombuffer(bytearray(text), dtype=torch.uint8).long()
W, L, H, T, B = 256, 6, 4, 96, 12


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.n1, self.n2 = torch.nn.LayerNorm(W), torch.nn.LayerNorm(W)
        self.qkv, self.out = torch.nn.Linear(W, 3 * W), torch.nn.Linear(W, W)
        self.up, self.down = torch.nn.Linear(W, 4 * W), torch.nn.Linear(4 * W, W)

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = self.qkv(self.n1(x)).view(b, t, 3, H, W // H).permute(2, 0, 3, 1, 4)
        y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, W))
        return x + self.down(torch.nn.functional.gelu(self.up(self.n2(x))))


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.token, self.place = torch.nn.Embedding(256, W), torch.nn.Embedding(T, W)
        self.blocks = torch.nn.ModuleList(Block() for _ in range(L))
        self.norm, self.head = torch.nn.LayerNorm(W), torch.nn.Linear(W, 256)

    def forward(self, x):
        x = self.token(x) + self.place(torch.arange(x.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


model = Model()
for n, p in model.named_parameters():
    if p.dim() == 2:
        torch.nn.init.normal_(p, std=0.02)
opt = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
start = time.time()
for step in range(1, steps + 1):
    lr = 1e-3 * min(step / 50, 0.5 * (1 + math.cos(math.pi * step / steps)) + 0.01)
    for group in opt.param_groups:
        group["lr"] = lr
    at = torch.randint(len(data) - T - 1, (B,))
    x = torch.stack([data[i:i + T] for i in at])
    y = torch.stack([data[i + 1:i + T + 1] for i in at])
    loss = torch.nn.functional.cross_entropy(model(x).view(-1, 256), y.view(-1))
    opt.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    if step % every == 0:
        save_file({k: v.clone() for k, v in model.state_dict().items()}, f"{folder}/step-{step}.safetensors")
        print(step, float(loss), time.time() - start, flush=True)
