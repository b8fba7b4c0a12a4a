"""Writes golden.json beside a model's weights: an input, and the scores that torch gives it. Usage: golden.py FOLDER

FOLDER holds config.json and model.safetensors of mamba, mamba_multimodal or ocr_native. `tantra validate` gives the runtime
the same input and compares. The input is a text; a scene and a question; a line in DejaVu Sans."""
import base64
import json
import pathlib
import sys

import numpy
import torch

SEED, TEXT, QUESTION = 9301, "In the beginning God created the heaven and the earth.", "how many red shapes?\n"
LINE, FACE = 'Golden: "Il1|" 0O {}', "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def rounded(scores):
    return [float(f"{value:.7g}") for value in scores.flatten().tolist()]


def pixels(array):
    """array (height, width, channels) of U8."""
    height, width, channels = array.shape
    return {"width": width, "height": height, "channels": channels,
            "pixels": base64.b64encode(numpy.ascontiguousarray(array).tobytes()).decode()}


@torch.no_grad()
def golden(folder):
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    r = numpy.random.default_rng(SEED)
    if kind == "mamba":
        import model as models

        tokens, model = list(TEXT.encode()), models.load(folder)
        logits, _ = model(torch.tensor([tokens]), model.zero_state(1))
        return {"tokens": tokens, "logits": rounded(logits[0, -1])}
    if kind == "mamba_multimodal":
        import multimodal_model as models
        import scenes

        model, image, tokens = models.load(folder), scenes.draw(scenes.scene(r), r), list(QUESTION.encode())
        _, states = model.see(torch.from_numpy(image)[None])
        logits, _ = model.say(torch.tensor([tokens]), states)
        return {"image": pixels(image.transpose(1, 2, 0)), "tokens": tokens, "logits": rounded(logits[0, -1])}
    import ocr_lines
    import ocr_model as models

    model, ink = models.load(folder), ocr_lines.render(LINE, r, FACE, False, True)
    ink = ink[:, : ink.shape[1] // 4 * 4]
    scores = model(torch.from_numpy(ink.copy())[None, None] / 255)
    return {"image": pixels(255 - ink[:, :, None]), "logits": rounded(scores[0])}


folder = pathlib.Path(sys.argv[1])
(folder / "golden.json").write_text(json.dumps(golden(folder)) + "\n")
