"""Trains a byte-level BPE and tokenizes with it. Usage: bpe_tokenizer.py FOLDER

Writes FOLDER/tokenizer.json, made by the tokenizers package from this package's own texts as GPT-NeoX's is (NFC, ByteLevel,
added tokens), and prints JSON: texts, and the tokens of each."""
import json
import pathlib
import sys

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

root = pathlib.Path(__file__).parent.parent.parent
tokenizer = Tokenizer(models.BPE())
tokenizer.normalizer = normalizers.NFC()
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(
    vocab_size=1500, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    show_progress=False)
sources = sorted(root.glob("Sources/**/*.swift")) + [root / "README.md"]
tokenizer.train_from_iterator((path.read_text() for path in sources), trainer)
tokenizer.add_tokens([AddedToken("    ", normalized=True), AddedToken("  ", normalized=True)])
tokenizer.save(sys.argv[1] + "/tokenizer.json")

texts = [
    "", "a", "In the beginning God created the heaven and the earth.", "it's they'll we've I'd 'tis 'S don''t",
    "  two   three\tfour\n\n  five \r\n", "trailing   ", "   ", "x = 42;  y=3.14e-7 // 1,000 \u00bd \u2167 \u0663",
    "na\u00efve cafe\u0301 \u00c5\u0301 \u1e9b\u0323 \u2126", "\u4f60\u597d\uff0c\u4e16\u754c\u3002", "\u0928\u092e\u0938\u094d\u0924\u0947",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 ok", "a\u00a0b\u2003c\u3000d\u0085e", "a<|endoftext|>b <|endoftext|>", "<|endoftext",
    "\u0000\u0001\u007f\ufeff\ufffd", "a" * 5000, " " * 300 + "x", "func f(_ x: Int) -> Int { return x &+ 1 }\n" * 20,
    (root / "README.md").read_text()[:8000],
]
print(json.dumps([{"text": text, "tokens": tokenizer.encode(text).ids} for text in texts]))
