"""Judges an export of --format ctranslate2: translates raw lines with CTranslate2 and compares with coldstart's translations.

judge_ctranslate2.py FOLDER SOURCE EXPECTED [--beam N]

EXPECTED holds what `coldstart translate --beam N` wrote, with --nbest 1. Each line gets the maximal length that coldstart gives it. Prints
JSON: lines, how many are equal, how many differ where CTranslate2 cut a translation at the maximal length (coldstart ends each with </s>
there), and the others. Needs ctranslate2 and tokenizers.
"""

import argparse
import collections
import json
import math
import os

import ctranslate2
from tokenizers import Tokenizer

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("source")
parser.add_argument("expected")
parser.add_argument("--beam", type=int, default=1)
parser.add_argument("--length-penalty", type=float, default=1)
parser.add_argument("--max-len-a", type=float, default=1.2)
parser.add_argument("--max-len-b", type=float, default=10)
parser.add_argument("--output", help="file for the translations")
args = parser.parse_args()


def path(*names):
    return next(p for p in (os.path.join(args.folder, name) for name in names) if os.path.exists(p))


source = Tokenizer.from_file(path("tokenizer.json", "source_tokenizer.json"))
target = Tokenizer.from_file(path("tokenizer.json", "target_tokenizer.json"))
src_tokens = json.load(open(path("shared_vocabulary.json", "source_vocabulary.json"), encoding="utf-8"))
trg_tokens = json.load(open(path("shared_vocabulary.json", "target_vocabulary.json"), encoding="utf-8"))
trg_ids = {token: id for id, token in enumerate(trg_tokens)}
translator = ctranslate2.Translator(args.folder, device="cpu", inter_threads=1, intra_threads=1)


def tokens(sentence):
    ids = source.encode(sentence, add_special_tokens=False).ids
    return [src_tokens[id] if 3 <= id < len(src_tokens) else "<unk>" for id in ids]


lines = open(args.source, encoding="utf-8").read().split("\n")[:-1]
expected = open(args.expected, encoding="utf-8").read().split("\n")[:-1]
assert len(lines) == len(expected), (len(lines), len(expected))
by_length = collections.defaultdict(list)
inputs = [tokens(line) for line in lines]
for i, each in enumerate(inputs):
    by_length[math.floor(args.max_len_a * (len(each) + 1) + args.max_len_b)].append(i)
found = [""] * len(lines)
cut = set()
for length, indices in by_length.items():
    results = translator.translate_batch(
        [inputs[i] for i in indices],
        beam_size=args.beam,
        length_penalty=args.length_penalty,
        max_decoding_length=length,
        max_batch_size=32,
    )
    for i, result in zip(indices, results):
        if len(result.hypotheses[0]) >= length:
            cut.add(i)
        found[i] = target.decode([trg_ids[token] for token in result.hypotheses[0]], skip_special_tokens=False)
if args.output:
    open(args.output, "w", encoding="utf-8").write("".join(f"{line}\n" for line in found))
unequal = [i for i in range(len(lines)) if found[i] != expected[i]]
different = [{"line": i + 1, "found": found[i], "expected": expected[i]} for i in unequal if i not in cut]
report = {"lines": len(lines), "equal": len(lines) - len(unequal), "cut": len(unequal) - len(different), "different": different[:10]}
print(json.dumps(report, ensure_ascii=False, indent=1))
