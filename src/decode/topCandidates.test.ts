import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { TopCandidates } from './topCandidates.js';

test('candidates are the best of all continuations, equal ones in the order seen', () => {
  const score = fc.integer({ min: -4, max: 4 }); // small integers: many ties, no rounding
  fc.assert(
    fc.property(fc.array(score, { maxLength: 30 }), fc.integer({ min: 1, max: 8 }), (totals, capacity) => {
      const top = new TopCandidates(capacity);
      const all = totals.map((total, i) => ({ total, logProb: -i, hypothesis: i % 3, token: i }));
      const sorted = (seen: number) =>
        all
          .slice(0, seen)
          .sort((a, b) => b.total - a.total)
          .slice(0, capacity);
      all.forEach((candidate, i) => {
        const isAmongBest = top.consider(candidate.total, candidate.logProb, candidate.hypothesis, candidate.token);
        assert.equal(isAmongBest, sorted(i + 1).includes(candidate));
      });
      assert.deepEqual(top.list(), sorted(all.length));
    }),
  );
});
