"""Holds files of a version open while they are rewritten, truncated, replaced, removed and purged.
Usage: mount_readers.py MOUNT MODEL VERSION SOURCE CHANGE

CHANGE is a command of bash, run in MOUNT while the files are open and mapped. Afterwards every descriptor and every mapping
must still hold what it held; of ordinary files only if they were not changed in place. SOURCE has the bytes of the files as they
were written."""
import mmap
import os
import subprocess
import sys

mount, model, version, source, change = sys.argv[1:]
in_place = "> small/v1.0/config.json" in change or "small/v1.0/$f" in change
names = sorted(
    name for name in os.listdir(source)
    if os.path.isfile(os.path.join(source, name)) and (name.startswith("model.") or not in_place))
folder = os.path.join(mount, model, version)
held = []
for name in names:
    with open(os.path.join(source, name), "rb") as file:
        expected = file.read()
    # Half of them untouched before the change: their pages come from the daemon afterwards.
    for touched in (True, False):
        descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)
        mapping = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
        if touched:
            assert os.pread(descriptor, len(expected), 0) == expected, name
            assert mapping[:] == expected, name
        held.append((name, expected, descriptor, mapping))

result = subprocess.run(["bash", "-c", change], cwd=mount, capture_output=True, text=True)
print(result.returncode, result.stdout, result.stderr)

for name, expected, descriptor, mapping in held:
    assert os.fstat(descriptor).st_size == len(expected), f"{name} has another size after: {change}"
    assert os.pread(descriptor, len(expected) + 1, 0) == expected, f"{name} reads differently after: {change}"
    assert mapping[:] == expected, f"{name} is mapped differently after: {change}"
    mapping.close()
    os.close(descriptor)
