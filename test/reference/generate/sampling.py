# Splits drawn by SentencePiece and subword-nmt, for the tests of sampling: sentencepiece/sampling.json.
# Usage: python3 sampling.py test/reference/text > test/reference/text/sentencepiece/sampling.json
import collections
import gzip
import io
import json
import random
import sys
from importlib.metadata import version

import sentencepiece as spm
from subword_nmt.apply_bpe import BPE

ref = sys.argv[1]
uni = spm.SentencePieceProcessor(model_file=ref + '/sentencepiece/m30k.unigram.4000.model')
bpe = spm.SentencePieceProcessor(model_file=ref + '/sentencepiece/m30k.bpe.4000.model')
texts = ['A skateboarder jumps over the stairs.', 'Zwei Männer grillen im Hinterhof', 'children']
nbest = {t: [' '.join(x) for x in uni.nbest_encode_as_pieces(t, 8)] for t in texts}


def freq(proc, text, n, **kw):
    c = collections.Counter(' '.join(proc.encode(text, out_type=str, enable_sampling=True, **kw)) for _ in range(n))
    return {k: v / n for k, v in c.most_common(6)}


N = 200000
all_splits = freq(uni, 'children', N, alpha=0.5, nbest_size=-1)
of_eight = freq(uni, 'children', N, alpha=0.5, nbest_size=8)
merges = freq(bpe, 'children playing', N, alpha=0.1, nbest_size=-1)
codes = gzip.open(ref + '/subword/multi30k.codes.gz', 'rt', encoding='utf8').read()
b = BPE(io.StringIO(codes))
random.seed(1)


def bfreq(text, p, n):
    c = collections.Counter()
    units = 0
    for _ in range(n):
        s = b.process_line(text, p)
        units += len(s.split())
        c[s] += 1
    return {'meanUnits': units / n, 'splits': {k: v / n for k, v in c.most_common(6)}}


out = {
    'tools': {'sentencepiece': spm.__version__, 'subword-nmt': version('subword-nmt'), 'samples': N},
    'nbest': nbest,
    'unigram': {'text': 'children', 'alpha': 0.5, 'all': all_splits, 'ofEight': of_eight},
    'merges': {'text': 'children playing', 'dropout': 0.1, 'splits': merges},
    'subwordNmt': {'text': 'a skateboarder jumps', 'dropout': 0.1, **bfreq('a skateboarder jumps', 0.1, N // 4)},
}
print(json.dumps(out, ensure_ascii=False, indent=1))
