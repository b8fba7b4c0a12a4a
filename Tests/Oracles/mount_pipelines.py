"""Saves pipelines of diffusers and adapters of peft, and reads them back. Usage: mount_pipelines.py PIPELINE ADAPTER"""
import os
import sys
import warnings

import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from diffusers.utils import logging
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

warnings.simplefilter("ignore")
logging.disable_progress_bar()
pipeline_folder, adapter_folder = sys.argv[1:]


def same(one, other):
    one, other = one.state_dict(), other.state_dict()
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def pipeline(seed):
    torch.manual_seed(seed)
    unet = UNet2DModel(
        sample_size=8, in_channels=1, out_channels=1, layers_per_block=1, block_out_channels=(8,), norm_num_groups=4,
        down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",), add_attention=False)
    return DDPMPipeline(unet, DDPMScheduler())


# The same folder twice, with other weights, and a model's own folder.
for seed, place in ((1, "v1"), (2, "v1"), (3, "")):
    saved = pipeline(seed)
    place = os.path.join(pipeline_folder, place)
    saved.save_pretrained(place)
    assert same(saved.unet, DDPMPipeline.from_pretrained(place).unet), place
    assert {"model_index.json", "scheduler", "unet"} <= set(os.listdir(place)), os.listdir(place)
saved.save_pretrained(os.path.join(pipeline_folder, "v2"), safe_serialization=False)
saved.save_pretrained(os.path.join(pipeline_folder, "v3"), variant="fp16")
saved.unet.save_pretrained(os.path.join(pipeline_folder, "v4"), max_shard_size="8KB")
for place, options in (("v2", {"use_safetensors": False}), ("v3", {"variant": "fp16"})):
    loaded = DDPMPipeline.from_pretrained(os.path.join(pipeline_folder, place), **options)
    assert same(saved.unet, loaded.unet), place
assert len(os.listdir(os.path.join(pipeline_folder, "v4"))) > 4
assert same(saved.unet, UNet2DModel.from_pretrained(os.path.join(pipeline_folder, "v4")))


def base():
    torch.manual_seed(3)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2))


def lora():
    return LoraConfig(target_modules=["q_proj"], r=2, init_lora_weights=False)


adapted = get_peft_model(base(), lora())
for place in ("v1", "v1", ""):
    place = os.path.join(adapter_folder, place)
    adapted.save_pretrained(place)
    assert same(adapted, PeftModel.from_pretrained(base(), place)), place
adapted.add_adapter("second", lora())
place = os.path.join(adapter_folder, "v2")
adapted.save_pretrained(place)
loaded = PeftModel.from_pretrained(base(), place)
loaded.load_adapter(os.path.join(place, "second"), "second")
assert same(adapted, loaded)
