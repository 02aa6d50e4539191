import { test } from 'node:test';
import fc from 'fast-check';
import * as tf from '@tensorflow/tfjs-core';
import { adamStep } from '../src/backend/ops/adamStep.js';
import { attention } from '../src/backend/ops/attention.js';
import { labelSmoothedCrossEntropy } from '../src/backend/ops/crossEntropy.js';
import { dropout } from '../src/backend/ops/dropout.js';
import type { DropoutDraw } from '../src/backend/ops/dropoutDraw.js';
import { embedTokens } from '../src/backend/ops/embedding.js';
import { layerNorm, residualLayerNorm } from '../src/backend/ops/layerNorm.js';
import { linear, linears } from '../src/backend/ops/linear.js';
import { rowLogSumExp } from '../src/backend/ops/rowLogSumExp.js';
import { sgdStep } from '../src/backend/ops/sgdStep.js';
import { squaredNorms } from '../src/backend/ops/squaredNorm.js';
import { assertAsCpu, filled, type Value } from './compareWithCpu.js';

/** Sizes around the widths of vectors, where remainder loops begin and end. */
const size = fc.constantFrom(1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 65);
const rows = fc.constantFrom(1, 2, 5, 16, 67);
const seed = fc.nat(1e6);
const draw: fc.Arbitrary<DropoutDraw | undefined> = fc.option(
  fc.record({
    rate: fc.constantFrom(0.1, 0.5),
    seed: fc.nat(),
    step: fc.nat(1000),
    microBatch: fc.nat(3),
    site: fc.nat(20),
  }),
  { nil: undefined },
);

/** An operation's result, and the gradients of all inputs with a gradient of ones times 1, 2, 3, … flowing in. */
function withGradients(f: (...x: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[]): tf.Tensor[] {
  const y = f(...inputs);
  const dy = tf.reshape(tf.add(tf.mul(tf.range(0, y.size), 0.1), 1), y.shape);
  return [y, ...tf.grads(f)(inputs, tf.div(dy, Math.max(1, 0.05 * y.size)))];
}

const positions = (count: number, below: number, from: number): Value => ({
  shape: [count],
  dtype: 'int32',
  values: Array.from({ length: count }, (_, i) => (from + 5 * i) % below),
});

/**
 * Tests every fused kernel of a backend, values and gradients, against its twin on the cpu backend. @param numRuns
 * inputs of each
 */
export function testFusedKernels(backend: string, numRuns: number): void {
  const runs = { numRuns };
  const assertSame = (
    what: string,
    inputs: Value[],
    f: (...x: tf.Tensor[]) => tf.Tensor | tf.Tensor[],
    tolerance: number,
  ): Promise<void> => assertAsCpu(what, inputs, f, tolerance, backend);

  test('linear', () =>
    fc.assert(
      fc.asyncProperty(
        rows,
        size,
        size,
        fc.boolean(),
        fc.boolean(),
        draw,
        seed,
        (n, inSize, outSize, relu, hasBias, drop, from) =>
          assertSame(
            'linear',
            [filled([n, inSize], from), filled([outSize, inSize], from + 1), filled([outSize], from + 2)],
            (x, weight, bias) =>
              withGradients(
                (a, w, b) => linear(a, w, b, { relu, dropout: drop }),
                hasBias ? [x, weight, bias] : [x, weight],
              ),
            1e-4,
          ),
      ),
      runs,
    ));

  test('linears', () =>
    fc.assert(
      fc.asyncProperty(rows, size, size, fc.integer({ min: 1, max: 3 }), seed, (n, inSize, outSize, count, from) =>
        assertSame(
          'linears',
          [
            filled([n, inSize], from),
            ...Array.from({ length: count }, (_, i) => filled([outSize, inSize], from + i)),
            ...Array.from({ length: count }, (_, i) => filled([outSize], from + 9 + i)),
          ],
          (...inputs) =>
            withGradients((x, ...rest) => tf.concat(linears(x, rest.slice(0, count), rest.slice(count)), 1), inputs),
          1e-4,
        ),
      ),
      runs,
    ));

  test('layerNorm and residualLayerNorm', () =>
    fc.assert(
      fc.asyncProperty(
        rows,
        size.filter((d) => d > 1),
        draw,
        seed,
        (n, d, drop, from) =>
          assertSame(
            'layerNorm',
            [filled([n, d], from), filled([n, d], from + 1), filled([d], from + 2), filled([d], from + 3)],
            (x, residual, gamma, beta) => [
              ...withGradients((a, g, b) => layerNorm(a, g, b, 1e-2), [x, gamma, beta]),
              ...withGradients((a, r, g, b) => residualLayerNorm(a, r, g, b, 1e-2, drop), [x, residual, gamma, beta]),
            ],
            5e-4,
          ),
      ),
      runs,
    ));

  test('attention', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(1, 3, 8, 16, 17, 20),
        fc.constantFrom(1, 2, 15, 16, 17, 33, 70),
        fc.constantFrom(1, 5, 16, 17, 66),
        fc.boolean(),
        draw,
        seed,
        (batch, numHeads, dHead, keyLength, otherLength, causal, drop, from) => {
          const queryLength = causal ? keyLength : otherLength;
          const d = numHeads * dHead;
          const lengths: Value = {
            shape: [batch],
            dtype: 'int32',
            values: Array.from({ length: batch }, (_, i) => 1 + ((from + 7 * i) % keyLength)),
          };
          return assertSame(
            'attention',
            [
              filled([batch * queryLength, d], from),
              filled([batch * keyLength, d], from + 1),
              filled([batch * keyLength, d], from + 2),
              lengths,
            ],
            (q, k, v, keyLengths) =>
              withGradients(
                (a, b, c) =>
                  attention(a, b, c, {
                    batch,
                    queryLength,
                    keyLength,
                    numHeads,
                    keyLengths: keyLengths as tf.Tensor1D,
                    causal,
                    dropout: drop,
                  }),
                [q, k, v],
              ),
            3e-4,
          );
        },
      ),
      runs,
    ));

  test('embedTokens', () =>
    fc.assert(
      fc.asyncProperty(rows, size, size, seed, (n, vocab, d, from) =>
        assertSame(
          'embedTokens',
          [positions(n, vocab, from), filled([vocab, d], from)],
          (ids, table) => withGradients((t) => embedTokens(ids, t, { scale: 1.5, padId: from % 3 }), [table]),
          1e-4,
        ),
      ),
      runs,
    ));

  // 300 rows: more than one block of them
  test('labelSmoothedCrossEntropy', () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof({ weight: 5, arbitrary: rows }, { weight: 1, arbitrary: fc.constantFrom(256, 300) }),
        size.filter((v) => v > 1),
        size,
        fc.constantFrom(0, 0.1),
        seed,
        (n, vocab, d, labelSmoothing, from) =>
          assertSame(
            'crossEntropy',
            [filled([n, d], from, 'float32', 1), filled([vocab, d], from + 1, 'float32', 1), positions(n, vocab, from)],
            (hidden, embedding, targets) => {
              const options = { labelSmoothing, padId: 1 };
              const { nllSum } = labelSmoothedCrossEntropy(hidden, embedding, targets, options);
              return [
                nllSum,
                ...withGradients(
                  (h, e) => labelSmoothedCrossEntropy(h, e, targets, options).lossSum,
                  [hidden, embedding],
                ),
              ];
            },
            1e-4,
          ),
      ),
      runs,
    ));

  test('dropout, rowLogSumExp, squaredNorms', () =>
    fc.assert(
      fc.asyncProperty(rows, size, draw, seed, (n, d, drop, from) =>
        assertSame(
          'others',
          [filled([n, d], from), filled([d], from + 1)],
          (x, y) => [
            ...withGradients((a) => tf.neg(dropout(a, drop)), [x]),
            rowLogSumExp(tf.mul(x, 20)),
            squaredNorms([x, y]),
          ],
          1e-4,
        ),
      ),
      runs,
    ));

  test('steps of the optimisers', () =>
    fc.assert(
      fc.asyncProperty(size, size, fc.constantFrom(0, 0.9), fc.boolean(), seed, (a, b, momentum, nesterov, from) =>
        assertSame(
          'steps',
          [0, 1, 2, 3].flatMap((i) => [filled([a, b], from + 2 * i), filled([b], from + 2 * i + 1)]),
          (...tensors) => {
            const [params, gradients, first, second] = [0, 1, 2, 3].map((i) => tensors.slice(2 * i, 2 * i + 2));
            // a step takes ownership of its inputs
            const copies = (list: tf.Tensor[]): tf.Tensor[] => list.map((x) => tf.add(x, 0));
            const adam = adamStep(
              copies(params),
              copies(gradients),
              copies(first),
              second.map((x) => tf.square(x)),
              { lr: 0.01, beta1: 0.9, beta2: 0.98, eps: 1e-8, gradientScale: 0.5, weightDecay: 0.1, step: 3 },
            );
            const sgd = sgdStep(copies(params), copies(gradients), momentum === 0 ? undefined : copies(first), {
              lr: 0.1,
              momentum,
              nesterov: nesterov && momentum > 0,
              weightDecay: 0.01,
              gradientScale: 2,
            });
            return [...Object.values(adam), ...Object.values(sgd)]
              .filter((list) => list !== undefined)
              .flat() as tf.Tensor[];
          },
          1e-4,
        ),
      ),
      runs,
    ));
}
