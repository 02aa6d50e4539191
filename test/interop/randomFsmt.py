"""Writes an FSMT model with random weights and a tokenizer of its own files, as published models have them, and what it translates.

randomFsmt.py FOLDER SOURCE EXPECTED [--tied]

SOURCE gets lines of text, EXPECTED the greedy translations by Hugging Face's transformers. Import FOLDER with `coldstart import`, translate
SOURCE with --beam 1 and compare. Needs transformers, torch and sacremoses.
"""

import argparse
import json
import os
import random

import torch
from transformers import FSMTConfig, FSMTForConditionalGeneration, FSMTTokenizer

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("source")
parser.add_argument("expected")
parser.add_argument("--tied", action="store_true")
args = parser.parse_args()
torch.manual_seed(7)
torch.set_num_threads(1)
random.seed(7)
os.makedirs(args.folder, exist_ok=True)

letters = "abcdefghij"
merges = [("a", "b</w>"), ("c", "d"), ("cd", "e</w>"), ("f", "g"), ("h", "i</w>")]
special = ["<s>", "<pad>", "</s>", "<unk>"]
units = [*letters, *(letter + "</w>" for letter in letters), *(left + right for left, right in merges), ",</w>", ".</w>"]
units += ["&apos;s</w>", "@-@</w>"]
src = [*special, *units]
tgt = src if args.tied else [*special, *reversed(units), "extra</w>"]
for name, tokens in (("vocab-src.json", src), ("vocab-tgt.json", tgt)):
    with open(os.path.join(args.folder, name), "w", encoding="utf-8") as file:
        json.dump({token: id for id, token in enumerate(tokens)}, file)
with open(os.path.join(args.folder, "merges.txt"), "w", encoding="utf-8") as file:
    file.write("".join(f"{left} {right} {100 - i}\n" for i, (left, right) in enumerate(merges)))

config = FSMTConfig(
    langs=["en", "de"],
    src_vocab_size=len(src),
    tgt_vocab_size=len(tgt),
    d_model=32,
    encoder_layers=2,
    decoder_layers=3,
    encoder_attention_heads=4,
    decoder_attention_heads=4,
    encoder_ffn_dim=48,
    decoder_ffn_dim=48,
    init_std=0.3,
    tie_word_embeddings=args.tied,
)
model = FSMTForConditionalGeneration(config).eval()
model.save_pretrained(args.folder)
tokenizer = FSMTTokenizer(
    langs=["en", "de"],
    src_vocab_file=os.path.join(args.folder, "vocab-src.json"),
    tgt_vocab_file=os.path.join(args.folder, "vocab-tgt.json"),
    merges_file=os.path.join(args.folder, "merges.txt"),
)
lines = []
for _ in range(100):
    words = ["".join(random.choices(letters, k=random.randint(1, 5))) for _ in range(random.randint(1, 9))]
    lines.append(" ".join(words) + random.choice([".", ", ab's.", " cd-ef.", ""]))
with open(args.source, "w", encoding="utf-8") as file:
    file.write("".join(f"{line}\n" for line in lines))
with open(args.expected, "w", encoding="utf-8") as file, torch.no_grad():
    for line in lines:
        ids = tokenizer(line, return_tensors="pt").input_ids
        longest = int(1.2 * ids.shape[1] + 10)
        found = model.generate(
            ids, num_beams=1, do_sample=False, max_new_tokens=longest + 1, suppress_tokens=[1], begin_suppress_tokens=[2]
        )
        file.write(tokenizer.decode(found[0], skip_special_tokens=True) + "\n")
