"""The selective scan as a differentiable function of torch; scan.c does the work and says what it computes."""
import ctypes
import functools
import hashlib
import os
import pathlib
import subprocess
import tempfile

import torch

LANES, SPAN = 16, 16  # As in scan.c.


@functools.cache
def library(states):
    """scan.c, compiled for this machine and this many states; the result is kept beside other temporary files."""
    source = pathlib.Path(__file__).with_name("scan.c")
    command = ["cc", "-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC", f"-DSTATES={states}"]
    key = hashlib.sha256(source.read_bytes() + " ".join(command).encode()).hexdigest()[:16]
    folder = pathlib.Path(tempfile.gettempdir()) / f"tantra-scan-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    target = folder / f"scan-{key}.so"
    if not target.exists():
        scratch = target.with_suffix(f".{os.getpid()}")
        subprocess.run([*command, "-o", scratch, source, "-lm"], check=True)
        scratch.rename(target)
    return ctypes.CDLL(target)


def call(function, states, shape, tensors):
    for tensor in tensors:
        assert tensor.is_contiguous() and tensor.dtype == torch.float32, "scan.c reads contiguous F32"
    sizes = [ctypes.c_long(size) for size in shape]
    getattr(library(states), function)(*sizes, *(ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors))


class Scan(torch.autograd.Function):
    @staticmethod
    def forward(context, x, dt, A, B, C, first):
        (batch, time, channels), states = x.shape, A.shape[0]
        assert channels % LANES == 0 and time % SPAN == 0, f"scan.c takes {LANES} channels and {SPAN} steps at a time"
        inputs = [tensor.contiguous() for tensor in (x, dt, A, B, C)]
        y, last = torch.empty_like(inputs[0]), torch.empty_like(first)
        kept = x.new_empty(batch, time // SPAN, states, channels)
        call("scan_forward", states, x.shape, [*inputs, first.contiguous(), y, kept, last])
        context.save_for_backward(*inputs, kept)
        return y, last

    @staticmethod
    def backward(context, dy, dlast):
        x, dt, A, B, C, kept = context.saved_tensors
        dx, ddt, dB, dC = torch.empty_like(x), torch.empty_like(dt), torch.zeros_like(B), torch.zeros_like(C)
        dA, dfirst = x.new_empty(x.shape[0], *A.shape), x.new_empty(x.shape[0], *A.shape)
        gradients = [dy.contiguous(), dlast.contiguous(), dx, ddt, dA, dB, dC, dfirst]
        call("scan_backward", A.shape[0], x.shape, [x, dt, A, B, C, kept, *gradients])
        return dx, ddt, dA.sum(0), dB, dC, dfirst


def scan(x, dt, A, B, C, first):
    """y (batch, time, channels) and the last state (batch, states, channels).

    x, dt (batch, time, channels); A (states, channels); B, C (batch, time, states); first as the last state. Time may
    have any length: steps with dt = 0 leave the state as it is, and fill the last span."""
    time = x.shape[1]
    if rest := -time % SPAN:
        x, dt, B, C = (torch.nn.functional.pad(tensor, (0, 0, 0, rest)) for tensor in (x, dt, B, C))
    y, last = Scan.apply(x, dt, A, B, C, first)
    return y[:, :time], last
