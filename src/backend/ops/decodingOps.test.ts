import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { dispose, memory, setBackend, tensor, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { ShapeError } from '../../errors.js';
import { selectBackend } from '../select.js';
import { testBackends } from '../../../test/testBackends.js';
import { cachedAttention } from './cachedAttention.js';
import { slowAttention } from '../../../test/slowOps.js';
import { topLogProbs, type TopLogProbs } from './topLogProbs.js';

/** Reproducible numbers in about [-1.5, 1.5]. */
function numbers(count: number, salt: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => 1.5 * Math.sin(12.9898 * (i + 1) + 78.233 * salt));
}

function assertClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(found.length, expected.length, `${what}: length`);
  for (let i = 0; i < expected.length; i++) {
    const isSame =
      found[i] === expected[i] || Math.abs(found[i] - expected[i]) <= tolerance * (1 + Math.abs(expected[i]));
    assert.ok(isSame, `${what}[${i}]: found ${found[i]}, expected ${expected[i]}`);
  }
}

/** Log-softmax of each row of hidden · embeddingᵀ, in float64. */
function slowLogProbs(hidden: Float32Array, embedding: Float32Array, d: number): number[][] {
  return Array.from({ length: hidden.length / d }, (_, n) => {
    const logits = Array.from({ length: embedding.length / d }, (_unused, v) => {
      let logit = 0;
      for (let i = 0; i < d; i++) logit += hidden[n * d + i] * embedding[v * d + i];
      return logit;
    });
    const most = Math.max(...logits);
    const normaliser = most + Math.log(logits.reduce((total, logit) => total + Math.exp(logit - most), 0));
    return logits.map((logit) => logit - normaliser);
  });
}

for (const backend of testBackends) {
  describe(`decoding ops on ${backend}`, () => {
    before(() => selectBackend(backend));
    const check = (name: string, run: () => void | Promise<void>): void =>
      void test(name, async () => {
        await setBackend(backend);
        const start = memory().numTensors;
        await run();
        assert.equal(memory().numTensors, start);
      });

    const shapes = fc.record({
      rows: fc.integer({ min: 1, max: 9 }),
      vocabSize: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 500, max: 1100 })),
      d: fc.integer({ min: 1, max: 20 }),
      count: fc.integer({ min: 1, max: 12 }),
      salt: fc.nat(1000),
      numExcluded: fc.nat(2),
    });
    check('topLogProbs lists the most probable tokens that are allowed', () =>
      fc.assert(
        fc.asyncProperty(shapes, async ({ rows, vocabSize, d, count, salt, numExcluded }) => {
          const hidden = numbers(rows * d, salt);
          const embedding = numbers(vocabSize * d, salt + 1);
          const endToken = salt % vocabSize;
          const excluded = [endToken, (7 * salt) % vocabSize].slice(0, numExcluded);
          let reading!: Promise<TopLogProbs>;
          tidy(() => {
            reading = topLogProbs(tensor(hidden, [rows, d]), tensor(embedding, [vocabSize, d]), {
              count,
              endToken,
              excluded,
            });
          });
          const found = await reading;
          slowLogProbs(hidden, embedding, d).forEach((logProbs, row) => {
            const allowed = logProbs
              .flatMap((logProb, token) => (excluded.includes(token) ? [] : [logProb]))
              .sort((a, b) => b - a);
            const expected = Array.from({ length: count }, (_, i) => allowed[i] ?? -Infinity);
            assertClose(found.logProbs.subarray(row * count, (row + 1) * count), expected, 1e-5, `row ${row}`);
            const tokens = found.tokens.subarray(row * count, (row + 1) * count);
            // nearly equal ones may come in any order, so each token is compared with its own log-probability
            assertClose(
              Array.from(tokens, (token) => (token < 0 ? -Infinity : logProbs[token])),
              expected,
              1e-5,
              `tokens of row ${row}`,
            );
            const listed = [...tokens].filter((token) => token >= 0);
            assert.equal(new Set(listed).size, Math.min(count, allowed.length));
            assert.ok(listed.every((token) => !excluded.includes(token)));
            assertClose([found.endLogProbs[row]], [logProbs[endToken]], 1e-5, `end of row ${row}`);
          });
        }),
        { seed: 3, numRuns: 40 },
      ),
    );

    check(
      'topLogProbs puts the smaller of equal tokens first, survives large logits, and shows rows that are not numbers',
      async () => {
        const hidden = tensor([[1], [1000], [NaN]]);
        const embedding = tensor([1, 3, 2, 3, 2, 3, 0], [7, 1]);
        const { logProbs, tokens, endLogProbs } = await topLogProbs(hidden, embedding, {
          count: 4,
          endToken: 2,
          excluded: [3],
        });
        dispose([hidden, embedding]);
        assert.deepEqual([...tokens.subarray(0, 8)], [1, 5, 2, 4, 1, 5, 2, 4]);
        assertClose(
          logProbs.subarray(4, 8),
          [-Math.log(3), -Math.log(3), -1000 - Math.log(3), -1000 - Math.log(3)],
          1e-4,
          'large logits',
        );
        assert.ok(Number.isFinite(endLogProbs[0]) && Number.isNaN(endLogProbs[2]));
      },
    );

    check('topLogProbs of more rows and tokens than a block', async () => {
      const [rows, vocabSize] = [530, 1030];
      const hidden = Float32Array.from({ length: rows }, (_, i) => 1 + i / rows);
      const embedding = Float32Array.from({ length: vocabSize }, (_, v) => ((v * 389) % vocabSize) / vocabSize); // a permutation
      const tensors = [tensor(hidden, [rows, 1]), tensor(embedding, [vocabSize, 1])];
      const { tokens, logProbs, endLogProbs } = await topLogProbs(tensors[0], tensors[1], {
        count: 3,
        endToken: vocabSize - 1,
        excluded: [],
      });
      dispose(tensors);
      const best = [1, 2, 3].map((rank) => embedding.indexOf(Math.fround((vocabSize - rank) / vocabSize)));
      for (let row = 0; row < rows; row++) assert.deepEqual([...tokens.subarray(3 * row, 3 * row + 3)], best);
      const last = slowLogProbs(hidden.subarray(rows - 1), embedding, 1)[0];
      assertClose(
        logProbs.subarray(-3),
        best.map((token) => last[token]),
        1e-5,
        'last row',
      );
      assertClose(endLogProbs.subarray(-1), last.slice(-1), 1e-5, 'end');
    });

    // heads of 4, and of 16 as vectors are wide
    for (const [dModel, numHeads] of [
      [12, 3],
      [32, 2],
    ])
      check(`cachedAttention sees what each row descends from, ${numHeads} heads of ${dModel / numHeads}`, () =>
        tidy(() => {
          const rowsOfSteps = [2, 5, 3, 4];
          const steps = rowsOfSteps.length;
          const keys = rowsOfSteps.map((rows, t) => tensor(numbers(rows * dModel, t + 1), [rows, dModel]));
          const values = rowsOfSteps.map((rows, t) => tensor(numbers(rows * dModel, t + 10), [rows, dModel]));
          const ancestors = Int32Array.from([0, 4, 1, 0, 1, 0, 2, 1, 1, 0, 0, 2, 0, 3, 2, 3]);
          const q = tensor(numbers(4 * dModel, 20), [4, dModel]);
          const gathered = (parts: Tensor[]) =>
            [0, 1, 2, 3].flatMap((row) =>
              parts.flatMap((part, t) => {
                const ancestor = ancestors[row * steps + t];
                return [...part.dataSync().subarray(ancestor * dModel, (ancestor + 1) * dModel)];
              }),
            );
          const expected = slowAttention(q.dataSync(), gathered(keys), gathered(values), [4, 4, 4, 4], undefined, {
            batch: 4,
            queryLength: 1,
            keyLength: steps,
            numHeads,
            causal: false,
          });
          assertClose(
            cachedAttention(q, { keys, values, ancestors }, numHeads).dataSync(),
            expected,
            1e-5,
            'cachedAttention',
          );
          assert.throws(
            () => cachedAttention(q, { keys, values, ancestors: ancestors.subarray(1) }, numHeads),
            ShapeError,
          );
          if (backend === 'native')
            assert.throws(
              () => cachedAttention(q, { keys, values, ancestors: ancestors.map((row) => row + 1) }, numHeads),
              /ancestor 2 is not in \[0, 1\]/,
            );
        }),
      );
  });
}
