"""Asks `tantra run --image` about scenes, and torch. Usage: scene_answers.py TANTRA MODEL

MODEL is a folder with the trained mamba_multimodal. Prints JSON: how many questions there were, how many answers are torch's,
and how many are right; then the same for scenes in files of three times the size."""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Model" / "training"))
import evaluate_multimodal
import multimodal_model
import scenes

tantra, folder = sys.argv[1:3]
model, r = multimodal_model.load(folder), numpy.random.default_rng(9401)
result = {"asked": 0, "equal": 0, "right": 0, "right_large": 0}
temporary = tempfile.TemporaryDirectory()
scratch = pathlib.Path(temporary.name)


def answer(path, question):
    command = [tantra, "run", folder, "--image", path, "--prompt", question]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.rstrip("\n")


for _ in range(6):
    objects = scenes.scene(r)
    pixels = scenes.draw(objects, r)
    image = Image.fromarray(pixels.transpose(1, 2, 0))
    image.save(scratch / "scene.png")
    image.resize((288, 288), Image.NEAREST).save(scratch / "large.png")
    for kind in scenes.KINDS:
        row = scenes.asked(objects, kind, r)
        if row is None:
            continue
        question, wanted = row[0][0].rstrip("\n"), row[1][0][:-1]
        found = answer(scratch / "scene.png", question)
        result["asked"] += 1
        result["equal"] += found == evaluate_multimodal.said(model, torch.from_numpy(pixels), question)
        result["right"] += found == wanted
        result["right_large"] += answer(scratch / "large.png", question) == wanted
print(json.dumps(result))
