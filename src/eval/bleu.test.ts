import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { corpusBleu, type BleuOptions } from './bleu.js';

const folder = fileURLToPath(new URL('../../../shared/fixtures/text/sacrebleu', import.meta.url));
const skip = existsSync(folder) ? false : `no reference numbers at ${folder}`;
const plain: BleuOptions = { tokenize: '13a', lowercase: false, smoothMethod: 'exp' };

test('corpus BLEU equals sacreBLEU\'s', { skip }, () => {
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  const { sets } = read('sets.json') as { sets: Record<string, { hyps: string[]; refs: (string | null)[][] }> };
  const { cases } = read('bleu.json') as { cases: { id: string; set: string; options: Record<string, unknown>; expected: Record<string, number & number[]> }[] };
  let compared = 0;
  for (const { id, set, options, expected } of cases) {
    const { tokenize = '13a', lowercase = false, smooth_method: smoothMethod = 'exp', ...others } = options;
    if (!['13a', 'none'].includes(tokenize as string) || !['exp', 'none'].includes(smoothMethod as string) || Object.keys(others).length > 0) continue;
    const found = corpusBleu(sets[set].hyps, sets[set].refs, { tokenize, lowercase, smoothMethod } as BleuOptions);
    for (const key of ['score', 'bp', 'ratio', 'sys_len', 'ref_len'] as const) {
      const value = { ...found, sys_len: found.sysLen, ref_len: found.refLen }[key];
      assert.ok(Math.abs(value - expected[key]) <= 1e-9, `${id} ${key}: found ${value}, expected ${expected[key]}`);
    }
    found.precisions.forEach((value, n) => assert.ok(Math.abs(value - expected.precisions[n]) <= 1e-9, `${id} precision ${n + 1}`));
    assert.deepEqual(found.counts, expected.counts, id);
    assert.deepEqual(found.totals, expected.totals, id);
    compared++;
  }
  assert.ok(compared >= 20, `${compared} cases compared`);
});

test('known answers', () => {
  assert.equal(corpusBleu(['the cat sat on the mat .'], [['the cat sat on the mat .']], plain).score.toFixed(2), '100.00');
  assert.equal(corpusBleu(['a b c d'], [['x y z w']], plain).score, 0);
  const clipped = corpusBleu(['the the the the the the the'], [['the cat is on the mat']], { ...plain, tokenize: 'none' });
  assert.deepEqual(clipped.counts, [2, 0, 0, 0]); // Papineni et al. 2002, section 2.1
  assert.throws(() => corpusBleu(['a', 'b'], [['a']], plain), /hypothesis has 2 lines, reference 1 has 1/);
});
