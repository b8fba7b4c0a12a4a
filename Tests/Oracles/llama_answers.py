"""Lets llama.cpp, as the package xllamacpp has it, go on with a text. Usage: llama_answers.py FILE TEXT TOKENS

Prints what it says, with temperature 0. Ends with 3 if the package is missing."""
import os
import sys

try:
    import xllamacpp
except ImportError:
    sys.exit(3)

path, text, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
# It tells a lot.
answer, silence = os.dup(1), os.open(os.devnull, os.O_WRONLY)
os.dup2(silence, 1)
os.dup2(silence, 2)
parameters = xllamacpp.CommonParams()
parameters.model.path = path
parameters.n_ctx = 256
parameters.cpuparams.n_threads = 2
parameters.warmup = False
server = xllamacpp.Server(parameters)
result = server.handle_completions({"prompt": text, "max_tokens": count, "temperature": 0})
os.write(answer, result["choices"][0]["text"].encode())
