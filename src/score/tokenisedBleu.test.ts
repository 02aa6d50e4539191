import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { assertClose, fixtureVersion, readFixture } from '../../test/sacrebleuFixtures.js';
import { formatSignature, signatureFields } from './signature.js';
import { corpusTokenisedBleu, formatMultiBleu, joinUnits, tokenisedBleu } from './tokenisedBleu.js';

interface Case {
  id: string;
  lowercase: boolean;
  hyps_bpe: string[];
  refs: string[][];
  hyps_sha256: string;
  multi_bleu_perl: string;
  sacrebleu: {
    score: number;
    precisions: number[];
    bp: number;
    sys_len: number;
    ref_len: number;
    counts: number[];
    totals: number[];
    signature: string;
  };
  fairseq?: { score: number; matches: number[]; counts: number[] };
}

test("tokenised BLEU equals multi-bleu.perl's, fairseq's and sacreBLEU's", () => {
  const { cases } = readFixture<{ cases: Case[] }>('tokenised_bleu.json');
  for (const {
    id,
    lowercase,
    hyps_bpe: hyps,
    refs,
    hyps_sha256: checksum,
    multi_bleu_perl: printed,
    sacrebleu,
    fairseq,
  } of cases) {
    const joined = hyps.map((hyp) => joinUnits(hyp));
    assert.equal(
      createHash('sha256')
        .update(joined.map((line) => `${line}\n`).join(''))
        .digest('hex'),
      checksum,
      id,
    );
    const found = corpusTokenisedBleu(hyps, refs, { lowercase });
    assertClose(found.score, sacrebleu.score, id);
    found.precisions.forEach((value, n) => assertClose(value, sacrebleu.precisions[n], `${id} precision ${n + 1}`));
    assertClose(found.bp, sacrebleu.bp, id);
    assert.deepEqual(
      [found.sysLen, found.refLen, found.counts, found.totals],
      [sacrebleu.sys_len, sacrebleu.ref_len, sacrebleu.counts, sacrebleu.totals],
      id,
    );
    assert.equal(formatMultiBleu(found), printed, id);
    if (fairseq) {
      assertClose(found.score, fairseq.score, `${id} fairseq`);
      assert.deepEqual([found.counts, found.totals], [fairseq.matches, fairseq.counts], id);
    }
    const fields = signatureFields(tokenisedBleu({ lowercase }).signatureFields, {
      numRefs: refs.length,
      version: fixtureVersion,
    });
    assert.equal(formatSignature(fields), sacrebleu.signature);
  }
  assert.equal(cases.length, 7);
});
