"""Compares GGUF files with those of llama.cpp's converter. Usage:

converted_gguf.py make FOLDER [KIND...]    tiny random models with tokenizers that were trained here: FOLDER/<kind>, of all kinds or
                                           of these. Those whose tokenizer is SentencePiece's need the package sentencepiece
converted_gguf.py check CONVERTER FOLDER OURS
    CONVERTER is llama.cpp's convert_hf_to_gguf.py; FOLDER is what `make` made; OURS holds the GGUF files <kind>-<type>.gguf of its models.
    Tensors must be the same, in the same order, and so must keys be, but for what the converter guesses of a model's name. -exp(x) may
    differ by the last bit. Prints a line for each file: its name, and the number of tensors."""
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
TEXT = [f"the {a} and the {b} of {a} in a {b}, 123 it's" for a in ("house", "river", "king", "été") for b in ("day", "light", "sea")]


def write(folder, **files):
    for name, content in files.items():
        with open(os.path.join(folder, name.replace("_json", ".json")), "w") as file:
            json.dump(content, file)


def pieces(kind, folder):
    """A SentencePiece tokenizer as those of Llama 2 ("old": tokenizer.model alone), of Mistral ("both"), or of tokenizer.json alone."""
    import sentencepiece
    from transformers import LlamaTokenizer
    with open(folder + "/tokenizer.model", "wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(TEXT), model_writer=file, vocab_size=310, model_type="unigram" if kind == "both" else "bpe",
            byte_fallback=True, character_coverage=1.0, user_defined_symbols=["<sep>"], hard_vocab_limit=False, minloglevel=2)
    settings = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    if kind == "old":
        added = {"0": "<unk>", "1": "<s>", "2": "</s>", "313": "\u2581<tool>", "400": "<beyond>"}
        write(folder, added_tokens_json={"<extra>": 312, "<|end|>": 314, "<beyond>": 320}, tokenizer_config_json={
            **settings, "add_bos_token": True, "add_eos_token": False, "add_prefix_space": True, "chat_template": "{{ messages }}",
            "added_tokens_decoder": {id: {"content": text, "special": int(id) < 3} for id, text in added.items()}})
        return
    tokenizer = LlamaTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<tool>"])
    tokenizer.add_special_tokens({"pad_token": "<pad>", "extra_special_tokens": ["<end>"]})
    tokenizer.save_pretrained(folder)
    if kind == "both":
        # As older files have it: objects for tokens, and a template that ends texts, too.
        with open(folder + "/tokenizer.json") as file:
            fast = json.load(file)
        end = {"SpecialToken": {"id": "</s>", "type_id": 0}}
        fast["post_processor"]["single"].append(end)
        fast["post_processor"]["pair"][2:3] = [end]
        token = {"__type": "AddedToken", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
        settings.update(bos_token={**token, "content": "<s>"}, eos_token={**token, "content": "</s>"}, pad_token="<pad>")
        write(folder, tokenizer_json=fast, tokenizer_config_json=settings)
    else:
        os.remove(folder + "/tokenizer.model")


def words(kind, folder):
    """A WordPiece tokenizer: of tokenizer.json, or of vocab.txt alone."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import BertTokenizer
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(TEXT, trainers.WordPieceTrainer(
        vocab_size=120, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    vocabulary = tokenizer.get_vocab()
    if kind == "text":
        with open(folder + "/vocab.txt", "w", encoding="utf-8") as file:
            file.writelines(word + "\n" for word in sorted(vocabulary, key=vocabulary.get))
        write(folder, tokenizer_config_json={"tokenizer_class": "BertTokenizer", "do_lower_case": True})
        return
    tokenizer = BertTokenizer(vocab=vocabulary, do_lower_case=kind == "lower", strip_accents=None if kind == "lower" else False)
    tokenizer.add_tokens(["<tool>"])
    tokenizer.save_pretrained(folder)
    if kind == "lower":
        os.mkdir(folder + "/1_Pooling")
        write(folder, modules_json=[{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
                                    {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])
        write(folder + "/1_Pooling", config_json={"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False})


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
    tokenizer.train_from_iterator(TEXT, trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<|endoftext|>", "<pad>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|endoftext|>", pad_token="<pad>")
    if kind == "qwen":
        fast.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    fast.save_pretrained(folder)


def make(folder, *wanted):
    import torch
    import transformers as t
    torch.manual_seed(5)
    common = dict(vocab_size=320, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64, bos_token_id=0,
                  eos_token_id=0, pad_token_id=1)
    sizes = dict(vocab_size=320, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64)
    plain = dict(sizes, bos_token_id=1, eos_token_id=2)
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
        "llama-spm": ("old", t.LlamaForCausalLM(t.LlamaConfig(intermediate_size=96, **plain))),
        "mistral-spm": ("both", t.MistralForCausalLM(t.MistralConfig(intermediate_size=96, num_key_value_heads=2, **plain)).bfloat16()),
        "llama-fallback": ("fast", t.LlamaForCausalLM(t.LlamaConfig(intermediate_size=96, **{**plain, "vocab_size": 313}))),
        "bert": ("lower", t.BertModel(t.BertConfig(intermediate_size=96, **sizes))),
        "bert-masked": ("text", t.BertForMaskedLM(t.BertConfig(intermediate_size=80, type_vocab_size=3, **sizes)).bfloat16()),
        "bert-classifier": ("cased", t.BertForSequenceClassification(t.BertConfig(
            intermediate_size=96, id2label={0: "no", 1: "perhaps", 2: "yes"}, **sizes)).half()),
    }
    for name, (tokenizer, model) in kinds.items():
        if wanted and name not in wanted:
            continue
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.05)
        model.save_pretrained(os.path.join(folder, name))
        make_tokenizer = pieces if tokenizer in ("old", "both", "fast") else words if model.config.model_type == "bert" else train
        make_tokenizer(tokenizer, os.path.join(folder, name))
        with open(os.path.join(folder, name, "tokenizer.kind"), "w") as file:
            file.write(NAMES.get(tokenizer, "bert-bge"))


def prepare(converter):
    """Lets the converter's own modules be found before those that are installed, once for all files."""
    root = os.path.dirname(os.path.abspath(converter))
    sys.path[:0] = [root + "/gguf-py", root]
    for name in [name for name in sys.modules if name == "gguf" or name.startswith("gguf.")]:
        del sys.modules[name]


def convert(converter, original, label, out):
    import runpy
    from conversion.base import ModelBase, TextModel
    with open(original + "/tokenizer.kind") as file:
        kind = file.read()
    # It knows tokenizers by a hash of what they make of a text, and none that was trained here.
    TextModel.get_vocab_base_pre = lambda self, tokenizer: kind
    base = ModelBase.__dict__["load_hparams"]
    with open(original + "/config.json") as file:
        if json.load(file)["model_type"] == "gpt_neox":
            # transformers writes it elsewhere by now.
            ModelBase.load_hparams = staticmethod(lambda *a, **k: {"rotary_pct": 0.25, **base.__func__(*a, **k)})
    sys.argv = [converter, original, "--outfile", out, "--outtype", label.lower()]
    try:
        runpy.run_path(converter, run_name="__main__")
    finally:
        ModelBase.load_hparams = base


def value(field):
    from gguf import GGUFValueType
    if field.types[-1] == GGUFValueType.STRING:
        texts = [bytes(field.parts[index]) for index in field.data]
        return texts if field.types[0] == GGUFValueType.ARRAY else texts[0]
    return [field.parts[index].tolist() for index in field.data]


def check(converter, folder, ours):
    prepare(converter)
    for name in sorted(os.listdir(ours)):
        kind, _, label = name.removesuffix(".gguf").rpartition("-")
        print(name, compare(converter, os.path.join(folder, kind), os.path.join(ours, name), label))


def compare(converter, original, ours, label):
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
    return len(mine.tensors)


if sys.argv[1] == "make":
    make(*sys.argv[2:])
else:
    check(*sys.argv[2:])
