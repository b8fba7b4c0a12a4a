"""Compares the vectors that llama.cpp, as the package xllamacpp has it, makes of texts with those of transformers.
Usage: bert_vectors.py FOLDER FILE

FOLDER has a BERT with its tokenizer, whose vector is that of the first token; FILE is it as GGUF. Prints the largest difference of
elements; vectors have the length 1."""
import os
import sys

import numpy as np
import torch
import transformers
import xllamacpp

folder, path = sys.argv[1:]
texts = ["the house and a river, it's 123 day", "Été", "zzz sea, sea"]
# It tells a lot.
answer, silence = os.dup(1), os.open(os.devnull, os.O_WRONLY)
os.dup2(silence, 1)
os.dup2(silence, 2)
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
model = transformers.AutoModel.from_pretrained(folder).eval()
parameters = xllamacpp.CommonParams()
parameters.model.path = path
parameters.embedding = True
parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = 64
parameters.cpuparams.n_threads = 2
parameters.warmup = False
server = xllamacpp.Server(parameters)
largest = 0.0
for text in texts:
    with torch.no_grad():
        theirs = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0, 0].numpy()
    mine = np.array(server.handle_embeddings({"input": text})["data"][0]["embedding"])
    largest = max(largest, np.abs(mine / np.linalg.norm(mine) - theirs / np.linalg.norm(theirs)).max())
os.write(answer, f"{largest}\n".encode())
