"""Translates lines with CTranslate2 and an export of --format ctranslate2.

translateCtranslate2.py FOLDER SOURCE OUTPUT [--beam N] [--expected FILE]

Each line gets the maximal length that coldstart gives it by default. With --expected, coldstart's translations, it prints how many lines are
equal, how many differ where CTranslate2 cut a translation at the maximal length (coldstart ends each with </s> there), and the others.
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
parser.add_argument("output")
parser.add_argument("--beam", type=int, default=1)
parser.add_argument("--expected")
args = parser.parse_args()


def path(*names):
    return next(p for p in (os.path.join(args.folder, name) for name in names) if os.path.exists(p))


def read_lines(name):
    return open(name, encoding="utf-8").read().split("\n")[:-1]


source = Tokenizer.from_file(path("tokenizer.json", "source_tokenizer.json"))
target = Tokenizer.from_file(path("tokenizer.json", "target_tokenizer.json"))
src_tokens = json.load(open(path("shared_vocabulary.json", "source_vocabulary.json"), encoding="utf-8"))
trg_tokens = json.load(open(path("shared_vocabulary.json", "target_vocabulary.json"), encoding="utf-8"))
trg_ids = {token: id for id, token in enumerate(trg_tokens)}
translator = ctranslate2.Translator(args.folder, device="cpu", inter_threads=1, intra_threads=1)


def tokens(sentence):
    ids = source.encode(sentence, add_special_tokens=False).ids
    return [src_tokens[id] if 3 <= id < len(src_tokens) else "<unk>" for id in ids]


inputs = [tokens(line) for line in read_lines(args.source)]
by_length = collections.defaultdict(list)
for i, each in enumerate(inputs):
    by_length[math.floor(1.2 * (len(each) + 1) + 10)].append(i)
found = [""] * len(inputs)
cut = set()
for length, indices in by_length.items():
    results = translator.translate_batch(
        [inputs[i] for i in indices],
        beam_size=args.beam,
        length_penalty=1,
        max_decoding_length=length,
        max_batch_size=32,
    )
    for i, result in zip(indices, results):
        if len(result.hypotheses[0]) >= length:
            cut.add(i)
        found[i] = target.decode([trg_ids[token] for token in result.hypotheses[0]], skip_special_tokens=False)
open(args.output, "w", encoding="utf-8").write("".join(f"{line}\n" for line in found))
# for interop.mjs: lines, counted from 0, that reached the maximal length
json.dump(sorted(cut), open(args.output + ".cut", "w"))
if args.expected:
    expected = read_lines(args.expected)
    assert len(expected) == len(found), (len(expected), len(found))
    unequal = [i for i in range(len(found)) if found[i] != expected[i]]
    different = [{"line": i + 1, "found": found[i], "expected": expected[i]} for i in unequal if i not in cut]
    report = {
        "lines": len(found),
        "equal": len(found) - len(unequal),
        "cut": len(unequal) - len(different),
        "different": different[:10],
    }
    print(json.dumps(report, ensure_ascii=False, indent=1))
