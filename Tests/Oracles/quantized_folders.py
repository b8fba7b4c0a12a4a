"""Makes tiny models for the tests of quantized folders, and judges the folders. Usage:

quantized_folders.py make FOLDER     random models of several kinds: FOLDER/<kind>/{model.safetensors, config.json}
quantized_folders.py check ORIGINAL QUANTIZED
    QUANTIZED is a folder int8, int4 or nf4 of the model in ORIGINAL. Its tensors must be those that compressed-tensors or
    bitsandbytes makes of the original ones; transformers must load it on the CPU, and its logits be near the original's. Prints how
    many tensors are quantized."""
import json
import os
import sys
import warnings

import torch
from safetensors.torch import load_file, save_file

warnings.filterwarnings("ignore")


def make(folder):
    import transformers as t
    torch.manual_seed(3)
    common = dict(vocab_size=96, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64)
    kinds = {
        "llama": t.LlamaForCausalLM(t.LlamaConfig(intermediate_size=128, num_key_value_heads=2, **common)),
        "bf16": t.LlamaForCausalLM(t.LlamaConfig(intermediate_size=96, num_key_value_heads=2, **common)).bfloat16(),
        "qwen3": t.Qwen3ForCausalLM(t.Qwen3Config(intermediate_size=128, num_key_value_heads=2, head_dim=16, **common)),
        "neox": t.GPTNeoXForCausalLM(t.GPTNeoXConfig(intermediate_size=128, **common)),
        "mamba": t.MambaForCausalLM(t.MambaConfig(vocab_size=256, hidden_size=64, num_hidden_layers=2, state_size=8, time_step_rank=8)),
        "odd_mamba": t.MambaForCausalLM(t.MambaConfig(vocab_size=256, hidden_size=36, num_hidden_layers=2, state_size=8)),
    }
    for name, model in kinds.items():
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 2:
                    parameter[0] = 0
        model.save_pretrained(os.path.join(folder, name))


def expected_rows(weight, bits, group):
    """What compressed-tensors' own functions make of a weight."""
    from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32
    from compressed_tensors.quantization import QuantizationArgs
    from compressed_tensors.quantization.lifecycle.forward import quantize
    from compressed_tensors.quantization.utils import calculate_qparams
    strategy = "group" if group else "channel"
    args = QuantizationArgs(num_bits=bits, type="int", symmetric=True, strategy=strategy, group_size=group)
    grouped = weight.unflatten(-1, (-1, group)) if group else weight.unsqueeze(1)
    scale, zero = calculate_qparams(grouped.amin(-1), grouped.amax(-1), args)
    q = quantize(weight, scale, zero, args, dtype=torch.int8)
    return (q if bits == 8 else pack_to_int32(q, 4)), scale


def same(found, expected, what):
    assert found.dtype == expected.dtype and found.shape == expected.shape, f"{what}: {found.dtype} {found.shape}, not {expected.dtype} {expected.shape}"
    assert torch.equal(found.reshape(-1).view(torch.uint8), expected.reshape(-1).view(torch.uint8)), f"{what}: values differ"


def check(original, quantized):
    kind = os.path.basename(quantized)
    source, found = load_file(original + "/model.safetensors"), load_file(quantized + "/model.safetensors")
    with open(quantized + "/config.json") as file:
        settings = json.load(file)["quantization_config"]
    count = 0
    for name, weight in source.items():
        base = name.removesuffix(".weight")
        if kind == "nf4" and name + ".absmax" in found:
            import bitsandbytes.functional as f
            packed, state = f.quantize_4bit(weight.contiguous(), blocksize=64, quant_type="nf4", quant_storage=torch.uint8)
            same(found.pop(name), packed, name)
            for key, value in state.as_dict(packed=True).items():
                same(found.pop(f"{name}.{key}"), value, f"{name}.{key}")
        elif base + ".weight_packed" in found:
            group = settings["config_groups"]["group_0"]["weights"]["group_size"]
            packed, scale = expected_rows(weight, 4, group)
            same(found.pop(base + ".weight_packed"), packed, name)
            same(found.pop(base + ".weight_scale"), scale, name + " scale")
            same(found.pop(base + ".weight_shape"), torch.tensor(weight.shape), name + " shape")
        elif base + ".weight_scale" in found:
            integers, scale = expected_rows(weight, 8, None)
            same(found.pop(name), integers, name)
            same(found.pop(base + ".weight_scale"), scale, name + " scale")
        else:
            same(found.pop(name), weight, name)
            continue
        count += 1
    assert not found, f"more tensors: {list(found)}"
    assert count > 0
    from transformers import AutoModelForCausalLM
    if kind == "nf4":
        import bitsandbytes.nn.modules
        # On processors that multiply bfloat16, bitsandbytes packs weights anew, and fails if a row is no number of whole blocks.
        bitsandbytes.nn.modules.has_avx512bf16 = lambda: False
    tokens = torch.arange(1, 33).unsqueeze(0)
    with torch.no_grad():
        near = AutoModelForCausalLM.from_pretrained(quantized)(tokens).logits.float()
        true = AutoModelForCausalLM.from_pretrained(original)(tokens).logits.float()
    error = (near - true).abs().max() / true.abs().max()
    assert error < (0.1 if kind == "int8" else 0.8), f"logits differ by {error} of the greatest"
    print(count, round(float(error), 4))


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    check(sys.argv[2], sys.argv[3])
