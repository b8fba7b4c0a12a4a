"""Kills the daemon at one durable step after another of a scripted day, mounts again, and compares.
Usage: mount_crash.py TANTRA SEED_STORE SOURCES SCRATCH FIRST LAST STRIDE

Every path must be as it was before the operation that was under way, or as it is after it; what was acknowledged before
must be there; validate must pass. SEED_STORE is a folder that is copied; SOURCES has full/ and other/."""
import atexit
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys

tantra, seed, sources, scratch = sys.argv[1:5]
first, last, stride = map(int, sys.argv[5:])
store, mountpoint = os.path.join(scratch, "store"), os.path.join(scratch, "mnt")
OPERATIONS = [
    f"cp {sources}/full/model.safetensors small/v1.0/",
    f"cp {sources}/full/config.json small/v1.0/",
    f"cp {sources}/full/model.pt small/v1.0/.tmpAb; mv small/v1.0/.tmpAb small/v1.0/model.pt",
    # As cp -r does, a file at a time: the first one brings the other formats along, until they are copied, too.
    "mkdir small/v1.1",
    "cp small/v1.0/model.safetensors small/v1.1/",
    "cp small/v1.0/model.bin small/v1.1/",
    "cp small/v1.0/model.pt small/v1.1/",
    "cp small/v1.0/config.json small/v1.1/",
    f"cp {sources}/other/model.pt small/v2.0/model.pt",
    # A component, one that is finished later, and another edition.
    f"cp {sources}/full/model.safetensors small/v1.1/adapter.safetensors",
    f"dd if={sources}/full/model.pt of=small/v1.1/late.pt bs=200 count=1 status=none; grep -q 'not finished' .control/log",
    f"dd if={sources}/full/model.pt of=small/v1.1/late.pt bs=200 skip=1 seek=1 conv=notrunc status=none",
    # A folder with a component, under another name. Not by mv, which would copy it.
    f"mkdir small/v1.1/unet; cp {sources}/full/model.pt small/v1.1/unet/unet.pt",
    "python3 -c 'import os; os.rename(\"small/v1.1/unet\", \"small/v1.1/unet2\")'",
    f"cp {sources}/other/model.safetensors small/v1.1/model.safetensors",
    "ln -sfn v2.0 small/active",
    # Not by the shell: it ignores what close says, and closes a copy of its descriptor while the file is still empty.
    f"cp {sources}/other/config.json small/v2.0/config.json",
    "mv small/v1.1 small/v1.2",
    "rm -r small/v1.2",
    "echo small/v1.2 > .control/restore",
    "echo small/v1.0 > .control/backup",
    "echo small 1 > .control/cleanup",
    "echo all > .control/purge",
    "mkdir small/v3.0",
    "ln -s ../v1.0/config.json small/v3.0/link",
    "mv small/v3.0/link small/v3.0/moved",
    # A version that is compressed, copied, and a plain file again.
    f"mkdir small/v4.0; cp {scratch}/even.safetensors small/v4.0/model.safetensors",
    # What cp has written is open for a moment longer than cp runs.
    "for turn in $(seq 50); do echo small/v4.0 > .control/compress || exit 1; grep -q 'still open' .control/compress || break; "
    f"sleep 0.1; done; test -n \"$(find {store}/weights -name '*.z')\"",
    "mkdir small/v4.1; cp small/v4.0/model.pt small/v4.1/model.pt",
    f"rm -r small/v4.1; echo small/v4.0 > .control/thaw; test -z \"$(find {store}/weights -name '*.z')\"",
]


EMPTY = hashlib.sha256().hexdigest()


def write_even_weights(path):
    """Weights that become half as large: each byte has 16 values."""
    values = bytes(random.Random(1).choices(range(16), k=200_000))
    header = json.dumps({"weight": {"dtype": "U8", "shape": [len(values)], "data_offsets": [0, len(values)]}}).encode()
    with open(path, "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header + values)


def run(arguments, fault=None):
    environment = dict(os.environ, TANTRA_STORE=store)
    if fault:
        environment["TANTRA_FAULT"] = fault
    return subprocess.run(arguments, capture_output=True, text=True, env=environment, timeout=120)


def unmount():
    run(["umount", "-l", mountpoint])


def holder_has_ended():
    """Waits until nobody has the store's lock."""
    subprocess.run(["flock", "--timeout", "10", os.path.join(store, ".staging", "lock"), "true"], check=True)


def fresh():
    unmount()
    # A kill leaves files that nobody may write as they are until the store is opened again.
    subprocess.run(["chattr", "-R", "-i", store], capture_output=True)
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(seed, store)


def snapshot():
    """Path -> digest and mode of a file, or target of a link."""
    found = {}
    for base, folders, files in os.walk(os.path.join(mountpoint, "small")):
        for name in folders + files:
            path = os.path.join(base, name)
            key = os.path.relpath(path, mountpoint)
            if os.path.islink(path):
                found[key] = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    found[key] = f"{hashlib.sha256(file.read()).hexdigest()} {os.stat(path).st_mode:o}"
    return found


def perform(operation):
    return subprocess.run(["bash", "-c", operation], cwd=mountpoint, capture_output=True, text=True, timeout=120)


def is_carried_out(operation):
    try:
        return perform(operation).returncode == 0
    except OSError:
        # The daemon has died in what it does after an operation, and nobody can enter the mount.
        return False


def prepare():
    for folder in ("small", "small/v1.0", "small/v2.0"):
        os.makedirs(os.path.join(mountpoint, folder), exist_ok=True)


# A failure leaves no mount behind.
atexit.register(unmount)
write_even_weights(os.path.join(scratch, "even.safetensors"))
# What each operation leads to when nothing goes wrong.
fresh()
assert run([tantra, "mount", mountpoint]).returncode == 0
prepare()
states = [snapshot()]
for operation in OPERATIONS:
    result = perform(operation)
    assert result.returncode == 0, f"{operation}: {result.stderr}"
    states.append(snapshot())
run([tantra, "unmount", mountpoint])
holder_has_ended()

died = {}
for step in range(first, last, stride):
    fresh()
    mounted = run([tantra, "mount", mountpoint], f"kill:*:{step}")
    done, survived = 0, False
    if mounted.returncode == 0:
        try:
            prepare()
        except OSError:
            done = -1
        while 0 <= done < len(OPERATIONS) and is_carried_out(OPERATIONS[done]):
            done += 1
        survived = done == len(OPERATIONS)
    if survived:
        run([tantra, "unmount", mountpoint])
    unmount()
    holder_has_ended()
    again = run([tantra, "mount", mountpoint])
    assert again.returncode == 0, f"step {step}: cannot mount again: {again.stderr}"
    found = snapshot()
    before = states[max(0, done)] if done >= 0 else {}
    after = states[min(done + 1, len(OPERATIONS))] if done >= 0 else states[0]
    is_cut_off = False
    name = OPERATIONS[done] if 0 <= done < len(OPERATIONS) else "mounting"
    for path in sorted(set(found) | set(before) | set(after)):
        allowed = {before.get(path), after.get(path)}
        if path.endswith("/.tmpAb"):
            continue
        # A file that was made and not yet written is there, empty, as on a disk: validate says so. A weight file is not.
        if path.endswith(".json") and before.get(path) is None and found.get(path, "").startswith(EMPTY):
            is_cut_off = True
            continue
        assert found.get(path) in allowed, f"step {step}, in {name}: {path} is {found.get(path)}, and not one of {allowed}"
    check = run([tantra, "validate"])
    assert check.returncode == 0 or is_cut_off, f"step {step}: {check.stdout}{check.stderr}"
    run([tantra, "unmount", mountpoint])
    holder_has_ended()
    died[name if not survived else "survived"] = died.get(name if not survived else "survived", 0) + 1
    if survived:
        break
print(json.dumps(died, indent=1))
