"""A model in a folder of its own: config.json and model.safetensors, as `tantra export --folder` writes them."""
import json
import pathlib

from safetensors.torch import load_file, save_file


def load(kind, folder):
    """`kind(config)` with the weights of a folder."""
    folder = pathlib.Path(folder)
    model = kind(json.loads((folder / "config.json").read_text()))
    model.load_state_dict(load_file(folder / "model.safetensors"), strict=True)
    return model


def save(model, folder):
    """Writes config.json and model.safetensors, as `tantra import FOLDER` takes them."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(model.config, indent=2, sort_keys=True) + "\n")
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
