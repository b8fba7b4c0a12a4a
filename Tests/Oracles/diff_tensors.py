"""Compares two state dicts in double precision with numpy, as an oracle for tantra diff.
Usage: diff_tensors.py make FOLDER | check BEFORE AFTER DIFF.json

make writes before.pt and after.pt: every kind of change, and values at the edges of their types.
check reads two safetensors files and what `tantra diff --all --json` said of them, and fails at the first disagreement."""
import json
import math
import os
import sys

import numpy
import torch


def make(folder):
    torch.manual_seed(5)
    before, after = {}, {}
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        name = str(dtype).removeprefix("torch.")
        before[f"{name}.same"] = torch.randn(33, 7).to(dtype)
        after[f"{name}.same"] = before[f"{name}.same"].clone()
        before[f"{name}.noise"] = torch.randn(1001, 17).to(dtype)
        after[f"{name}.noise"] = (before[f"{name}.noise"].double() + 1e-2 * torch.randn(1001, 17)).to(dtype)
        special = torch.tensor([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, torch.finfo(dtype).tiny,
                                torch.finfo(dtype).smallest_normal / 2, torch.finfo(dtype).max / 4], dtype=torch.float64)
        before[f"{name}.special"] = special.to(dtype)
        after[f"{name}.special"] = special.flip(0).to(dtype)
        before[f"{name}.from_zero"] = torch.zeros(9, dtype=dtype)
        after[f"{name}.from_zero"] = torch.ones(9, dtype=dtype)
    # Every bit pattern of the 16-bit types.
    patterns = torch.arange(-32768, 32768, dtype=torch.int32).to(torch.int16)
    for dtype in (torch.float16, torch.bfloat16):
        name = str(dtype).removeprefix("torch.")
        before[f"{name}.all"] = patterns.view(dtype).clone()
        after[f"{name}.all"] = patterns.roll(1).view(dtype).clone()
    # More than one stretch of 32 MiB, and not a whole number of chunks.
    before["large"] = torch.randn(9_000_001)
    after["large"] = before["large"] * 1.001
    # Tensors that are parts of one storage.
    shared = torch.randn(100)
    before["part.a"], before["part.b"] = shared[:60], shared[40:]
    other = shared.clone()
    other[90] += 3
    after["part.a"], after["part.b"] = other[:60], other[40:]
    before["integers"], after["integers"] = torch.arange(5), torch.arange(1, 6)
    before["empty"], after["empty"] = torch.zeros(0, 3), torch.zeros(0, 3)
    before["scalar"], after["scalar"] = torch.tensor(2.0), torch.tensor(-2.0)
    before["reshaped"], after["reshaped"] = torch.ones(2, 3), torch.ones(3, 2)
    before["cast"], after["cast"] = torch.ones(4), torch.ones(4).half()
    before["gone"], after["new"] = torch.ones(1), torch.ones(1)
    torch.save(before, os.path.join(folder, "before.pt"))
    torch.save(after, os.path.join(folder, "after.pt"))


def close(found, expected):
    if not math.isfinite(expected):
        return found is None
    return found is not None and math.isclose(found, expected, rel_tol=1e-9, abs_tol=0)


def check(first, second, said):
    before, after = torch.load(first), torch.load(second)
    with open(said) as file:
        report = json.load(file)
    tensors = {tensor["name"]: tensor for tensor in report["difference"]["tensors"]}
    assert set(tensors) == set(before) | set(after), set(tensors) ^ (set(before) | set(after))
    kinds = {"same": 0, "changed": 0, "retyped": 0, "added": 0, "removed": 0}
    measured = 0
    for name, tensor in tensors.items():
        if name not in after:
            expected = "removed"
        elif name not in before:
            expected = "added"
        else:
            a, b = before[name], after[name]
            if a.dtype != b.dtype or a.shape != b.shape:
                expected = "retyped"
            else:
                width = a.element_size()
                bits = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[width]
                changed = int((a.contiguous().view(bits) != b.contiguous().view(bits)).sum()) if a.numel() else 0
                expected = "changed" if changed else "same"
        assert tensor["change"] == expected, (name, tensor, expected)
        kinds[expected] += 1
        distance = tensor.get("distance")
        assert (distance is not None) == (expected == "changed" and before[name].dtype.is_floating_point), name
        if distance is None:
            continue
        measured += 1
        x, y = a.flatten().double().numpy(), b.flatten().double().numpy()
        with numpy.errstate(all="ignore"):
            both = numpy.isfinite(x) & numpy.isfinite(y)
            x, y = x[both], y[both]
            norm, base = float(numpy.sqrt(((y - x) ** 2).sum())), float(numpy.sqrt((x ** 2).sum()))
            largest = float(abs(y - x).max(initial=0))
        assert distance["changedElements"] == changed, (name, distance, changed)
        assert distance["nonFiniteElements"] == int((~both).sum()), (name, distance)
        assert close(distance.get("norm"), norm), (name, distance, norm)
        assert close(distance.get("largest"), largest), (name, distance, largest)
        if base > 0 and math.isfinite(base):
            assert close(distance.get("relativeNorm"), norm / base), (name, distance, norm / base)
        else:
            assert "relativeNorm" not in distance, (name, distance)
    assert report["counts"] == kinds, (report["counts"], kinds)
    print(json.dumps({"kinds": kinds, "measured": measured}))


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    check(*sys.argv[2:5])
