import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { TopCandidates } from './topCandidates.js';

test('candidates are the best of all continuations, equal ones in the order seen', () => {
  const score = fc.integer({ min: -4, max: 4 }); // small integers: many ties, no rounding
  fc.assert(fc.property(fc.array(fc.record({ logits: fc.array(score, { minLength: 3, maxLength: 3 }), total: score }), { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 8 }), (hypotheses, capacity) => {
    const logits = Float32Array.from(hypotheses.flatMap((hypothesis) => hypothesis.logits));
    const top = new TopCandidates(capacity);
    hypotheses.forEach(({ total }, i) => top.consider(logits, 3 * i, 0, 3, 2, total, i));
    const all = hypotheses.flatMap(({ logits: own, total }, hypothesis) => own.map((logit, token) => ({ total: total + (logit - 2), logProb: logit - 2, hypothesis, token })));
    assert.deepEqual(top.list(), all.sort((a, b) => b.total - a.total).slice(0, capacity));
  }));
});

test('only the given tokens are considered, and clear forgets', () => {
  const top = new TopCandidates(2);
  top.consider(Float32Array.of(9, 1, 3, 2), 0, 1, 4, 0, 0, 0);
  assert.deepEqual(top.list().map(({ token }) => token), [2, 3]);
  top.clear();
  assert.deepEqual(top.list(), []);
});
