"""Makes the GGUF files of a MambaForCausalLM whose tokens are bytes. Usage: mamba_gguf_files.py FOLDER NAME OUT

Reads FOLDER/model.safetensors and config.json, and writes OUT/model-<TYPE>.gguf by gguf-py, with the names, types and keys of llama.cpp's
converter. Prints the types."""
import json
import os
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Q
from safetensors.numpy import load_file

folder, name, out = sys.argv[1:]
PARTS = {"norm.weight": "attn_norm.weight", "mixer.in_proj.weight": "ssm_in.weight", "mixer.conv1d.weight": "ssm_conv1d.weight",
         "mixer.conv1d.bias": "ssm_conv1d.bias", "mixer.x_proj.weight": "ssm_x.weight", "mixer.dt_proj.weight": "ssm_dt.weight",
         "mixer.dt_proj.bias": "ssm_dt.bias", "mixer.A_log": "ssm_a", "mixer.D": "ssm_d", "mixer.out_proj.weight": "ssm_out.weight"}
WHOLE = {"backbone.embeddings.weight": "token_embd.weight", "backbone.norm_f.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}
TYPES = {"F32": (Q.F32, 0), "F16": (Q.F16, 1), "BF16": (Q.BF16, 32), "Q8_0": (Q.Q8_0, 7), "Q5_0": (Q.Q5_0, 8), "Q4_1": (Q.Q4_1, 3),
         "Q4_0": (Q.Q4_0, 2)}
with open(folder + "/config.json") as file:
    c = json.load(file)
weights = load_file(folder + "/model.safetensors")
with open(folder + "/model.safetensors", "rb") as file:
    order = [key for key in json.loads(file.read(int.from_bytes(file.read(8), "little"))) if key != "__metadata__"]
made = []
for label, (wanted, file_type) in TYPES.items():
    tensors = []
    for key in order:
        x = weights[key]
        new = WHOLE[key] if key in WHOLE else "blk.{}.{}".format(key.split(".")[2], PARTS[key.split(".", 3)[3]])
        if new == "output.weight" and np.array_equal(x, weights["backbone.embeddings.weight"]):
            continue
        kind = wanted
        if key.endswith("A_log"):
            x = (-np.exp(x.astype(np.float64))).astype(np.float32)
        if key.endswith("conv1d.weight"):
            x = x[:, 0]
        if x.ndim < 2 or not new.endswith(".weight") or new.endswith("_norm.weight") or "conv1d" in new:
            kind = Q.F32
        elif wanted == Q.Q4_0 and new == "token_embd.weight":
            kind = Q.Q8_0
        if x.shape[-1] % gguf.GGML_QUANT_SIZES[kind][0]:
            kind = Q.F16
        tensors.append((new, x, kind))
    if label != "F32" and not any(kind == wanted for _, _, kind in tensors):
        continue
    writer = gguf.GGUFWriter(os.path.join(out, f"model-{label}.gguf"), "mamba")
    writer.add_type("model")
    writer.add_name(name)
    writer.add_size_label(gguf.size_label(sum(x.size for _, x, _ in tensors), 0, 0, 0))
    writer.add_context_length(2 ** 20)
    writer.add_embedding_length(c["hidden_size"])
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_block_count(c["num_hidden_layers"])
    writer.add_ssm_conv_kernel(c["conv_kernel"])
    writer.add_ssm_inner_size(c["intermediate_size"])
    writer.add_ssm_state_size(c["state_size"])
    writer.add_ssm_time_step_rank(c["time_step_rank"])
    writer.add_layer_norm_rms_eps(c["layer_norm_epsilon"])
    writer.add_ssm_dt_b_c_rms(False)
    writer.add_file_type(file_type)
    writer.add_quantization_version(2)
    writer.add_tokenizer_model("rwkv")
    writer.add_token_list([repr(bytes([byte]))[2:-1].encode() for byte in range(256)])
    writer.add_token_types([3 if byte in (c["bos_token_id"], c["eos_token_id"]) else 1 for byte in range(256)])
    writer.add_bos_token_id(c["bos_token_id"])
    writer.add_eos_token_id(c["eos_token_id"])
    writer.add_add_bos_token(False)
    for new, x, kind in tensors:
        writer.add_tensor(new, gguf.quants.quantize(x, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    made.append(label)
print(" ".join(made))
