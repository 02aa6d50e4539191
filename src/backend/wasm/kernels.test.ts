import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import {
  cast,
  concat,
  engine,
  exp,
  fill,
  grads,
  matMul,
  memory,
  mul,
  reshape,
  setBackend,
  sign,
  sum,
  tensor,
  tidy,
  tile,
  transpose,
  type Scalar,
  type Tensor,
  type Tensor1D,
} from '@tensorflow/tfjs-core';
import { ColdstartError } from '../../errors.js';
import { adamStep } from '../ops/adamStep.js';
import { attention } from '../ops/attention.js';
import { labelSmoothedCrossEntropy } from '../ops/crossEntropy.js';
import { dropout } from '../ops/dropout.js';
import { embedTokens } from '../ops/embedding.js';
import { layerNorm, residualLayerNorm } from '../ops/layerNorm.js';
import { linear, linears } from '../ops/linear.js';
import { sgdStep } from '../ops/sgdStep.js';
import { squaredNorms, totalSquaredNorm } from '../ops/squaredNorm.js';
import { selectBackend } from '../select.js';
import { instantiateKernels } from './compiledKernels.js';

/** Every kernel of the wasm backend against the composed twin on the cpu backend, on random shapes. */
type Inputs = { values: Float32Array; shape: number[] }[];

function numbers(count: number, salt: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => 1.5 * Math.sin(12.9898 * (i + 1) + 78.233 * salt));
}

function inputsOf(...shapes: number[][]): Inputs {
  return shapes.map((shape, i) => ({
    shape,
    values: numbers(
      shape.reduce((a, b) => a * b, 1),
      i + 1,
    ),
  }));
}

/** Values of `op` and gradients of a weighted sum of its outputs, on one backend. */
async function evaluate(
  backend: string,
  op: (...inputs: Tensor[]) => Tensor[],
  inputs: Inputs,
  differentiate: boolean,
): Promise<Float32Array[]> {
  await setBackend(backend);
  const before = { tensors: memory().numTensors, buffers: engine().backend.numDataIds() };
  const results = tidy(() => {
    const tensors = inputs.map(({ values, shape }) => tensor(values, shape));
    const outputs = op(...tensors).map((t) => t.dataSync().slice() as Float32Array);
    if (!differentiate) return outputs;
    const weighted = (...x: Tensor[]) =>
      sum(concat(op(...x).map((y, i) => reshape(mul(y, tensor(numbers(y.size, 50 + i), y.shape)), [-1])))) as Scalar;
    return [...outputs, ...grads(weighted)(tensors).map((t) => t.dataSync().slice() as Float32Array)];
  });
  assert.deepEqual({ tensors: memory().numTensors, buffers: engine().backend.numDataIds() }, before, 'leaked memory');
  return results;
}

async function assertSame(
  op: (...inputs: Tensor[]) => Tensor[],
  inputs: Inputs,
  differentiate = true,
  tolerance = 2e-4,
): Promise<void> {
  const expected = await evaluate('cpu', op, inputs, differentiate);
  const found = await evaluate('wasm', op, inputs, differentiate);
  assert.equal(found.length, expected.length);
  expected.forEach((values, which) => {
    const size = Math.max(1, Math.sqrt(values.reduce((total, value) => total + value * value, 0) / values.length));
    assert.equal(found[which].length, values.length);
    values.forEach((value, i) =>
      assert.ok(
        Math.abs(found[which][i] - value) <= tolerance * size,
        `result ${which}, element ${i}: found ${found[which][i]}, twin ${value}`,
      ),
    );
  });
}

/** Checks a property on a few dozen random shapes, the same on every run. */
async function forShapes<T>(
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  check: (shape: T) => Promise<void>,
  numRuns = 25,
): Promise<void> {
  await selectBackend('cpu');
  await selectBackend('wasm');
  await fc.assert(fc.asyncProperty(fc.record(arbitraries) as fc.Arbitrary<T>, check), {
    seed: 7,
    numRuns,
    includeErrorInReport: true,
  });
}

const size = (max: number) => fc.integer({ min: 1, max });
const maybeDraw = fc.option(
  fc.record({
    rate: fc.constantFrom(0.1, 0.5, 0.9),
    seed: fc.maxSafeNat(),
    step: fc.nat(1e6),
    microBatch: fc.nat(7),
    site: fc.nat(100),
  }),
  { nil: undefined },
);

test('matMul with any transposes, batches and sizes', () =>
  forShapes(
    {
      rows: size(40),
      columns: size(40),
      depth: fc.oneof(size(40), fc.constantFrom(256, 257, 300)),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
      batch: fc.constantFrom(
        [[], []],
        [
          [2, 3],
          [2, 3],
        ],
        [[3], [2, 3]],
        [[2], []],
        [[], [2]],
      ),
    },
    async ({ rows, columns, depth, transposeA, transposeB, batch }) => {
      const shapes = [
        [...batch[0], ...(transposeA ? [depth, rows] : [rows, depth])],
        [...batch[1], ...(transposeB ? [columns, depth] : [depth, columns])],
      ];
      await assertSame((a, b) => [matMul(a, b, transposeA, transposeB)], inputsOf(...shapes));
    },
  ));

test('matMul repeats every operand along its missing and single dimensions', async () => {
  await selectBackend('wasm');
  tidy(() => {
    const product = matMul(tensor([1, 2, 3], [3, 1, 1]), tensor([10, 20], [2, 1, 1, 1]));
    assert.deepEqual(product.shape, [2, 3, 1, 1]);
    assert.deepEqual([...product.dataSync()], [10, 20, 30, 20, 40, 60]);
  });
});

test('kernels see memory that has grown', async () => {
  await selectBackend('wasm');
  tidy(() => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const filler = [1, 2, 3, 4].map((value) => fill([2 ** 22], value)); // 64 MiB, more than the backend starts with
    const y = linear(x, tensor([[1, 1]]));
    assert.deepEqual([...y.dataSync()], [3, 7]);
    assert.equal(totalSquaredNorm(squaredNorms(filler).dataSync()), 30 * 2 ** 22);
  });
});

test('running out of memory is an error that says what to do', async () => {
  await selectBackend('wasm');
  assert.throws(
    () => fill([2 ** 30], 1),
    (error) =>
      error instanceof ColdstartError &&
      error.code === 'OUT_OF_MEMORY' &&
      /could not allocate 4096 MiB more/.test(error.message),
  );
  tidy(() => assert.deepEqual([...fill([2], 1).dataSync()], [1, 1]));
});

test('scratch beyond 4 GiB is refused, not wrapped around', async () => {
  const compiled = await instantiateKernels(
    await readFile(new URL('./kernels.wasm', import.meta.url)),
    new WebAssembly.Memory({ initial: 1 }),
  );
  assert.equal(compiled.packedBytes(2 ** 20, 1020), 2 ** 32);
  assert.equal(
    compiled.crossEntropyScratchBytes(262_144, 1024),
    compiled.gemmScratchBytes() + 2 * 2 ** 30 + 4 * 120 * 1024 + 4 * 120 * (262_144 + 2 * 1024 + 1),
  );
  assert.equal(
    compiled.crossEntropyHessianScratchBytes(262_144, 1024),
    compiled.gemmScratchBytes() + 4 * 2 ** 30 + 4 * 120 * 1024 + 4 * 120 * (2 * 262_144 + 3 * 1024 + 1),
  );
  assert.equal(
    compiled.attentionScratchBytes(20_000, 20_000, 1),
    compiled.gemmScratchBytes() + 4 * 20_000 * 8 + 3 * 4 * 20_000 ** 2,
  );
  await selectBackend('wasm');
  tidy(() => {
    const x = fill([20_000, 1], 1);
    const keyLengths = tensor([20_000], [1], 'int32') as Tensor1D;
    assert.throws(
      () =>
        attention(x, x, x, { batch: 1, queryLength: 20_000, keyLength: 20_000, numHeads: 1, keyLengths, causal: true }),
      (error) => error instanceof ColdstartError && error.code === 'OUT_OF_MEMORY',
    );
    assert.deepEqual([...linear(tensor([[1, 2]]), tensor([[3, 4]])).dataSync()], [11]);
  });
});

test('matMul over more rows than a block', () =>
  forShapes(
    { columns: size(20) },
    ({ columns }) => assertSame((a, b) => [matMul(a, b)], inputsOf([203, 33], [33, columns])),
    3,
  ));

test('linear and linears', () =>
  forShapes(
    { rows: size(30), inSize: size(30), outSize: size(30), relu: fc.boolean(), hasBias: fc.boolean(), draw: maybeDraw },
    async ({ rows, inSize, outSize, relu, hasBias, draw }) => {
      const shapes = [[rows, inSize], [outSize, inSize], ...(hasBias ? [[outSize]] : [])];
      await assertSame((x, weight, bias) => [linear(x, weight, bias, { relu, dropout: draw })], inputsOf(...shapes));
      await assertSame(
        (x, w0, w1, b0, b1) => linears(x, [w0, w1], [b0, b1]),
        inputsOf([rows, inSize], [outSize, inSize], [5, inSize], [outSize], [5]),
      );
    },
  ));

test('layer normalisation', () =>
  forShapes({ rows: size(20), d: fc.integer({ min: 2, max: 40 }), draw: maybeDraw }, async ({ rows, d, draw }) => {
    await assertSame((x, gamma, beta) => [layerNorm(x, gamma, beta, 1e-3)], inputsOf([rows, d], [d], [d]), true, 1e-3);
    await assertSame(
      (x, residual, gamma, beta) => [residualLayerNorm(x, residual, gamma, beta, 1e-3, draw)],
      inputsOf([rows, d], [rows, d], [d], [d]),
      true,
      1e-3,
    );
  }));

test('attention', () =>
  forShapes(
    {
      batch: size(3),
      queryLength: size(20),
      keyLength: size(20),
      numHeads: size(3),
      dHead: size(10),
      causal: fc.boolean(),
      lengths: fc.array(fc.nat(), { minLength: 3, maxLength: 3 }),
      draw: maybeDraw,
    },
    async ({ batch, queryLength, numHeads, dHead, causal, lengths, draw, ...sizes }) => {
      const keyLength = causal ? queryLength : sizes.keyLength;
      const keyLengths = lengths.slice(0, batch).map((n) => 1 + (n % keyLength));
      const options = { batch, queryLength, keyLength, numHeads, causal, dropout: draw };
      const d = numHeads * dHead;
      await assertSame(
        (q, k, v) => [attention(q, k, v, { ...options, keyLengths: tensor(keyLengths, [batch], 'int32') as Tensor1D })],
        inputsOf([batch * queryLength, d], [batch * keyLength, d], [batch * keyLength, d]),
      );
    },
    40,
  ));

test('label-smoothed cross-entropy, with pads and more rows than a block', () =>
  forShapes(
    {
      rows: fc.oneof(size(30), fc.constantFrom(119, 120, 121, 250)),
      vocabSize: fc.integer({ min: 2, max: 60 }),
      d: size(20),
      labelSmoothing: fc.constantFrom(0, 0.1),
      targets: fc.array(fc.nat(), { minLength: 250, maxLength: 250 }),
    },
    async ({ rows, vocabSize, d, labelSmoothing, targets }) => {
      const ids = Int32Array.from({ length: rows }, (_, i) => targets[i] % vocabSize);
      await assertSame(
        (hidden, embedding) => {
          const { lossSum } = labelSmoothedCrossEntropy(hidden, embedding, tensor(ids, [rows], 'int32'), {
            labelSmoothing,
            padId: 1,
          });
          return [mul(lossSum, 1 / rows)];
        },
        inputsOf([rows, d], [vocabSize, d]),
      );
    },
  ));

test("gradients of gradients equal the twins'", () =>
  forShapes(
    {
      rows: fc.oneof(size(12), fc.constant(130)),
      vocabSize: fc.integer({ min: 2, max: 30 }),
      d: size(9),
      labelSmoothing: fc.constantFrom(0, 0.1),
      targets: fc.array(fc.nat(), { minLength: 130, maxLength: 130 }),
    },
    async ({ rows, vocabSize, d, labelSmoothing, targets }) => {
      const ids = Int32Array.from({ length: rows }, (_, i) => targets[i] % vocabSize);
      const loss = (hidden: Tensor, embedding: Tensor) =>
        labelSmoothedCrossEntropy(hidden, embedding, tensor(ids, [rows], 'int32'), { labelSmoothing, padId: 1 })
          .lossSum;
      // The gradients themselves are the outputs, so that assertSame differentiates them again.
      await assertSame(
        (hidden, embedding) => grads((h, e) => mul(loss(h, e), 1 / rows) as Scalar)([hidden, embedding]),
        inputsOf([rows, d], [vocabSize, d]),
        true,
        5e-4,
      );
    },
    15,
  ));

test('third derivatives, as MetaInit needs, go to the twin', () =>
  assertSame(
    (hidden, embedding) => {
      const loss = (h: Tensor, e: Tensor) =>
        labelSmoothedCrossEntropy(h, e, tensor([2, 0, 1, 3], [4], 'int32'), { labelSmoothing: 0.1, padId: 1 }).lossSum;
      const squaredGradients = (h: Tensor, e: Tensor) =>
        sum(concat(grads(loss)([h, e]).map((g) => reshape(mul(g, g), [-1])))) as Scalar;
      return grads(squaredGradients)([hidden, embedding]);
    },
    inputsOf([4, 3], [5, 3]),
    true,
    5e-4,
  ));

test('a fused operation recorded outside of a nested gradient is not differentiated silently', async () => {
  await selectBackend('wasm');
  const outside = (...inputs: Tensor[]) =>
    grads((x: Tensor, gamma: Tensor, beta: Tensor) => {
      const y = layerNorm(x, gamma, beta, 1e-5);
      const [inner] = grads(() => sum(mul(y, y)) as Scalar)([x]);
      return sum(inner) as Scalar;
    })(inputs);
  tidy(() =>
    assert.throws(
      () => outside(tensor(numbers(6, 1), [2, 3]), tensor(numbers(3, 2)), tensor(numbers(3, 3))),
      /recorded outside of a nested gradient/,
    ),
  );
});

test('token ids beyond the vocabulary are refused by position', async () => {
  await selectBackend('wasm');
  tidy(() => {
    const [hidden, table] = [tensor(numbers(8, 1), [2, 4]), tensor(numbers(12, 2), [3, 4])];
    assert.throws(
      () => labelSmoothedCrossEntropy(hidden, table, tensor([2, 3], [2], 'int32'), { labelSmoothing: 0, padId: 1 }),
      /found token id 3 at position 1; expected 0 to 2/,
    );
    assert.throws(
      () => embedTokens(tensor([-1], [1], 'int32'), table, { scale: 1, padId: 1 }),
      /found token id -1 at position 0/,
    );
  });
});

test('nllSum', () =>
  forShapes(
    { rows: size(20) },
    ({ rows }) =>
      assertSame(
        (hidden, embedding) => [
          labelSmoothedCrossEntropy(
            hidden,
            embedding,
            tensor(
              numbers(rows, 9).map((x) => Math.abs(x) * 4),
              [rows],
              'int32',
            ),
            { labelSmoothing: 0.1, padId: 1 },
          ).nllSum,
        ],
        inputsOf([rows, 6], [9, 6]),
        false,
      ),
    5,
  ));

test('embeddings', () =>
  forShapes(
    { vocabSize: size(20), d: size(20), ids: fc.array(fc.nat(), { minLength: 1, maxLength: 40 }) },
    ({ vocabSize, d, ids }) =>
      assertSame(
        (table) => [
          embedTokens(
            tensor(
              ids.map((id) => id % vocabSize),
              [ids.length],
              'int32',
            ),
            table,
            { scale: 3, padId: 1 },
          ),
        ],
        inputsOf([vocabSize, d]),
      ),
  ));

test('dropout has the same bits as its twin', () =>
  forShapes({ shape: fc.array(size(9), { minLength: 1, maxLength: 3 }), draw: maybeDraw }, ({ shape, draw }) =>
    assertSame((x) => [dropout(x, draw)], inputsOf(shape), true, 0),
  ));

test('optimiser steps and norms over several tensors', () =>
  forShapes(
    {
      sizes: fc.array(size(30), { minLength: 1, maxLength: 4 }),
      momentum: fc.constantFrom(0, 0.9),
      nesterov: fc.boolean(),
      first: fc.boolean(),
    },
    async ({ sizes, momentum, nesterov, first }) => {
      const count = sizes.length;
      const inputs = inputsOf(...[0, 1, 2, 3].flatMap(() => sizes.map((n) => [n])));
      await assertSame(
        (...x) => {
          const [p, g, m, v] = [0, 1, 2, 3].map((i) => x.slice(i * count, (i + 1) * count));
          const copies = (tensors: Tensor[]): Tensor[] => tensors.map((t) => t.clone());
          const adam = adamStep(
            copies(p),
            copies(g),
            copies(m),
            v.map((t) => mul(t, t)),
            { lr: 0.1, beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0.01, step: 3, gradientScale: 0.5 },
          );
          const sgd = sgdStep(copies(p), copies(g), first ? undefined : copies(m), {
            lr: 0.1,
            momentum,
            nesterov,
            weightDecay: 0.01,
            gradientScale: 0.5,
          });
          return [
            ...adam.params,
            ...adam.firstMoments,
            ...adam.secondMoments,
            ...sgd.params,
            ...(sgd.buffers ?? []),
            squaredNorms(x),
          ];
        },
        inputs,
        false,
      );
    },
  ));

test('tile, exp, cast and clones', () =>
  forShapes(
    {
      shape: fc.array(size(5), { minLength: 3, maxLength: 3 }),
      reps: fc.array(size(3), { minLength: 3, maxLength: 3 }),
    },
    async ({ shape, reps }) => {
      await assertSame(
        (x) => [
          tile(x, reps),
          exp(x),
          mul(cast(cast(x, 'int32'), 'float32'), 1),
          x.clone(),
          transpose(x.clone(), [2, 0, 1]),
        ],
        inputsOf(shape),
      );
    },
  ));

test('exp overflows, underflows and keeps NaN', async () => {
  await selectBackend('wasm');
  tidy(() =>
    assert.deepEqual(
      [...exp(tensor([1000, 89, Infinity, -1000, -Infinity, NaN, 0])).dataSync()],
      [Infinity, Infinity, Infinity, 0, 0, NaN, 1],
    ),
  );
});

test('exp is exact to 2 units in the last place', async () => {
  await selectBackend('wasm');
  tidy(() => {
    const x = Float32Array.from({ length: 20_001 }, (_, i) => (i - 10_000) * 0.0087);
    exp(tensor(x))
      .dataSync()
      .forEach((found, i) => {
        const expected = Math.exp(x[i]);
        assert.ok(
          Math.abs(found - expected) <= 2.4e-7 * expected,
          `exp(${x[i]}): found ${found}, expected ${expected}`,
        );
      });
  });
});

test('sign keeps the sign of the smallest numbers', async () => {
  await selectBackend('wasm');
  tidy(() =>
    assert.deepEqual(
      [...sign(tensor([1e-9, -1e-9, 1e-38, -3, 7, 0, 2, -Infinity, Infinity])).dataSync()],
      [1, -1, 1, -1, 1, 0, 1, -1, 1],
    ),
  );
});

test('the compiled module puts no data into the shared memory', () => {
  const bytes = readFileSync(new URL('./kernels.wasm', import.meta.url));
  const sections: number[] = [];
  for (let at = 8; at < bytes.length;) {
    sections.push(bytes[at++]);
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    at += length;
  }
  assert.ok(sections.includes(10), 'no code section: not a compiled module');
  assert.ok(!sections.includes(11), "found a data section, which would overwrite tfjs's own data");
});
