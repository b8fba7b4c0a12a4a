"""Does random things in a mount, and compares what programs see with a simple model of it in memory.
Usage: mount_reference.py TANTRA SCRATCH --operations N [--seed N] [--state FILE]
       mount_reference.py TANTRA SCRATCH --replay FILE

Weights, ordinary files, folders, links, frozen versions, removal, restore, purge, remounts and kill -9 of the daemon. Whoever has a
file open must go on reading the right bytes. When the two differ, the operations are cut down to few that still differ; they
are printed, and written to SCRATCH/failure.json for --replay. Ends with 0 only if nothing differed."""
import argparse
import collections
import errno
import json
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import time

MODELS = ["small", "large"]
VERSIONS = ["v1", "v2", "v3", "v4"]
FOLDERS = ["", "logs", "logs/old", "unet"]
TEXTS = ["notes.txt", "train.log", "settings.yaml", "names.bin"]
COMPONENTS = ["adapter.safetensors", "unet/weights.pt"]
VIEWS = ["model.safetensors", "model.pt", "model.bin"]
SEEDS = range(5)
MODES = [0o644, 0o600, 0o755, 0o444]


class Difference(Exception):
    """What a program sees is not what the model says."""


def weights(seed, scratch):
    """Bytes of one state dict, by the extension of the format."""
    import torch
    from safetensors.torch import save
    generator = torch.Generator().manual_seed(seed)
    state = {"bias": torch.randn(3, generator=generator), "weight": torch.randn(seed + 2, 3, generator=generator)}
    state = collections.OrderedDict(state)
    # An archive is named after its file.
    torch.save(state, os.path.join(scratch, "model.pt"))
    archive = read(os.path.join(scratch, "model.pt"))
    return {"safetensors": save(state, metadata={"format": "pt"}), "pt": archive, "bin": archive}


class File:
    """A file: its bytes, and its mode. Whoever has it open shares it."""

    def __init__(self, data, mode, is_weights=False):
        self.data, self.mode, self.is_weights = bytearray(data), mode, is_weights
        # Whether the daemon may have been killed before it stored a file with a name of weights that holds none. Such a file is there,
        # and can be changed, even in a frozen version; if it is removed before it is stored, a restore does not bring it back.
        self.is_unsettled = False

    def copy(self):
        return File(self.data, self.mode, self.is_weights)


class Version:
    """A folder of a model."""

    def __init__(self):
        self.folders = {""}
        self.files = {}
        self.links = {}
        # Which state dict the views show; None without one. Which of them are there.
        self.seed, self.views = None, {}
        self.is_published = False
        # What was removed, file by file: a restore of the folder may bring it back.
        self.removed = {}

    def names(self):
        return set(self.files) | set(self.links) | set(self.views) | self.folders - {""}

    def copy(self):
        other = Version()
        other.folders = set(self.folders)
        other.files = {path: file.copy() for path, file in self.files.items()}
        other.links = dict(self.links)
        other.seed, other.views, other.is_published = self.seed, dict(self.views), self.is_published
        other.removed = {path: list(files) for path, files in self.removed.items()}
        return other


class Model:
    def __init__(self):
        self.versions = {}
        self.active, self.is_chosen, self.aliases, self.policy = None, False, {}, "chosen"
        self.retired = {}


class Run:
    """One store, its mount, and the model of both."""

    def __init__(self, tantra, scratch):
        self.tantra, self.scratch = tantra, scratch
        self.store, self.mountpoint = os.path.join(scratch, "store"), os.path.join(scratch, "weights")
        shutil.rmtree(self.store, ignore_errors=True)
        os.makedirs(self.mountpoint, exist_ok=True)
        self.call("init", self.store)
        self.mount()
        self.models, self.handles = {}, []
        # Where something was added to a frozen version: for a minute it can be changed there.
        self.new = set()
        # What ordinary files have held, by name: what is changed just before other weights come belongs to those, and an earlier
        # edition has what was there before.
        self.past = {}

    def call(self, *words):
        done = subprocess.run(
            [self.tantra, *words], capture_output=True, text=True, timeout=120,
            env=dict(os.environ, TANTRA_STORE=self.store))
        if done.returncode != 0:
            raise Difference(f"tantra {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
        return done

    def mount(self):
        self.call("mount", self.mountpoint)

    def unmount(self):
        self.close_handles()
        self.call("unmount", self.mountpoint)
        self.new = set()

    def end(self):
        self.close_handles(check=False)
        subprocess.run(["umount", "-l", self.mountpoint], capture_output=True)
        self.wait_for_daemon()

    def daemon(self):
        try:
            with open(os.path.join(self.store, ".staging/lock")) as lock:
                return int(lock.readline().split()[-1])
        except (OSError, IndexError, ValueError):
            return None

    def wait_for_daemon(self):
        pid = self.daemon()
        for _ in range(1000):
            if pid is None or not os.path.exists(f"/proc/{pid}"):
                return
            time.sleep(0.01)

    def path(self, *names):
        return os.path.join(self.mountpoint, *[name for name in names if name])

    def version(self, model, name):
        return self.models[model].versions.get(name) if model in self.models else None

    def is_frozen(self, model, name):
        owner = self.models[model]
        version = owner.versions[name]
        if not version.is_published or owner.policy == "never":
            return False
        return owner.policy == "always" or name in owner.aliases.values() or (name == owner.active and owner.is_chosen)

    # What may be done

    def may_change(self, model, name, path):
        """Whether a file that is there may be changed; None if that depends on the clock, or on a kill."""
        if not self.is_frozen(model, name):
            return True
        file = self.version(model, name).files.get(path)
        return None if (model, name, path) in self.new or (file and file.is_unsettled) else False

    def change(self, model, name, path, body):
        """Changes a file that is there, unless the clock decides whether that may be; true if it was changed."""
        may = self.may_change(model, name, path)
        if may is not None:
            self.expect(None if may else errno.EPERM, body)
        return bool(may)

    def note_addition(self, model, name, path):
        """Something has come to a place where nothing was."""
        if self.is_frozen(model, name):
            self.new.add((model, name, path))

    def expect(self, error, body):
        """Runs something that has to succeed, or to fail with an errno (or one of several)."""
        allowed = error if isinstance(error, tuple) else (error,) if error else ()
        try:
            body()
        except OSError as problem:
            if problem.errno in allowed:
                return
            raise Difference(f"{problem}; expected {[errno.errorcode[e] for e in allowed] or 'success'}")
        if error:
            raise Difference(f"it succeeded; expected {[errno.errorcode[e] for e in allowed]}")

    # Operations: each is a list of its name and its arguments. What makes no sense by now is left out.

    def do(self, operation):
        getattr(self, "op_" + operation[0])(*operation[1:])
        for model, name in [(model, name) for model in self.models for name in self.models[model].versions]:
            if model in operation and name in operation:
                for path, file in self.version(model, name).files.items():
                    self.past.setdefault(os.path.basename(path), set()).add(bytes(file.data))
                for path, target in self.version(model, name).links.items():
                    self.past.setdefault(os.path.basename(path), set()).add(target)
        self.check_handles()

    def op_make_model(self, model):
        if model in self.models:
            return self.expect(errno.EEXIST, lambda: os.mkdir(self.path(model)))
        os.mkdir(self.path(model))
        self.models[model] = Model()

    def op_make_version(self, model, name):
        if model not in self.models:
            return self.expect(errno.ENOENT, lambda: os.mkdir(self.path(model, name)))
        owner = self.models[model]
        if name in owner.versions:
            return self.expect(errno.EEXIST, lambda: os.mkdir(self.path(model, name)))
        os.mkdir(self.path(model, name))
        owner.versions[name] = Version()

    def op_make_folder(self, model, name, folder):
        version = self.version(model, name)
        if version is None or os.path.dirname(folder) not in version.folders:
            return
        if folder in version.names():
            return self.expect(errno.EEXIST, lambda: os.mkdir(self.path(model, name, folder)))
        os.mkdir(self.path(model, name, folder))
        version.folders.add(folder)

    def op_remove_folder(self, model, name, folder):
        version = self.version(model, name)
        if version is None or folder not in version.folders or not folder:
            return
        full = any(path.startswith(folder + "/") for path in version.names())
        self.expect(errno.ENOTEMPTY if full else None, lambda: os.rmdir(self.path(model, name, folder)))
        if not full:
            version.folders.discard(folder)

    def op_rename_folder(self, model, name, old, new):
        version = self.version(model, name)
        if version is None or old not in version.folders or new in version.names() or self.is_frozen(model, name):
            return
        if os.path.dirname(new) not in version.folders or (new + "/").startswith(old + "/"):
            return
        os.rename(self.path(model, name, old), self.path(model, name, new))

        def moved(path):
            return new + path[len(old):] if path == old or path.startswith(old + "/") else path
        version.folders = {moved(path) for path in version.folders}
        for path, file in version.files.items():
            if path.startswith(old + "/") and file.is_weights:
                version.removed.setdefault(path, []).append(file)
        version.files = {moved(path): file for path, file in version.files.items()}
        version.links = {moved(path): target for path, target in version.links.items()}

    def op_write(self, model, name, path, how, data, offset):
        """how: "w" cuts what is there, "a" appends, "r+" writes at an offset, "x" makes exclusively."""
        version = self.version(model, name)
        if version is None or os.path.dirname(path) not in version.folders or path in version.folders | set(version.links):
            return
        file, data = version.files.get(path), data.encode()
        if file is not None and file.is_weights:
            return
        flags = {"w": os.O_CREAT | os.O_TRUNC, "a": os.O_CREAT | os.O_APPEND, "r+": 0, "x": os.O_CREAT | os.O_EXCL}[how]

        def write():
            write_file(self.path(model, name, path), flags, data, offset if how == "r+" else None)
        if file is None:
            if how == "r+":
                return self.expect(errno.ENOENT, write)
            write()
            version.files[path] = File(data, 0o644)
            self.note_addition(model, name, path)
            return
        if how == "x":
            return self.expect(errno.EEXIST, write)
        if not self.change(model, name, path, write):
            return
        if path.endswith(".bin"):
            # A name of weights: whoever has it open keeps what it was.
            file = version.files[path] = file.copy()
        if how == "w":
            file.data[:] = data
        elif how == "a":
            file.data += data
        else:
            if len(file.data) < offset:
                file.data.extend(bytes(offset - len(file.data)))
            file.data[offset:offset + len(data)] = data

    def op_truncate(self, model, name, path, size):
        version = self.version(model, name)
        file = version.files.get(path) if version else None
        if file is None or file.is_weights or path.endswith(".bin"):
            return
        if self.change(model, name, path, lambda: os.truncate(self.path(model, name, path), size)):
            del file.data[size:]
            file.data.extend(bytes(size - len(file.data)))

    def op_change_mode(self, model, name, path, mode):
        version = self.version(model, name)
        file = version.files.get(path) if version else None
        if file is None or file.is_weights or file.mode == mode:
            return
        if self.change(model, name, path, lambda: os.chmod(self.path(model, name, path), mode)):
            file.mode = mode

    def op_link(self, model, name, path, target):
        version = self.version(model, name)
        if version is None or os.path.dirname(path) not in version.folders:
            return
        taken = path in version.names()
        self.expect(errno.EEXIST if taken else None, lambda: os.symlink(target, self.path(model, name, path)))
        if not taken:
            version.links[path] = target
            self.note_addition(model, name, path)

    def op_remove(self, model, name, path):
        version = self.version(model, name)
        if version is None:
            return
        full = self.path(model, name, path)
        if path in version.folders:
            return self.expect(errno.EISDIR, lambda: os.unlink(full)) if path else None
        if path not in version.names():
            return self.expect(errno.ENOENT, lambda: os.unlink(full)) if os.path.dirname(path) in version.folders else None
        if self.change(model, name, path, lambda: os.unlink(full)):
            self.take(version, path)

    def take(self, version, path):
        for entries in (version.files, version.links, version.views):
            if path in entries:
                version.removed.setdefault(path, []).append(entries.pop(path))

    def op_rename(self, model, name, path, other_model, other_name, other_path):
        """Of an ordinary file or a component, in its version or to another."""
        version, other = self.version(model, name), self.version(other_model, other_name)
        file = version.files.get(path) if version else None
        if file is None or other is None or os.path.dirname(other_path) not in other.folders:
            return
        if other_path in VIEWS or other_path in other.folders | set(other.links):
            return
        if (model, name, path) == (other_model, other_name, other_path):
            return
        replaced = other.files.get(other_path)
        # Weights under a name of text, text under a name of weights, and what a published name takes: other operations do that.
        if file.is_weights != (other_path in COMPONENTS) or (replaced and replaced.is_weights):
            return
        if file.is_weights and (not other.is_published or other_path in other.removed):
            return
        first = self.may_change(model, name, path)
        second = self.may_change(other_model, other_name, other_path) if replaced else True
        if first is None or second is None:
            return
        may = first and second
        self.expect(
            None if may else errno.EPERM,
            lambda: os.rename(self.path(model, name, path), self.path(other_model, other_name, other_path)))
        if not may:
            return
        if replaced is not None:
            self.take(other, other_path)
        self.take(version, path)
        other.files[other_path] = file
        # What is new stays so under another name.
        (self.new.add if (model, name, path) in self.new else self.new.discard)((other_model, other_name, other_path))
        self.new.discard((model, name, path))
        self.note_addition(other_model, other_name, other_path)

    def op_copy(self, model, name, path, other_model, other_name, other_path):
        """Of an ordinary file onto a free name."""
        version, other = self.version(model, name), self.version(other_model, other_name)
        file = version.files.get(path) if version else None
        if file is None or file.is_weights or other is None or os.path.dirname(other_path) not in other.folders:
            return
        if other_path in other.names() or not file.mode & 0o400:
            return
        shutil.copy(self.path(model, name, path), self.path(other_model, other_name, other_path))
        other.files[other_path] = file.copy()
        self.note_addition(other_model, other_name, other_path)

    # Weights

    def put(self, model, name, path, seed):
        """What copies a weight file in."""
        data = WEIGHTS[seed][path.rsplit(".", 1)[1]]
        return lambda: write_file(self.path(model, name, path), os.O_CREAT | os.O_TRUNC, data)

    def published(self, model, name):
        owner, version = self.models[model], self.version(model, name)
        version.is_published = True
        if owner.active is None:
            owner.active, owner.is_chosen = name, False

    def op_publish(self, model, name, view, seed):
        version = self.version(model, name)
        if version is None or view in version.folders | set(version.links):
            return
        write = self.put(model, name, view, seed)
        if version.seed is not None and version.seed != seed:
            if self.is_frozen(model, name):
                self.expect(errno.EPERM, write)
                # Where a file was removed to be written anew, and that is refused, it is shown again.
                version.views[view] = version.seed
                return
            before = version.copy()
            write()
            owner = self.models[model]
            owner.retired.setdefault(name + "@", []).append(before)
        elif version.seed is not None and view not in version.views and self.is_frozen(model, name):
            return
        else:
            write()
        # The first weight file after all were removed brings all formats back.
        if version.seed != seed or not version.views:
            version.views = {other: seed for other in VIEWS}
        version.views[view] = seed
        version.seed = seed
        self.published(model, name)

    def op_component(self, model, name, path, seed):
        version = self.version(model, name)
        if version is None or os.path.dirname(path) not in version.folders or path in version.folders | set(version.links):
            return
        file = version.files.get(path)
        if file is not None and not file.is_weights:
            return
        extension = path.rsplit(".", 1)[1]
        write = self.put(model, name, path, seed)
        if file is not None and bytes(file.data) == WEIGHTS[seed][extension]:
            return write()
        if file is not None and self.is_frozen(model, name):
            if (model, name, path) in self.new:
                return
            return self.expect(errno.EPERM, write)
        if path in version.removed and version.is_published and file is None:
            # It may be taken for another edition; see op_publish.
            return
        # The same weights in another format are no other edition.
        if file is not None and bytes(file.data) not in WEIGHTS[seed].values():
            before = version.copy()
            self.models[model].retired.setdefault(name + "@", []).append(before)
        write()
        version.files[path] = File(WEIGHTS[seed][extension], 0o644, is_weights=True)
        self.note_addition(model, name, path)
        self.published(model, name)

    def op_half(self, model, name, view, seed):
        """A part of a weight file over what is published, which stays."""
        version = self.version(model, name)
        if version is None or view not in version.views:
            return
        half = WEIGHTS[seed][view.rsplit(".", 1)[1]][:100]
        self.expect(
            (errno.EINVAL, errno.EPERM), lambda: write_file(self.path(model, name, view), os.O_TRUNC, half))

    def op_copy_version(self, model, name, other_name):
        version = self.version(model, name)
        if version is None or other_name in self.models[model].versions:
            return
        if any(not file.mode & 0o400 for file in version.files.values()):
            return
        done = subprocess.run(
            ["cp", "-r", self.path(model, name), self.path(model, other_name)], capture_output=True, text=True)
        if done.returncode != 0:
            raise Difference("cp -r: " + done.stderr)
        other = version.copy()
        other.removed = {}
        for file in other.files.values():
            file.mode &= 0o7777 & ~0o022
        self.models[model].versions[other_name] = other
        # A copy has what is there: the weights of a version whose files were all removed are not.
        if version.views:
            other.views = {view: version.seed for view in VIEWS}
        else:
            other.seed = None
        other.is_published = bool(other.views) or any(file.is_weights for file in other.files.values())
        if other.is_published:
            self.published(model, other_name)
            # What comes after the first weight file is added to a version that is frozen already.
            for path in other.names():
                self.note_addition(model, other_name, path)

    # Versions

    def op_activate(self, model, name, how):
        if model not in self.models:
            return
        owner, version = self.models[model], self.version(model, name)
        is_there = version is not None and version.is_published

        def switch():
            if how == "control":
                with open(self.path(".control/active"), "w") as control:
                    control.write(f"{model}/{name}\n")
                return
            passing = self.path(model, "active.new")
            os.symlink(name, passing)
            try:
                os.rename(passing, self.path(model, "active"))
            except OSError:
                os.unlink(passing)
                raise
        # While nothing is active, the link may lead to what is still to come.
        if not is_there and (version is not None or owner.active is None):
            return
        if version is None:
            return self.expect((errno.ENOENT, errno.EINVAL), switch)
        switch()
        owner.active, owner.is_chosen = name, True

    def op_alias(self, model, alias, name):
        version = self.version(model, name)
        if version is None or not version.is_published or alias in self.models[model].versions:
            return
        owner = self.models[model]
        taken = alias in owner.aliases
        self.expect(errno.EEXIST if taken else None, lambda: os.symlink(name, self.path(model, alias)))
        if not taken:
            owner.aliases[alias] = name
            # A link under a name that may be passing counts after a second.
            time.sleep(1.2)

    def op_remove_alias(self, model, alias):
        if model in self.models and alias in self.models[model].aliases:
            os.unlink(self.path(model, alias))
            del self.models[model].aliases[alias]

    def op_policy(self, model, frozen):
        owner = self.models.get(model)
        if owner is None or not any(version.is_published for version in owner.versions.values()):
            return
        self.call("config", model, "frozen", frozen)
        owner.policy = frozen

    def op_rename_version(self, model, name, other_name):
        version = self.version(model, name)
        if version is None or other_name in self.models[model].versions:
            return
        owner = self.models[model]
        may = not (name == owner.active and owner.is_chosen) and name not in owner.aliases.values()
        self.expect(
            None if may else (errno.EBUSY, errno.EPERM),
            lambda: os.rename(self.path(model, name), self.path(model, other_name)))
        if not may:
            return
        owner.versions[other_name] = owner.versions.pop(name)
        owner.retired.pop(name, None)
        owner.retired.pop(other_name, None)
        owner.retired.pop(name + "@", None)
        owner.retired.pop(other_name + "@", None)
        if owner.active == name:
            owner.active = other_name

    def op_remove_version(self, model, name):
        version = self.version(model, name)
        if version is None:
            return
        owner = self.models[model]
        if self.is_frozen(model, name) or (name == owner.active and owner.is_chosen) or name in owner.aliases.values():
            return
        shutil.rmtree(self.path(model, name))
        del owner.versions[name]
        owner.retired.pop(name + "@", None)
        if version.is_published:
            owner.retired[name] = version
        if owner.active == name:
            self.adopt_active(model)

    def adopt_active(self, model):
        """Active has moved on by itself: to some version that is there, or it is gone if there is none."""
        owner = self.models[model]
        there = {name for name, version in owner.versions.items() if version.is_published}
        try:
            owner.active, owner.is_chosen = os.readlink(self.path(model, "active")), False
        except FileNotFoundError:
            owner.active = None
        if (owner.active is None) != (not there) or (there and owner.active not in there):
            raise Difference(f"{model}/active leads to {owner.active}; there are {sorted(there)}")

    def op_restore(self, model, name):
        owner = self.models.get(model)
        if owner is None or name in owner.versions or name not in owner.retired:
            return
        with open(self.path(".control/restore"), "w") as control:
            control.write(f"{model}/{name}\n")
        version = owner.retired.pop(name)
        owner.versions[name] = version
        self.adopt(model, name, version)
        self.published(model, name)

    def op_restore_edition(self, model, name):
        owner = self.models.get(model)
        version = self.version(model, name)
        if version is None or not owner.retired.get(name + "@") or self.is_frozen(model, name):
            return
        listed = json.loads(self.call("list-weights", model, "--all", "--json").stdout)
        numbers = [entry["number"] for entry in listed if entry["version"] == name and entry.get("kept") == "replaced"]
        if not numbers:
            raise Difference(f"{model}/{name} has an earlier edition, and list-weights --all shows none")
        self.call("restore", model, f"{name}@{max(numbers)}")
        owner.versions[name] = owner.retired[name + "@"].pop()
        owner.retired.pop(name + "@", None)
        version = owner.versions[name]
        self.adopt(model, name, version)
        # Whoever has a file open goes on with it; it is the file under its name only if the restored one has the same bytes.
        for i, (descriptor, file, opened) in enumerate(self.handles):
            restored = version.files.get(opened.removeprefix(f"{model}/{name}/")) if opened.startswith(f"{model}/{name}/") else None
            if restored and not file.is_weights and restored.data == file.data:
                self.handles[i] = descriptor, restored, opened

    def adopt(self, model, name, version):
        """What was restored must hold what was there, and nothing but what was there before."""
        version.folders = {""} | {
            path[:end] for path in version.names() - version.folders for end in range(len(path)) if path[end] == "/"}
        found = set()
        for folder, folders, files in os.walk(self.path(model, name)):
            inner = os.path.relpath(folder, self.path(model, name))
            for entry in folders + files:
                path = os.path.normpath(os.path.join(inner, entry))
                # A link to a folder is no folder.
                is_folder = entry in folders and not os.path.islink(os.path.join(folder, entry))
                (version.folders if is_folder else found).add(path)
        version.files = {path: file for path, file in version.files.items() if path in found or not file.is_unsettled}
        missing = version.names() - version.folders - found
        if missing:
            raise Difference(f"{model}/{name} was restored without {sorted(missing)}")
        for path, file in version.files.items():
            data = read(self.path(model, name, path))
            if data != bytes(file.data):
                if file.is_weights or data not in self.past.get(os.path.basename(path), set()):
                    raise Difference(f"{model}/{name} was restored with {path}, which was never like that: {data[:60]!r}")
                file.data[:] = data
                file.mode = stat.S_IMODE(os.stat(self.path(model, name, path)).st_mode)
        for path, target in version.links.items():
            full = self.path(model, name, path)
            there = os.readlink(full) if os.path.islink(full) else None
            if there != target and there not in self.past.get(os.path.basename(path), set()):
                raise Difference(f"{model}/{name} was restored with {path}, which never led to {there}")
            version.links[path] = there
        for path in sorted(found - version.names()):
            if path in VIEWS:
                version.views[path] = version.seed
                if version.seed is None:
                    raise Difference(f"{model}/{name} was restored with {path}, which it never had")
                continue
            full = self.path(model, name, path)
            if os.path.islink(full):
                if os.readlink(full) not in self.past.get(os.path.basename(path), set()):
                    raise Difference(f"{model}/{name} was restored with {path}, which it never had")
                version.links[path] = os.readlink(full)
                continue
            mode = stat.S_IMODE(os.stat(full).st_mode)
            data = read(full)
            if data not in self.past.get(os.path.basename(path), set()):
                raise Difference(f"{model}/{name} was restored with {path}, which was never like that: {data[:60]!r}")
            # A text may have a name of weights.
            is_weights = any(data in WEIGHTS[seed].values() for seed in SEEDS)
            version.files[path] = File(data, mode, is_weights)

    def op_purge(self):
        with open(self.path(".control/purge"), "w") as control:
            control.write("all\n")
        for model in self.models.values():
            model.retired = {}

    # The daemon

    def op_remount(self):
        self.unmount()
        self.mount()

    def op_kill(self):
        self.close_handles()
        pid = self.daemon()
        os.kill(pid, signal.SIGKILL)
        self.wait_for_daemon()
        subprocess.run(["umount", "-l", self.mountpoint], capture_output=True)
        self.mount()
        self.new = set()
        for owner in self.models.values():
            for version in owner.versions.values():
                for path, file in version.files.items():
                    file.is_unsettled = path.endswith(".bin")

    # Open files

    def op_open(self, model, name, path):
        version = self.version(model, name)
        if version is None or len(self.handles) > 20:
            return
        if path in version.views:
            extension = path.rsplit(".", 1)[1]
            file = File(GOLDEN[version.views[path]][extension], 0o644)
        elif path in version.files:
            file = version.files[path]
        else:
            return
        self.handles.append((os.open(self.path(model, name, path), os.O_RDONLY), file, f"{model}/{name}/{path}"))

    def op_close(self, index):
        if self.handles:
            descriptor, _, _ = self.handles.pop(index % len(self.handles))
            os.close(descriptor)

    def check_handles(self):
        for descriptor, file, name in self.handles:
            data = os.pread(descriptor, len(file.data) + 10, 0)
            if data != bytes(file.data):
                raise Difference(
                    f"whoever has {name} open reads {len(data)} bytes {data[:40]!r}, not {len(file.data)} {bytes(file.data[:40])!r}")

    def close_handles(self, check=True):
        if check:
            self.check_handles()
        for descriptor, _, _ in self.handles:
            os.close(descriptor)
        self.handles = []

    # Comparing

    def compare(self):
        found = set(os.listdir(self.mountpoint)) - {".control", ".derived", ".files"}
        if found != set(self.models):
            raise Difference(f"models are {sorted(found)}, not {sorted(self.models)}")
        for model, owner in self.models.items():
            names = set(os.listdir(self.path(model)))
            wanted = set(owner.versions) | set(owner.aliases) | ({"active"} if owner.active else set())
            if names != wanted:
                raise Difference(f"{model} has {sorted(names)}, not {sorted(wanted)}")
            for link, target in [("active", owner.active)] * bool(owner.active) + list(owner.aliases.items()):
                if os.readlink(self.path(model, link)) != target:
                    raise Difference(f"{model}/{link} leads to {os.readlink(self.path(model, link))}, not to {target}")
            for name, version in owner.versions.items():
                self.compare_version(f"{model}/{name}", version)

    def compare_version(self, name, version):
        found = set()
        for folder, folders, files in os.walk(self.path(name)):
            inner = os.path.relpath(folder, self.path(name))
            found |= {os.path.normpath(os.path.join(inner, entry)) for entry in folders + files}
        if found != version.names():
            raise Difference(f"{name}: too much {sorted(found - version.names())}, missing {sorted(version.names() - found)}")
        for path, target in version.links.items():
            if os.readlink(self.path(name, path)) != target:
                raise Difference(f"{name}/{path} leads to {os.readlink(self.path(name, path))}, not to {target}")
        for path, seed in version.views.items():
            self.compare_file(f"{name}/{path}", GOLDEN[seed][path.rsplit(".", 1)[1]], 0o644)
        for path, file in version.files.items():
            self.compare_file(f"{name}/{path}", bytes(file.data), file.mode)

    def compare_file(self, name, data, mode):
        status = os.stat(self.path(name))
        if status.st_size != len(data) or stat.S_IMODE(status.st_mode) != mode:
            raise Difference(
                f"{name} has {status.st_size} bytes and mode {stat.S_IMODE(status.st_mode):o}, not {len(data)} and {mode:o}")
        found = read(self.path(name))
        if found != data:
            raise Difference(f"{name} holds {found[:60]!r}, not {data[:60]!r}")


def write_file(path, flags, data, offset=None):
    """Opens a file, writes once, at an offset or where it stands, and closes it."""
    descriptor = os.open(path, os.O_WRONLY | flags, 0o644)
    try:
        os.write(descriptor, data) if offset is None else os.pwrite(descriptor, data, offset)
    finally:
        os.close(descriptor)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def operation(random):
    """A random operation."""
    def place():
        return [random.choice(MODELS), random.choice(VERSIONS)]

    def text():
        return os.path.join(random.choice(FOLDERS), random.choice(TEXTS))

    def any_path():
        return random.choice([text(), random.choice(COMPONENTS), random.choice(VIEWS), os.path.join(random.choice(FOLDERS), "link")])
    name = random.choices(list(WEIGHT), list(WEIGHT.values()))[0]
    match name:
        case "make_model": arguments = [random.choice(MODELS)]
        case "make_version" | "remove_version" | "restore" | "restore_edition": arguments = place()
        case "make_folder" | "remove_folder": arguments = place() + [random.choice(FOLDERS[1:])]
        case "rename_folder": arguments = place() + [random.choice(FOLDERS[1:]), random.choice(["logs", "old", "unet", "unet/old"])]
        case "write":
            data = "".join(random.choices("mnwxyz\n", k=random.choice([1, 10, 300, 5000, 70_000])))
            arguments = place() + [text(), random.choice(["w", "a", "a", "r+", "x"]), data, random.randrange(6000)]
        case "truncate": arguments = place() + [text(), random.choice([0, 3, 100, 10_000])]
        case "change_mode": arguments = place() + [text(), random.choice(MODES)]
        case "link": arguments = place() + [os.path.join(random.choice(FOLDERS), "link"), random.choice(["notes.txt", "../logs", "nowhere"])]
        case "remove" | "open": arguments = place() + [any_path()]
        case "rename" | "copy":
            arguments = place() + [random.choice([text(), text(), random.choice(COMPONENTS)])]
            target = arguments[:2] if random.random() < 0.7 else place()
            arguments += target + [random.choice([text(), text(), random.choice(COMPONENTS)])]
        case "publish" | "half": arguments = place() + [random.choice(VIEWS), random.choice(SEEDS)]
        case "component": arguments = place() + [random.choice(COMPONENTS), random.choice(SEEDS)]
        case "copy_version" | "rename_version": arguments = place() + [random.choice(VERSIONS)]
        case "activate": arguments = place() + [random.choice(["control", "link"])]
        case "alias": arguments = [random.choice(MODELS), random.choice(["best", "next"]), random.choice(VERSIONS)]
        case "remove_alias": arguments = [random.choice(MODELS), random.choice(["best", "next"])]
        case "policy": arguments = [random.choice(MODELS), random.choice(["never", "chosen", "chosen", "always"])]
        case "close": arguments = [random.randrange(100)]
        case _: arguments = []
    return [name] + arguments


# How often each is done.
WEIGHT = {
    "make_model": 1, "make_version": 8, "make_folder": 8, "remove_folder": 3, "rename_folder": 3, "write": 40, "truncate": 6,
    "change_mode": 5, "link": 4, "remove": 14, "rename": 16, "copy": 6, "publish": 8, "component": 5, "half": 2,
    "copy_version": 4, "activate": 3, "alias": 2, "remove_alias": 3, "policy": 1.5, "rename_version": 2, "remove_version": 5,
    "restore": 5, "restore_edition": 2, "purge": 0.5, "remount": 0.3, "kill": 0.3, "open": 10, "close": 6,
}


def replay(tantra, scratch, operations, every):
    """How many operations were done until something differed, and what; the second is None if nothing did."""
    run = Run(tantra, scratch)
    number = 0
    try:
        for number, operation in enumerate(operations, 1):
            run.do(operation)
            if number % every == 0:
                run.compare()
        run.compare()
        run.op_remount()
        run.compare()
        run.call("validate")
        return number, None
    except (Difference, OSError, subprocess.TimeoutExpired) as problem:
        return number, f"{type(problem).__name__}: {problem}"
    finally:
        run.end()


def kind(problem):
    """A difference without the names and numbers in it: what has to stay while the operations become fewer."""
    return re.sub(r"\S*/\S*|'[^']*'|[0-9]+", "", problem)[:60]


def shrink(tantra, scratch, operations, wanted):
    """Few of the operations that still make a difference of the same kind."""
    size = max(1, len(operations) // 2)
    while True:
        start, changed = 0, False
        while start < len(operations):
            fewer = operations[:start] + operations[start + size:]
            count, problem = replay(tantra, scratch, fewer, 1)
            if problem and kind(problem) == wanted:
                operations, changed = fewer[:count], True
            else:
                start += size
        if size == 1 and not changed:
            return operations
        size = max(1, size // 2)


def prepare(tantra, scratch):
    """What the views of each state dict hold: what the mount shows of one that was copied in, in whichever format."""
    global WEIGHTS, GOLDEN
    WEIGHTS = {seed: weights(seed, scratch) for seed in SEEDS}
    GOLDEN = {seed: {} for seed in SEEDS}
    run = Run(tantra, scratch)
    try:
        os.mkdir(run.path("golden"))
        for seed in SEEDS:
            for extension in ("safetensors", "pt"):
                folder = run.path("golden", f"{extension}{seed}")
                os.mkdir(folder)
                with open(f"{folder}/model.{extension}", "wb") as file:
                    file.write(WEIGHTS[seed][extension])
                for view in VIEWS:
                    other, data = view.rsplit(".", 1)[1], read(f"{folder}/{view}")
                    if GOLDEN[seed].setdefault(other, data) != data:
                        raise Difference(f"{view} differs when it is made from .{extension}")
            if GOLDEN[seed]["safetensors"] != WEIGHTS[seed]["safetensors"]:
                raise Difference("model.safetensors is not what save_file writes")
    finally:
        run.end()


def described(operation):
    return " ".join(repr(word)[:60] if isinstance(word, str) and not word.isprintable() else str(word)[:60] for word in operation)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tantra")
    parser.add_argument("scratch")
    parser.add_argument("--operations", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--state", help="a file that says how far a long run has come: another goes on there")
    parser.add_argument("--as-it-is", action="store_true", help="do not look for fewer operations that differ")
    parser.add_argument("--replay", help="a file of operations")
    arguments = parser.parse_args()
    os.umask(0o022)
    os.makedirs(arguments.scratch, exist_ok=True)
    prepare(arguments.tantra, arguments.scratch)
    if arguments.replay:
        with open(arguments.replay) as file:
            operations = json.load(file)
        count, problem = replay(arguments.tantra, arguments.scratch, operations, 1)
        print(f"{count} operations: {problem or 'no difference'}")
        sys.exit(problem is not None)
    # A fresh store for every 5,000: what a store holds does not grow without end, and a failure is found again quickly.
    done, part = 0, 0
    if arguments.state and os.path.exists(arguments.state):
        with open(arguments.state) as file:
            state = json.load(file)
        if state["seed"] == arguments.seed:
            done, part = state["operations"], state["parts"]
    while done < arguments.operations:
        numbers = random.Random(arguments.seed * 1000 + part)
        operations = [operation(numbers) for _ in range(min(5000, arguments.operations - done))]
        count, problem = replay(arguments.tantra, arguments.scratch, operations, 25)
        if problem:
            print(f"seed {arguments.seed}, part {part}, operation {count}: {problem}", flush=True)
            print("  the last was", described(operations[count - 1]), flush=True)
            if arguments.as_it_is:
                sys.exit(1)
            fewer = shrink(arguments.tantra, arguments.scratch, operations[:count], kind(problem))
            count, problem = replay(arguments.tantra, arguments.scratch, fewer, 1)
            with open(os.path.join(arguments.scratch, "failure.json"), "w") as file:
                json.dump(fewer, file)
            print(f"{len(fewer)} operations do it: {problem}")
            for step in fewer:
                print("  ", described(step))
            sys.exit(1)
        done, part = done + len(operations), part + 1
        if arguments.state:
            with open(arguments.state, "w") as file:
                json.dump({"seed": arguments.seed, "operations": done, "parts": part}, file)
    print(f"{done} operations, no difference")


main()
