import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BeamMatrix } from './bandMatrix.js';
import { BitParallelDistance } from './bitParallelDistance.js';
import { Edit } from './edit.js';
import { BeamEditDistance } from './editDistance.js';

/** Edit distance by the textbook matrix; with a beam, cells outside it are left out. */
function slowDistance(
  hyp: readonly number[],
  ref: readonly number[],
  inBeam: (i: number, j: number) => boolean = () => true,
): number {
  let above = Array.from({ length: ref.length + 1 }, (_, j) => j);
  for (let i = 1; i <= hyp.length; i++) {
    const row: number[] = [];
    for (let j = 0; j <= ref.length; j++) {
      const cost = Math.min(
        above[j] + 1,
        j > 0 ? row[j - 1] + 1 : Infinity,
        j > 0 ? above[j - 1] + (hyp[i - 1] === ref[j - 1] ? 0 : 1) : Infinity,
      );
      row.push(inBeam(i, j) ? cost : Infinity);
    }
    above = row;
  }
  return above[ref.length];
}

/** Two texts, the second a damaged copy, and a rearrangement of the first. */
const cases = (maxLength: number) =>
  fc
    .tuple(
      fc.array(fc.nat(6), { minLength: 1, maxLength }),
      fc.array(fc.nat(6), { minLength: 1, maxLength }),
      fc.nat(1000),
      fc.nat(1000),
    )
    .map(([hyp, ref, a, b]) => {
      const [first, last] = [a % hyp.length, b % hyp.length].sort((x, y) => x - y);
      return {
        hyp,
        ref,
        first,
        end: last + 1,
        moved: [...hyp.slice(0, first), hyp[last], ...hyp.slice(first, last), ...hyp.slice(last + 1)],
      };
    });

test('bit-parallel distance equals the textbook matrix', () => {
  fc.assert(
    fc.property(cases(100), ({ hyp, ref, moved, first, end }) => {
      const distances = new BitParallelDistance(hyp.length, ref, 7);
      distances.setCurrent(hyp);
      assert.equal(distances.distance(moved, first, end), slowDistance(moved, ref));
      assert.equal(distances.distance(hyp, 0, 0), slowDistance(hyp, ref));
    }),
    { numRuns: 300 },
  );
});

test('distance within the beam equals the matrix without the cells outside', () => {
  fc.assert(
    fc.property(cases(120), ({ hyp, ref, moved, first, end }) => {
      const [n, m] = [hyp.length, ref.length];
      const width = 25 < m / n / 2 ? Math.ceil(m / n / 2 + 25) : 25;
      const inBeam = (i: number, j: number): boolean => {
        const diagonal = Math.floor(i * (m / n));
        return j >= diagonal - width && (i === n || j < diagonal + width);
      };
      const distances = new BeamEditDistance(n, ref, 7);
      assert.equal(distances.setCurrent(hyp), slowDistance(hyp, ref, inBeam));
      assert.equal(distances.distance(moved, first, end), slowDistance(moved, ref, inBeam));
    }),
    { numRuns: 300 },
  );
});

test('edits from bit vectors are those of the matrix', () => {
  fc.assert(
    fc.property(cases(40), ({ hyp, ref }) => {
      const plain = new BitParallelDistance(hyp.length, ref, 7);
      const matrix = new BeamMatrix(hyp.length, ref);
      const distance = plain.setCurrent(hyp);
      if (distance !== matrix.setCurrent(hyp)) return; // the beam excludes the cheapest path
      assert.deepEqual(plain.path(hyp), matrix.path());
      assert.equal(plain.path(hyp).filter((edit) => edit !== Edit.keep).length, distance);
    }),
    { numRuns: 500 },
  );
});
