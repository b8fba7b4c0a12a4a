"""Files that unpickle to data, and files that unpickle to something else.

  pickle_files.py honest FOLDER       writes files that hold nothing but data, and prints their names
  pickle_files.py hostile FOLDER      writes files that would touch a file when they are loaded, loads each in every
                                      way, and prints for each name whether that happened

What the hostile files do is to make a file in FOLDER/ran, so that it shows.
"""

import argparse
import bz2
import collections
import contextlib
import datetime
import decimal
import fractions
import gzip
import io
import json
import lzma
import marshal
import os
import pathlib
import pickle
import random
import resource
import signal
import struct
import sys
import tarfile
import types
import uuid
import warnings
import zipfile
import zlib

import joblib
import numpy as np
import omegaconf
import torch

warnings.simplefilter("ignore")


# Opcodes by hand.
def text(value):
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def short(value):
    raw = value.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def call(module, attribute, *arguments):
    return name(module, attribute) + b"(" + b"".join(map(literal, arguments)) + b"tR"


def literal(value):
    """Opcodes of a value: bytes are opcodes already."""
    return value if isinstance(value, bytes) else pickle.dumps(value, 2)[2:-1].replace(b"q\x00", b"")


def whole(body, protocol=2):
    return b"\x80" + bytes([protocol]) + body + b"."


class Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def torch_zip(pickled, extra=(), method=zipfile.ZIP_STORED, top="archive"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        file.writestr(f"{top}/data.pkl", pickled)
        file.writestr(f"{top}/byteorder", "little")
        file.writestr(f"{top}/version", "3\n")
        for key, data in extra:
            file.writestr(f"{top}/{key}", data)
    return buffer.getvalue()


MAGIC = 0x1950A86A20F9469CFC6C
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


def legacy(magic=None, version=None, system=None, objects=None, keys=None, tail=b""):
    parts = [
        magic or pickle.dumps(MAGIC, 2), version or pickle.dumps(1001, 2), system or pickle.dumps(SYSTEM, 2),
        objects or pickle.dumps({}, 2), keys or pickle.dumps([], 2),
    ]
    return b"".join(parts) + tail


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def tar(members, kind=tarfile.USTAR_FORMAT):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as file:
        for member, data in members:
            info = tarfile.TarInfo(member)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def dumped(value, compress=0):
    buffer = io.BytesIO()
    joblib.dump(value, buffer, compress=compress)
    return buffer.getvalue()


def calls(path):
    """Calls that make the folder or file `path`, by what is used for it."""
    code = f"import os; os.mkdir({path!r})"
    command = f"mkdir {path}"
    nested = pickle.dumps(Touch(path), 2)
    compiled = marshal.dumps(compile(code, "x", "exec"))
    simple = {
        "os-mkdir": ("os", "mkdir", path), "os-system": ("os", "system", command), "posix-system": ("posix", "system", command),
        "posix-mkdir": ("posix", "mkdir", path), "os-makedirs": ("os", "makedirs", path), "os-symlink": ("os", "symlink", "x", path),
        "builtins-exec": ("builtins", "exec", code), "py2-eval": ("__builtin__", "eval", f"__import__('os').mkdir({path!r})"),
        "builtins-open": ("builtins", "open", path, "w"), "io-open": ("io", "open", path, "w"), "io-fileio": ("_io", "FileIO", path, "w"),
        "subprocess-call": ("subprocess", "call", ["mkdir", path]), "subprocess-popen": ("subprocess", "check_output", ["mkdir", path]),
        "commands": ("commands", "getoutput", command), "subprocess-getoutput": ("subprocess", "getoutput", command),
        "timeit": ("timeit", "timeit", "1", code, call("time", "perf_counter") + b"0" + name("time", "perf_counter"), 1),
        "cprofile": ("cProfile", "run", code), "profile": ("profile", "run", code),
        "runstring": ("numpy.testing._private.utils", "runstring", code, {}),
        "myeval": ("numpy.f2py.crackfortran", "myeval", f"__import__('os').mkdir({path!r})", {}, {}),
        "collect-env": ("torch.utils.collect_env", "run", command), "pipepager": ("pydoc", "pipepager", "x", command),
        "pickle-loads": ("pickle", "loads", nested), "pickle-c-loads": ("_pickle", "loads", nested),
        "load-from-bytes": ("torch.storage", "_load_from_bytes", legacy(objects=nested)),
        "codecs-open": ("codecs", "open", path, "w"), "gzip-open": ("gzip", "open", path, "w"), "bz2-file": ("bz2", "BZ2File", path, "w"),
        "zipfile": ("zipfile", "ZipFile", path, "w"), "sqlite": ("sqlite3", "connect", path), "shelve": ("shelve", "open", path),
        "log-handler": ("logging", "FileHandler", path), "numpy-memmap": ("numpy", "memmap", path, "u1", "w+", 0, (1,)),
        "numpy-savetxt": ("numpy", "savetxt", path, [1.0]), "torch-save": ("torch", "save", 1, path),
        "copyfile": ("shutil", "copyfile", __file__, path), "copytree": ("shutil", "copytree", os.path.dirname(__file__), path),
        "py-compile": ("py_compile", "compile", __file__, path), "retrieve": ("urllib.request", "urlretrieve", "file://" + __file__, path),
        "tarfile": ("tarfile", "open", path, "w"), "config-write": ("distutils.file_util", "write_file", path, ["x"]),
        "joblib-dump": ("joblib", "dump", 1, path), "omegaconf-save": ("omegaconf", "OmegaConf.save", call("omegaconf", "DictConfig", {}), path),
        "spawnv": ("os", "spawnlp", 0, "mkdir", "mkdir", path), "asyncio": ("asyncio", "run", call("builtins", "exec", code)),
    }
    for key, (module, attribute, *arguments) in simple.items():
        arguments = [b"C" + bytes([len(a)]) + a if isinstance(a, bytes) and a == nested and len(a) < 256
                     else b"B" + struct.pack("<I", len(a)) + a if isinstance(a, bytes) and a.startswith(b"\x80\x02\x8a")
                     else a for a in arguments]
        protocol = 4 if "." in attribute else 3
        body = name(module, attribute) if protocol == 3 else short(module) + short(attribute) + b"\x93"
        yield key, whole(body + b"(" + b"".join(map(literal, arguments)) + b"tR", protocol)
    touch = short("pathlib") + short("Path.touch") + b"\x93" + call("pathlib", "PosixPath", path) + b"\x85R"
    yield "dotted-path-touch", whole(touch, 4)
    yield "dotted-mkdir", whole(short("numpy") + short("os.mkdir") + b"\x93" + literal(path) + b"\x85R", 4)
    yield "dotted-torch", whole(short("torch") + short("os.mkdir") + b"\x93" + literal(path) + b"\x85R", 4)
    yield "getattr", whole(call("builtins", "getattr", call("importlib", "import_module", "os"), "mkdir") + literal(path) + b"\x85R")
    yield "import", whole(call("builtins", "getattr", call("builtins", "__import__", "os"), "mkdir") + literal(path) + b"\x85R")
    yield "methodcaller", whole(call("operator", "methodcaller", "mkdir", path) + call("importlib", "import_module", "os") + b"\x85R")
    yield "attrgetter", whole(call("operator", "attrgetter", "mkdir") + call("importlib", "import_module", "os") + b"\x85R" + literal(path) + b"\x85R")
    yield "partial", whole(call("functools", "partial", name("os", "mkdir"), path) + b")R")
    yield "reduce", whole(call("functools", "reduce", name("os", "symlink"), b"(" + literal("x") + literal(path) + b"l"))
    yield "map", whole(call("builtins", "list", call("builtins", "map", name("os", "mkdir"), [path])))
    yield "starmap", whole(call("collections", "deque", call("itertools", "starmap", name("os", "mkdir"), [(path,)])))
    function = call("types", "FunctionType", call("marshal", "loads", b"B" + struct.pack("<I", len(compiled)) + compiled), {})
    yield "marshal", whole(function + b")R", 3)
    counter = call("collections", "defaultdict", call("functools", "partial", name("os", "mkdir"), path))
    yield "defaultdict", whole(call("operator", "getitem", counter, 1))
    # Ways to name and to call.
    yield "inst", b"(" + b"S'" + path.encode() + b"'\nios\nmkdir\n."
    yield "inst-marked", b"\x80\x02(" + text(path) + b"ios\nmkdir\n."
    yield "obj", b"\x80\x02(" + name("os", "mkdir") + text(path) + b"o."
    yield "newobj-ex", whole(name("subprocess", "Popen") + b"(" + literal(["mkdir", path]) + b"t}\x92", 4)
    yield "newobj", whole(name("subprocess", "Popen") + b"(" + literal(["mkdir", path]) + b"t\x81")
    yield "stack-global-memo", whole(short("mkdir") + b"\x940" + short("os") + b"h\x00\x93" + literal(path) + b"\x85R", 4)
    yield "stack-global-long", whole(b"\x8d" + struct.pack("<Q", 2) + b"os" + text("mkdir") + b"\x93" + literal(path) + b"\x85R", 4)
    yield "unicode-escape", b"Vo\\u0073\nVmk\\u0064ir\n\x93(V" + path.encode() + b"\ntR."
    yield "string-escape", b"S'o\\x73'\nS'mkdir'\n\x93(V" + path.encode() + b"\ntR."
    yield "crooked-put", b"cos\nmkdir\np99999\n0g99999\n(V" + path.encode() + b"\ntR."
    # To Python's unpickler in C a number or the name of a module that is in Python itself ends at a zero byte.
    yield "zero-in-int", b"I5\0x\n0" + name("os", "mkdir") + text(path) + b"\x85R."
    yield "zero-first-in-int", b"I\0x\n0" + name("os", "mkdir") + text(path) + b"\x85R."
    yield "zero-in-long", b"L5\0x\n0" + name("os", "mkdir") + text(path) + b"\x85R."
    yield "zero-in-float", b"F5\0" + b"x" * 2000 + b"\n0" + name("os", "mkdir") + text(path) + b"\x85R."
    yield "zero-in-memo", b"Np5\0x\n0g5\0x\n0" + name("os", "mkdir") + text(path) + b"\x85R."
    yield "zero-in-module", name("os\0 x", "mkdir") + text(path) + b"\x85R."
    yield "zero-in-long-module", name("os\0 x" + "x" * 2000, "mkdir") + text(path) + b"\x85R."
    yield "zero-in-inst", b"(" + text(path) + b"ios\0 x\nmkdir\n."
    # A file of safetensors by its first bytes, and a pickle.
    yield "safetensors-head", b"\x80\x04}\0\0\0\0\0{" + name("os", "mkdir") + text(path) + b"\x85R."
    yield "dup-pop", whole(b"N20" + b"0" + name("os", "mkdir") + literal(path) + b"\x85R")
    yield "pop-mark", whole(b"(NN1" + name("os", "mkdir") + literal(path) + b"\x85R")
    yield "frame-lies", b"\x80\x04\x95" + struct.pack("<Q", 3) + name("os", "mkdir") + literal(path) + b"\x85R."
    yield "proto-inside", b"\x80\x04N0\x80\x02" + name("os", "mkdir") + literal(path) + b"\x85R."
    yield "proto-late", b"N0\x80\x02" + name("os", "mkdir") + literal(path) + b"\x85R."
    yield "no-proto", name("os", "mkdir") + text(path) + b"\x85R."
    yield "broken-after", whole(name("os", "mkdir") + literal(path) + b"\x85R")[:-1] + b"\xff\xff"
    yield "cut-after", whole(name("os", "mkdir") + literal(path) + b"\x85R")[:-1]
    yield "unused", whole(b"}" + name("os", "mkdir") + literal(path) + b"\x85R0")
    yield "as-key", whole(b"}" + name("os", "mkdir") + literal(path) + b"\x85RNs")
    yield "below-stop", whole(name("os", "mkdir") + literal(path) + b"\x85R" + b"}")
    # States.
    space = name("argparse", "Namespace") + b")\x81"
    hook = b"}" + text("__setstate__") + name("os", "mkdir") + b"sb" + literal(path) + b"b"
    yield "setstate", whole(space + hook)
    yield "setstate-dict", whole(name("collections", "OrderedDict") + b")R" + hook)
    yield "setstate-slots", whole(space + b"N}" + text("__setstate__") + name("os", "mkdir") + b"s\x86b" + literal(path) + b"b")
    yield "extend", whole(space + b"}" + text("extend") + name("os", "makedirs") + b"sb(" + literal(path) + b"e")
    yield "append", whole(space + b"}" + text("append") + name("os", "mkdir") + b"sb(" + literal(path) + b"e")
    yield "add", whole(space + b"}" + text("add") + name("os", "mkdir") + b"sb(" + literal(path) + b"\x90", 4)
    # numpy, joblib and torch as a way in.
    yield "numpy-class", whole(call("numpy.core.multiarray", "_reconstruct", name("os", "mkdir"), (path,), "b"))
    yield "wrapper", whole(call("torch._tensor", "_rebuild_from_type_v2", name("os", "mkdir"), name("torch", "Tensor"), (path,), {}))
    yield "wrapper-state", whole(call("torch._utils", "_rebuild_parameter_with_state", call("os", "mkdir", path), True, {}, {}))
    objects = np.array([Touch(path)], dtype=object)
    yield "object-array", pickle.dumps(objects, 2)
    yield "object-array-5", pickle.dumps(objects, 5)
    yield "record-array", pickle.dumps(np.array([(1, Touch(path))], dtype=[("a", "i4"), ("b", "O")]), 4)
    for protocol in range(6):
        yield f"protocol-{protocol}", pickle.dumps(Touch(path), protocol)
        yield f"second-{protocol}", pickle.dumps([1], protocol) + pickle.dumps(Touch(path), protocol)
        yield f"nested-{protocol}", pickle.dumps({"state_dict": {"w": [1, (Touch(path),)]}, "epoch": 3}, protocol)


def containers(path):
    """Files of other kinds with a pickle in them."""
    code = pickle.dumps(Touch(path), 2)
    early = pickle.dumps(Touch(path), 0)
    plain = pickle.dumps({"a": 1}, 2)
    yield "zip", torch_zip(code)
    yield "zip-deflated", torch_zip(code, method=zipfile.ZIP_DEFLATED)
    yield "zip-protocol-0", torch_zip(early)
    yield "zip-prefix", torch_zip(code, top="model/x")
    flagged = bytearray(torch_zip(code))
    flagged[6] |= 1
    flagged[flagged.index(b"PK\1\2") + 8] |= 1
    yield "zip-flagged", bytes(flagged)
    crc = bytearray(torch_zip(code))
    crc[14] ^= 1
    crc[crc.index(b"PK\1\2") + 16] ^= 1
    yield "zip-checksum", bytes(crc)
    yield "zip-storage", torch_zip(plain, [("data/0", code), ("data.pkl2", code)])
    for key, number in {
        "long1": b"\x8a\x0a" + MAGIC.to_bytes(10, "little"), "long1-wide": b"\x8a\x0c" + MAGIC.to_bytes(12, "little"),
        "long4": b"\x8b\x0a\0\0\0" + MAGIC.to_bytes(10, "little"), "long": f"L{MAGIC}L\n".encode(), "int": f"I{MAGIC}\n".encode(),
    }.items():
        yield f"magic-{key}", legacy(magic=number + b".", objects=code)
        yield f"magic-{key}-marked", legacy(magic=whole(number), objects=early)
    yield "legacy-version", legacy(version=code)
    yield "legacy-system", legacy(system=code)
    yield "legacy-keys", legacy(keys=code)
    yield "legacy-later", legacy(tail=code)
    yield "npy-objects", npy(np.array([Touch(path)], dtype=object))
    yield "npy-second", npy(np.arange(3)) + npy(np.array([Touch(path)], dtype=object))
    yield "npy-structure", npy(np.array([(1, Touch(path))], dtype=[("a", "i4"), ("b", "O")]))
    yield "npy-then-pickle", npy(np.arange(3.0)) + code
    buffer = io.BytesIO()
    np.savez(buffer, a=np.arange(3), b=np.array([Touch(path)], dtype=object))
    yield "npz", buffer.getvalue()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.arange(3), b=np.array([Touch(path)], dtype=object))
    yield "npz-compressed", buffer.getvalue()
    yield "tar", tar([("README", b"x"), ("model.pkl", code)])
    yield "tar-pax", tar([("model.pkl", code)], tarfile.PAX_FORMAT)
    yield "tar-torch", tar([("sys_info", pickle.dumps(SYSTEM, 2)), ("pickle", code), ("storages", pickle.dumps(0, 2)), ("tensors", pickle.dumps(0, 2))])
    yield "tar-torch-storages", tar([("sys_info", pickle.dumps(SYSTEM, 2)), ("pickle", plain), ("storages", code), ("tensors", pickle.dumps(0, 2))])
    script = b"cos\nmkdir\n(V" + path.encode() + b"\ntR."
    if len(script) < 100:
        body = bytearray(tar([("x", b"x")]))
        body[: len(script)] = script
        body[148:156] = b"        "
        body[148:156] = b"%06o\0 " % sum(body[:512])
        yield "tar-and-pickle", bytes(body)
    yield "gzip", gzip.compress(code)
    yield "gzip-second-member", gzip.compress(b"") + gzip.compress(code)
    yield "gzip-npy", gzip.compress(npy(np.array([Touch(path)], dtype=object)))
    yield "zlib", zlib.compress(code)
    yield "zlib-stored", zlib.compress(code, 0)
    yield "bzip2", bz2.compress(code)
    yield "xz", lzma.compress(code)
    yield "lzma", lzma.compress(code, format=lzma.FORMAT_ALONE)
    yield "gzip-protocol-0", gzip.compress(early)
    for compress in (0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)):
        yield f"joblib-{compress if isinstance(compress, int) else compress[0]}", dumped({"a": np.arange(3), "b": Touch(path)}, compress)
    yield "joblib-objects", dumped({"a": np.array([Touch(path)], dtype=object)})
    # Who knows joblib skips the array; who does not runs it.
    raw = b"cos\nmkdir\n(V" + path.encode() + b"\ntR."
    array = np.frombuffer(raw, dtype=np.uint8)
    yield "joblib-array", dumped(array)
    yield "joblib-array-gzip", dumped(array, ("gzip", 3))


def loaders(path):
    yield "torch", lambda: torch.load(path, weights_only=False, map_location="cpu")
    yield "pickle", lambda: pickles(path)
    yield "joblib", lambda: joblib.load(path)
    yield "numpy", lambda: arrays(path)
    yield "gzip", lambda: pickles(path, gzip.open)
    yield "tar", lambda: members(path)


def pickles(path, opener=open):
    with opener(path, "rb") as file:
        while True:
            pickle.load(file)


def arrays(path):
    with open(path, "rb") as file:
        while True:
            found = np.load(file, allow_pickle=True)
            if hasattr(found, "files"):
                return [found[key] for key in found.files]


def members(path):
    with tarfile.open(path) as file:
        for member in file:
            pickle.load(file.extractfile(member))


def hostile(folder):
    resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, 4 << 30))
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError()))
    ran = os.path.join(folder, "ran")
    os.mkdir(ran)
    result = {}
    for source in (calls, containers):
        target = os.path.join(ran, "x")
        for key, data in source(target):
            path = os.path.join(folder, key)
            with open(path, "wb") as file:
                file.write(data)
            by = []
            for loader, load in loaders(path):
                signal.alarm(10)
                with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(BaseException):
                    load()
                signal.alarm(0)
                if os.path.lexists(target):
                    by.append(loader)
                    os.rename(target, os.path.join(ran, f"{key}-{loader}"))
                for other in os.listdir(ran):
                    if other.startswith("x."):
                        by.append(loader)
                        os.remove(os.path.join(ran, other))
            result[key] = by
    print(json.dumps(result), file=sys.__stdout__)


def leaves():
    """Values that are data, by name."""
    generator = np.random.default_rng(3)
    generator.random(5)
    config = omegaconf.OmegaConf.create({"model": {"dim": 4, "names": ["a", "b"], "path": pathlib.Path("/x"), "rate": 0.1}, "half": "${model.dim}"})
    yield "float64", np.float64(0.5)
    for kind in ("bool_", "int8", "uint16", "int32", "int64", "float16", "float32", "complex64", "complex128", "longdouble"):
        yield "scalar-" + kind, getattr(np, kind)(1)
    yield "datetime64", np.datetime64("2026-01-01")
    yield "datetime64-ns", np.datetime64("2026-01-01T00:00:00", "ns")
    yield "timedelta64", np.timedelta64(3, "s")
    yield "str", np.str_("größe")
    yield "bytes", np.bytes_(b"ab")
    yield "void", np.void(b"abc")
    for kind in ("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"):
        yield "array-" + kind.replace("?", "bool"), (np.arange(12) % 5).astype(kind).reshape(3, 4)
    yield "array-big-endian", np.arange(6, dtype=">i4")
    yield "array-big-complex", np.arange(6, dtype=">c8")
    yield "array-fortran", np.asfortranarray(np.arange(6.0).reshape(2, 3))
    yield "array-fortran-3d", np.asfortranarray(np.arange(24.0).reshape(2, 3, 4))
    yield "array-empty", np.zeros((0, 3))
    yield "array-0d", np.array(2.5)
    yield "array-high", (np.arange(256) % 256).astype("u1")
    yield "array-dates", np.array(["2026-01-01", "2027-01-01"], dtype="M8[D]")
    yield "array-texts", np.array(["ab", "c"])
    yield "array-bytes", np.array([b"ab", b"c"])
    yield "structure", np.zeros(2, dtype=[("a", "i4"), ("b", "f8", (2,))])
    yield "structure-aligned", np.zeros(2, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True))
    yield "dtype", np.dtype("float32")
    yield "dtype-class", type(np.dtype("float32"))
    yield "type", np.float32
    yield "generator", generator
    yield "random-state", np.random.RandomState(4)
    yield "bit-generator", np.random.PCG64(1)
    yield "mt19937", np.random.MT19937(1)
    yield "philox", np.random.Philox(1)
    yield "sfc64", np.random.SFC64(1)
    yield "seeds", np.random.SeedSequence(3)
    yield "state", np.random.get_state()
    yield "python-state", random.Random(1).getstate()
    yield "namespace", argparse.Namespace(a=1, b=[2], c=argparse.Namespace(d=None))
    yield "simple-namespace", types.SimpleNamespace(a=1)
    yield "path", pathlib.Path("/a/b")
    yield "pure-path", pathlib.PurePosixPath("a")
    yield "datetime", datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
    yield "date", datetime.date(2026, 1, 2)
    yield "time", datetime.time(1, 2)
    yield "timedelta", datetime.timedelta(days=1)
    yield "decimal", decimal.Decimal("1.5")
    yield "fraction", fractions.Fraction(1, 3)
    yield "uuid", uuid.UUID(int=5)
    yield "defaultdict", collections.defaultdict(list, a=[1])
    yield "defaultdict-int", collections.defaultdict(int, a=1)
    yield "counter", collections.Counter("aab")
    yield "deque", collections.deque([1, 2, 3], maxlen=5)
    yield "ordered", collections.OrderedDict(a=1)
    yield "frozenset", frozenset([1, 2])
    yield "set", {1, 2}
    yield "range", range(3)
    yield "slice", slice(1, 2)
    yield "complex", 1 + 2j
    yield "empty-bytes", b""
    yield "some-bytes", bytes(range(256))
    yield "bytearray", bytearray(b"x\xff")
    yield "big", [1 << 100, -(1 << 70), 1 << 2100]
    yield "size", torch.Size([1, 2])
    yield "dtype-torch", torch.float16
    yield "int-type", int
    yield "recursive", recursive()
    yield "omegaconf", config
    yield "omegaconf-list", omegaconf.OmegaConf.create([1, {"a": 2}])
    yield "many", {f"k{i}": [i, float(i), str(i)] for i in range(3000)}
    yield "sparse", torch.eye(3).to_sparse()
    yield "quantized", torch.quantize_per_tensor(torch.arange(4.0), 0.1, 0, torch.qint8)
    yield "meta", torch.empty(3, device="meta")


def recursive():
    value = [1]
    value.append((value, {"self": value}))
    return value


def honest(folder):
    written = []

    def write(key, data):
        with open(os.path.join(folder, key), "wb") as file:
            file.write(data)
        written.append(key)

    weights = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.arange(3)}
    for key, value in leaves():
        is_tensor = isinstance(value, torch.Tensor)
        for protocol in (2, 4, 5):
            buffer = io.BytesIO()
            torch.save({"state_dict": weights, "leaf": value}, buffer, pickle_protocol=protocol)
            write(f"zip-{protocol}-{key}.ckpt", buffer.getvalue())
        buffer = io.BytesIO()
        torch.save({"state_dict": weights, "leaf": value}, buffer, _use_new_zipfile_serialization=False)
        write(f"legacy-{key}.ckpt", buffer.getvalue())
        if not is_tensor:
            for protocol in range(6):
                if key == "deque" or key == "simple-namespace" or protocol > 1:
                    write(f"pickle-{protocol}-{key}.pkl", pickle.dumps({"leaf": value, "more": [value]}, protocol))
            write(f"joblib-{key}", dumped({"leaf": value}))
            write(f"joblib-zlib-{key}", dumped({"leaf": value}, 3))
            write(f"gzip-{key}", gzip.compress(pickle.dumps(value)))
    for kind, value in {"f8": np.arange(1000.0), "texts": np.array(["a", "bc"]), "structure": np.zeros(3, [("a", "i4"), ("b", "f8", (2, 2))])}.items():
        write(f"npy-{kind}", npy(value))
        write(f"npy-twice-{kind}", npy(value) * 2)
    buffer = io.BytesIO()
    np.savez(buffer, a=np.arange(3), b=np.ones((2, 2)))
    write("npz", buffer.getvalue())
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.arange(3), b=np.ones((2, 2)))
    write("npz-compressed", buffer.getvalue())
    write("tar", tar([("a.txt", b"hello"), ("b.pkl", pickle.dumps([1]))]))
    write("tar-gz", gzip.compress(tar([("a.txt", b"hello"), ("b.pkl", pickle.dumps([1]))])))
    write("joblib-large", dumped({"x": np.random.default_rng(1).random(100_000), "y": np.arange(50_000)}))
    write("joblib-large-xz", dumped({"x": np.zeros(100_000)}, ("xz", 1)))
    torch.manual_seed(1)
    model = torch.nn.Linear(3, 3)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(3)).sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    for key, value in {
        "optimizer.pt": optimizer.state_dict(), "scheduler.pt": scheduler.state_dict(),
        "rng_state.pth": {"python": random.getstate(), "numpy": np.random.get_state(), "cpu": torch.random.get_rng_state()},
        "tensor.pt": torch.ones(3), "list.pt": [1, 2], "all.pt": {key: value for key, value in leaves() if not isinstance(value, torch.Tensor)},
    }.items():
        buffer = io.BytesIO()
        torch.save(value, buffer)
        write(key, buffer.getvalue())
    for key, line in {
        "cat": "cat\ndog\nbird\n", "country": "country,code\nUnited States,US\n", "import": "import os\nos.system('x')\n",
        "bracket": "(in the beginning)\nthere was\n", "vocab": "Value\nof\nnothing\n", "string": "String of words\nSecond line\n",
        "int": "Introduction\n1. x\n", "long": "Lorem ipsum dolor\n" * 1000, "one-line": "V" + "x" * 100_000, "json": '{"a": 1}', "xml": "<a/>",
        "readme": "# Title\n\ntext\n", "list": "]\n", "tuple": ")\n", "float": "Files\n", "put": "people\n", "get": "get\n", "bin": "Both\n", "null": "Nothing.\n",
        "quote": "\"a\"\n", "csv": "a,b\n1,2\n", "yaml": "model:\n  dim: 3\n", "toml": "[a]\nb = 1\n", "python": "class A:\n    pass\n", "perl": "print 1;\n",
        "empty": "", "license": "Copyright (c) 2026\n", "apache": "                                 Apache License\n", "merges": "#version: 0.2\na b\n", "io": "io\nopen\n",
    }.items():
        write(f"text-{key}.txt", line.encode())
        write(f"text-gz-{key}.txt.gz", gzip.compress(line.encode()))
    numbers = random.Random(5)
    for index in range(300):
        write(f"random-{index}.bin", bytes([index % 128]) + numbers.randbytes(300))
    for line in written:
        print(line)


def main():
    mode, arguments = sys.argv[1], sys.argv[2:]
    if mode == "honest":
        honest(arguments[0])
    elif mode == "hostile":
        hostile(os.path.abspath(arguments[0]))


main()
