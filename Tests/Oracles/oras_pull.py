"""Pulls an artifact with oras-py, which others wrote, from a registry that speaks plain HTTP.

    oras_pull.py REMOTE FOLDER

It writes the path of each file in FOLDER, in order.
"""
import os
import sys

import oras.client

remote, folder = sys.argv[1:]
for path in sorted(oras.client.OrasClient(insecure=True).pull(target=remote, outdir=folder)):
    print(os.path.relpath(path, folder))
