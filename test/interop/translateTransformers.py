"""Translates lines with Hugging Face's transformers and an export of --format huggingface.

translateTransformers.py FOLDER SOURCE OUTPUT [--beam N] [--expected FILE] [--forced FILE]

Each line gets the maximal length that coldstart gives it by default. With --expected, coldstart's translations, it prints how many lines are
equal, how many differ where a translation has the maximal length, and the others. --forced names lines of JSON with the ids of a source
(`src`) and a translation (`trg`), each ending with </s>, and coldstart's log-probabilities of the translation's tokens (`scores`): the largest
difference is printed.
"""

import argparse
import collections
import json
import math
import os

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedTokenizerFast

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("source")
parser.add_argument("output")
parser.add_argument("--beam", type=int, default=1)
parser.add_argument("--expected")
parser.add_argument("--forced")
args = parser.parse_args()
torch.set_num_threads(1)


def read_lines(name):
    return open(name, encoding="utf-8").read().split("\n")[:-1]


source = AutoTokenizer.from_pretrained(args.folder)
own = os.path.join(args.folder, "target_tokenizer.json")
target = PreTrainedTokenizerFast(tokenizer_file=own) if os.path.exists(own) else source
model, loading = AutoModelForSeq2SeqLM.from_pretrained(args.folder, output_loading_info=True)
model.eval()
unexpected = {key: sorted(value) for key, value in loading.items() if value and "missing" not in key}
missing = [name for name in loading["missing_keys"] if "embed_positions" not in name]
assert not unexpected and not missing, (unexpected, missing)

inputs = [source(line).input_ids for line in read_lines(args.source)]
by_length = collections.defaultdict(list)
for i, ids in enumerate(inputs):
    by_length[math.floor(1.2 * len(ids) + 10)].append(i)
found = [""] * len(inputs)
cut = set()
with torch.no_grad():
    for length, indices in by_length.items():
        for start in range(0, len(indices), 32):
            some = indices[start : start + 32]
            batch = source.pad({"input_ids": [inputs[i] for i in some]}, return_tensors="pt")
            settings = {"num_beams": args.beam, "do_sample": False, "max_new_tokens": length + 1}
            if args.beam == 1:
                settings |= {"length_penalty": None, "early_stopping": None}
            for i, ids in zip(some, model.generate(**batch, **settings).tolist()):
                ids = ids[1 : ids.index(2, 1) if 2 in ids[1:] else len(ids)]
                if len(ids) >= length:
                    cut.add(i)
                found[i] = target.decode(ids, skip_special_tokens=False)
open(args.output, "w", encoding="utf-8").write("".join(f"{line}\n" for line in found))
report = {}
if args.expected:
    expected = read_lines(args.expected)
    assert len(expected) == len(found), (len(expected), len(found))
    unequal = [i for i in range(len(found)) if found[i] != expected[i]]
    different = [{"line": i + 1, "found": found[i], "expected": expected[i]} for i in unequal if i not in cut]
    report |= {
        "lines": len(found),
        "equal": len(found) - len(unequal),
        "cut": len(unequal) - len(different),
        "different": different[:10],
    }
if args.forced:
    largest = 0
    for line in read_lines(args.forced):
        pair = json.loads(line)
        with torch.no_grad():
            logits = model(
                input_ids=torch.tensor([pair["src"]]),
                decoder_input_ids=torch.tensor([[2, *pair["trg"][:-1]]]),
                use_cache=False,
            ).logits.float()
        scores = torch.log_softmax(logits[0], -1).gather(1, torch.tensor(pair["trg"])[:, None])[:, 0]
        largest = max(largest, (scores - torch.tensor(pair["scores"])).abs().max().item())
    report["largestDifference"] = largest
print(json.dumps(report, ensure_ascii=False, indent=1))
