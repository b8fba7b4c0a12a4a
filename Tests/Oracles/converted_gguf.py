"""Compares GGUF files with those of llama.cpp's converter. Usage:

converted_gguf.py make FOLDER              tiny random models with tokenizers that were trained here: FOLDER/<kind>
converted_gguf.py check CONVERTER ORIGINAL OURS TYPE
    CONVERTER is llama.cpp's convert_hf_to_gguf.py; ORIGINAL a folder that `make` made, OURS a GGUF file of it in TYPE. Tensors must be
    the same, in the same order, and so must keys be, but for what the converter guesses of a model's name. -exp(x) may differ by the
    last bit. Prints the number of tensors."""
import json
import os
import sys
import tempfile

import numpy as np

SPLITS = {
    "llama": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
NAMES = {"llama": "llama-bpe", "qwen": "qwen2", "neox": "gpt-2"}


def train(kind, folder):
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, decoders, processors, trainers, AddedToken
    from transformers import PreTrainedTokenizerFast
    tokenizer = Tokenizer(models.BPE())
    if kind == "neox":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(SPLITS[kind]), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    text = [f"the {a} and the {b} of {a} in a {b}, 123 it's" for a in ("house", "river", "king", "été") for b in ("day", "light", "sea")]
    tokenizer.train_from_iterator(text, trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<|endoftext|>", "<pad>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|endoftext|>", pad_token="<pad>")
    if kind == "qwen":
        fast.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    fast.save_pretrained(folder)


def make(folder):
    import torch
    import transformers as t
    torch.manual_seed(5)
    common = dict(vocab_size=320, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64, bos_token_id=0,
                  eos_token_id=0, pad_token_id=1)
    scaled = {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
              "original_max_position_embeddings": 64}
    kinds = {
        "llama": ("llama", t.LlamaForCausalLM(t.LlamaConfig(intermediate_size=96, num_key_value_heads=2, **common))),
        "llama3": ("llama", t.LlamaForCausalLM(t.LlamaConfig(
            intermediate_size=96, num_key_value_heads=4, attention_bias=True, tie_word_embeddings=True, rope_parameters=scaled,
            **common)).bfloat16()),
        "mistral": ("llama", t.MistralForCausalLM(t.MistralConfig(
            intermediate_size=80, num_key_value_heads=2, head_dim=16, **common)).half()),
        "qwen2": ("qwen", t.Qwen2ForCausalLM(t.Qwen2Config(intermediate_size=96, num_key_value_heads=2, **common))),
        "qwen3": ("qwen", t.Qwen3ForCausalLM(t.Qwen3Config(intermediate_size=96, num_key_value_heads=2, head_dim=16, **common))),
        "neox": ("neox", t.GPTNeoXForCausalLM(t.GPTNeoXConfig(intermediate_size=96, rotary_pct=0.25, **common))),
        "mamba": ("neox", t.MambaForCausalLM(t.MambaConfig(
            vocab_size=320, hidden_size=64, num_hidden_layers=2, state_size=8, time_step_rank=32, bos_token_id=0, eos_token_id=0,
            pad_token_id=1))),
    }
    for name, (tokenizer, model) in kinds.items():
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.05)
        model.save_pretrained(os.path.join(folder, name))
        train(tokenizer, os.path.join(folder, name))
        with open(os.path.join(folder, name, "tokenizer.kind"), "w") as file:
            file.write(NAMES[tokenizer])


def convert(converter, original, label, out):
    root = os.path.dirname(os.path.abspath(converter))
    sys.path[:0] = [root + "/gguf-py", root]
    for name in [name for name in sys.modules if name == "gguf" or name.startswith("gguf.")]:
        del sys.modules[name]
    import runpy
    from conversion.base import ModelBase, TextModel
    with open(original + "/tokenizer.kind") as file:
        kind = file.read()
    # It knows tokenizers by a hash of what they make of a text, and none that was trained here.
    TextModel.get_vocab_base_pre = lambda self, tokenizer: kind
    with open(original + "/config.json") as file:
        if json.load(file)["model_type"] == "gpt_neox":
            # transformers writes it elsewhere by now.
            base = ModelBase.load_hparams
            ModelBase.load_hparams = staticmethod(lambda *a, **k: {"rotary_pct": 0.25, **base(*a, **k)})
    sys.argv = [converter, original, "--outfile", out, "--outtype", label.lower()]
    runpy.run_path(converter, run_name="__main__")


def value(field):
    from gguf import GGUFValueType
    if field.types[-1] == GGUFValueType.STRING:
        texts = [bytes(field.parts[index]) for index in field.data]
        return texts if field.types[0] == GGUFValueType.ARRAY else texts[0]
    return [field.parts[index].tolist() for index in field.data]


def check(converter, original, ours, label):
    out = tempfile.mkdtemp() + "/theirs.gguf"
    convert(converter, original, label, out)
    from gguf import GGUFReader
    mine, theirs = GGUFReader(ours), GGUFReader(out)
    guessed = ("general.name", "general.basename", "general.size_label", "general.finetune", "general.version", "general.tags",
               "general.organization", "general.sampling")
    keys = [[key for key in reader.fields if not key.startswith(("GGUF.",) + guessed)] for reader in (mine, theirs)]
    assert keys[0] == keys[1], f"keys: ours only {[k for k in keys[0] if k not in keys[1]]}, theirs only {[k for k in keys[1] if k not in keys[0]]}, {keys}"
    for key in keys[0]:
        assert mine.fields[key].types == theirs.fields[key].types, key
        assert value(mine.fields[key]) == value(theirs.fields[key]), f"{key}: {value(mine.fields[key])}, not {value(theirs.fields[key])}"
    assert [t.name for t in mine.tensors] == [t.name for t in theirs.tensors], "names or order differ"
    for a, b in zip(mine.tensors, theirs.tensors):
        assert a.tensor_type == b.tensor_type and list(a.shape) == list(b.shape), a.name
        if a.data.tobytes() != b.data.tobytes():
            assert a.name.endswith(".ssm_a") or a.name == "rope_freqs.weight", f"{a.name} differs"
            # Powers of floats differ by a unit from library to library.
            distance = np.abs(a.data.view(np.int32).astype(np.int64) - b.data.view(np.int32))
            assert distance.max() <= (1 if a.name.endswith(".ssm_a") else 4), f"{a.name} differs by {distance.max()} units"
    os.remove(out)
    print(len(mine.tensors))


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    check(*sys.argv[2:])
