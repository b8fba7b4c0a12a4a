"""Prints the SHA-256 of each tensor of a model's seeded weights. Usage: seeded_weights.py MODEL SEED "NAME DIMENSION..." ...

Written from the documentation of the generator alone, in plain Python: integers, and floating-point +, -, *, / and square
root. How a tensor is filled follows from its name. Prints one line, name and digest, for each tensor asked for."""
import hashlib
import math
import struct
import sys

MASK = (1 << 64) - 1
LOG2 = 0.6931471805599453


class Generator:
    def __init__(self, seed, model, tensor):
        self.state = int.from_bytes(hashlib.sha256(f"{seed}/{model}/{tensor}".encode()).digest()[:8], "little")

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        mixed = self.state
        mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & MASK
        return mixed ^ mixed >> 31

    def uniform(self):
        return (self.next() >> 11) * 2.0**-53

    def normal(self):
        draws = [self.next() for _ in range(6)]
        return (sum((draw >> 32) + (draw & 0xFFFFFFFF) for draw in draws) - 6 * 0xFFFFFFFF) * 2.0**-32


def log(x):
    mantissa, exponent = math.frexp(x)
    mantissa, exponent = mantissa * 2, exponent - 1
    if mantissa > 1.4142135623730951:
        mantissa, exponent = mantissa / 2, exponent + 1
    s = (mantissa - 1) / (mantissa + 1)
    square, total = s * s, 0.0
    for divisor in range(25, 0, -2):
        total = total * square + 1 / divisor
    return exponent * LOG2 + 2 * s * total


def exp(x):
    power = round(x / LOG2)
    rest, total = x - power * LOG2, 1.0
    for divisor in range(16, 0, -1):
        total = 1 + rest / divisor * total
    return math.ldexp(total, power)


def inverse_softplus(y):
    total = 1.0
    for divisor in range(20, 1, -1):
        total = 1 - y / divisor * total
    return y + log(y * total)


def element(kind, fan_in, depth, column, generator):
    if kind == "zeros":
        return 0.0
    if kind == "ones":
        return 1.0
    if kind == "uniform":
        return (2 * generator.uniform() - 1) * (1 / math.sqrt(fan_in) / math.sqrt(depth))
    if kind == "normal":
        return generator.normal() * 0.02
    if kind == "A_log":
        return log(float(column + 1))
    if kind == "dt_bias":
        low, high = log(0.001), log(0.1)
        return inverse_softplus(exp(low + generator.uniform() * (high - low)))
    raise ValueError(kind)


def rule(name, dimensions):
    """How the documentation says that a tensor is filled: (kind, fan-in, depth)."""
    fan_in = math.prod(dimensions[1:])
    if name.endswith("A_log"):
        return "A_log", 1, 1
    if name.endswith("dt_proj.bias"):
        return "dt_bias", 1, 1
    if "embedding" in name and "patch" not in name:
        return "normal", 1, 1
    if name.endswith(".D") or name.endswith("norm.weight") or name.endswith("norm_f.weight"):
        return "ones", 1, 1
    if name.endswith("conv1d.bias"):
        return "uniform", 4, 1
    if name.endswith("bias"):
        return "zeros", 1, 1
    return "uniform", fan_in, 5 if name.endswith("out_proj.weight") else 1


def main():
    model, seed = sys.argv[1], int(sys.argv[2])
    for line in sys.argv[3:]:
        name, *rest = line.split()
        dimensions = [int(dimension) for dimension in rest]
        generator, (kind, fan_in, depth) = Generator(seed, model, name), rule(name, dimensions)
        values = [element(kind, fan_in, depth, i % dimensions[-1], generator) for i in range(math.prod(dimensions))]
        data = struct.pack(f"<{len(values)}f", *values)
        print(name, hashlib.sha256(data).hexdigest())


main()
