import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import {
  fixtureParams,
  forwardFixtureNames,
  readFixtureModel,
  readFixtureTensors,
  readModelFixture,
} from '../../../test/modelFixture.js';
import { product, relativeError, values } from '../../../test/referenceProducts.js';
import { hasMatrixUnits, withoutGpu } from '../../../test/testBackends.js';
import { tinyTask } from '../../../test/tinyRun.js';
import { translationLoss } from '../../model/loss.js';
import { readLastCheckpoint } from '../../train/runFiles.js';
import { train } from '../../train/trainer.js';
import { disposeParams, valueAndGradients, type Params } from '../autodiff/valueAndGradients.js';
import { labelSmoothedCrossEntropy } from '../ops/crossEntropy.js';
import { linear, linears } from '../ops/linear.js';
import { checkPrecision, withPrecision } from '../precision.js';
import type { Precision } from '../precisions.js';
import { selectBackend } from '../select.js';
import { loadedGpuBackend } from './loadWebGpu.js';
import type { GpuBackend } from './webGpuBackend.js';

type Rounding = (x: number) => number;

/** The nearest f16, ties to even, or the next towards zero: WGSL leaves the choice to the device. */
function toF16(x: number, direction: 'nearest' | 'toZero'): number {
  const size = Math.abs(x);
  if (size === 0) return x;
  let exponent = Math.max(-14, Math.floor(Math.log2(size)));
  if (2 ** (exponent + 1) <= size) exponent++;
  const step = 2 ** (exponent - 10);
  const steps = size / step;
  const below = Math.floor(steps);
  const isUp = direction === 'nearest' && (steps - below > 0.5 || (steps - below === 0.5 && below % 2 === 1));
  return Math.sign(x) * (below + (isUp ? 1 : 0)) * step;
}

const roundings: readonly Rounding[] = (['nearest', 'toZero'] as const).map(
  (direction) => (x: number) => toF16(x, direction),
);

/** The products are those of rounded operands, whichever way the device rounds, and not those of float32. */
function assertRounded(
  found: tf.Tensor,
  expected: (round: Rounding) => Float64Array,
  what: string,
  tolerance = 3e-6,
): void {
  const numbers = found.dataSync();
  const errors = roundings.map((round) => relativeError(numbers, expected(round)));
  assert.ok(Math.min(...errors) < tolerance, `${what}: relative errors ${errors}`);
  const unrounded = relativeError(
    numbers,
    expected((x) => x),
  );
  assert.ok(unrounded > 3 * tolerance && unrounded < 2e-3, `${what}: ${unrounded} from unrounded operands`);
}

test('the references round as f16 does', () => {
  const [nearest, toZero] = roundings;
  assert.deepEqual([1 + 2 ** -11, 1 + 3 * 2 ** -11, -0.1, 2 ** -25, 65504].map(nearest), [
    1,
    1 + 2 ** -9,
    -0.0999755859375,
    0,
    65504,
  ]);
  assert.deepEqual([1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** -24, 1.9 * 2 ** -24].map(toZero), [
    1,
    1 + 2 ** -10,
    2 ** -24,
    2 ** -24,
  ]);
});

describe('precision f16 on a software device', { skip: withoutGpu }, () => {
  let backend: GpuBackend;
  const folder = mkdtempSync(join(tmpdir(), 'coldstart-f16-'));
  after(() => rmSync(folder, { recursive: true }));
  before(async () => {
    await selectBackend('cpu');
    await selectBackend('webgpu');
    backend = await loadedGpuBackend();
    assert.ok(backend.hasFurtherPrecision, 'lavapipe and SwiftShader have shader-f16');
    assert.equal(backend.matrixUnits !== undefined, hasMatrixUnits);
  });
  beforeEach(() => tf.setBackend('webgpu'));
  const inF16 = (body: () => void): void => tf.tidy(() => withPrecision('f16', body));

  const [rows, inSize, outSize] = [67, 72, 90];
  const x = values(rows * inSize, 0);
  const weight = values(outSize * inSize, 2);
  const bias = values(outSize, 3);
  const dy = values(rows * outSize, 4);
  const tensors = (): tf.Tensor[] => [
    tf.tensor(x, [rows, inSize]),
    tf.tensor(weight, [outSize, inSize]),
    tf.tensor(bias, [outSize]),
    tf.tensor(dy, [rows, outSize]),
  ];
  const forward = (round: Rounding, w = weight): Float64Array =>
    product(
      rows,
      inSize,
      outSize,
      (r, i) => round(x[r * inSize + i]),
      (i, c) => round(w[c * inSize + i]),
    ).map((sum, k) => sum + bias[k % outSize]);

  for (const relu of [false, true])
    test(`linear layers multiply rounded operands, forward and backward${relu ? ', behind ReLU' : ''}`, () =>
      inF16(() => {
        const [xT, wT, bT, dyT] = tensors();
        const y = linear(xT, wT, bT, { relu });
        assertRounded(y, (round) => forward(round).map((v) => (relu ? Math.max(0, v) : v)), 'y');
        const passed = y.dataSync().map((v, k) => (relu && v <= 0 ? 0 : dy[k]));
        const [dx, dWeight, dBias] = tf.grads((a: tf.Tensor, w: tf.Tensor, b: tf.Tensor) => linear(a, w, b, { relu }))(
          [xT, wT, bT],
          dyT,
        );
        assertRounded(
          dx,
          (round) =>
            product(
              rows,
              outSize,
              inSize,
              (r, o) => round(passed[r * outSize + o]),
              (o, i) => round(weight[o * inSize + i]),
            ),
          'dx',
        );
        assertRounded(
          dWeight,
          (round) =>
            product(
              outSize,
              rows,
              inSize,
              (o, r) => round(passed[r * outSize + o]),
              (r, i) => round(x[r * inSize + i]),
            ),
          'dWeight',
        );
        const sums = product(
          1,
          rows,
          outSize,
          () => 1,
          (r, o) => passed[r * outSize + o],
        );
        assert.ok(relativeError(dBias.dataSync(), sums) < 3e-6, 'dBias is not rounded');
      }));

  test('so do queries, keys and values', () =>
    inF16(() => {
      const [xT, wT, bT, dyT] = tensors();
      const second = values(outSize * inSize, 7);
      const w2 = tf.tensor(second, [outSize, inSize]);
      assertRounded(linears(xT, [wT, w2], [bT, bT])[1], (round) => forward(round, second), 'y');
      const [dx, , dWeight] = tf.grads((a: tf.Tensor, w: tf.Tensor, v: tf.Tensor) => {
        const [p, q] = linears(a, [w, v], [bT, bT]);
        return tf.add(p, tf.mul(q, 2));
      })([xT, wT, w2], dyT);
      assertRounded(
        dx,
        (round) =>
          product(
            rows,
            outSize,
            inSize,
            (r, o) => round(dy[r * outSize + o]),
            (o, i) => round(weight[o * inSize + i]) + 2 * round(second[o * inSize + i]),
          ),
        'dx',
      );
      assertRounded(
        dWeight,
        (round) =>
          product(
            outSize,
            rows,
            inSize,
            (o, r) => 2 * round(dy[r * outSize + o]),
            (r, i) => round(x[r * inSize + i]),
          ),
        'dWeight 2',
      );
    }));

  test('the loss multiplies rounded operands; gradients of logits too small for f16 are kept by a scale', () =>
    inF16(() => {
      // label smoothing gives most logits a gradient of 2e-7, which f16 without a scale rounds to multiples of 6e-8
      const [count, width, vocab, smoothing, padId] = [40, 24, 500, 1e-4, 1];
      const hidden = values(count * width, 1, 4);
      const table = values(vocab * width, 5, 4);
      const targets = Int32Array.from({ length: count }, (_, i) => (i * 7) % vocab);
      const logitsOf = (round: Rounding): Float64Array =>
        product(
          count,
          width,
          vocab,
          (r, i) => round(hidden[r * width + i]),
          (i, v) => round(table[v * width + i]),
        );
      const gradientOf = (round: Rounding): Float64Array => {
        const logits = logitsOf(round);
        for (let r = 0; r < count; r++) {
          const line = logits.subarray(r * vocab, (r + 1) * vocab);
          const most = Math.max(...line);
          const logSumExp = most + Math.log(line.reduce((sum, v) => sum + Math.exp(v - most), 0));
          for (let v = 0; v < vocab; v++) {
            const share = v === targets[r] ? 1 - smoothing : smoothing / (vocab - 1);
            line[v] = targets[r] === padId ? 0 : round(1024 * (Math.exp(line[v] - logSumExp) - share)) / 1024;
          }
        }
        return logits;
      };
      const lossOf = (h: tf.Tensor, e: tf.Tensor): tf.Scalar =>
        labelSmoothedCrossEntropy(h, e, tf.tensor(targets, [count], 'int32'), { labelSmoothing: smoothing, padId })
          .lossSum;
      const [dHidden, dTable] = tf.grads(lossOf)([tf.tensor(hidden, [count, width]), tf.tensor(table, [vocab, width])]);
      // an element of the gradient close to a tie may round the other way
      assertRounded(
        dHidden,
        (round) => {
          const gradient = gradientOf(round);
          return product(
            count,
            vocab,
            width,
            (r, v) => gradient[r * vocab + v],
            (v, i) => round(table[v * width + i]),
          );
        },
        'dHidden',
        5e-5,
      );
      const expected = roundings.map((round) => {
        const gradient = gradientOf(round);
        return product(
          vocab,
          count,
          width,
          (v, r) => gradient[r * vocab + v],
          (r, i) => round(hidden[r * width + i]),
        );
      });
      // rows of tokens that are no target and improbable have such gradients alone
      const found = dTable.dataSync();
      const small = Array.from({ length: vocab }, (_, v) => v).filter((v) =>
        expected[0].subarray(v * width, (v + 1) * width).every((g) => Math.abs(g) < 1e-3),
      );
      assert.ok(small.length > 20, `${small.length} tokens`);
      for (const v of small) {
        const errors = expected.map((of) =>
          relativeError(found.subarray(v * width, (v + 1) * width), of.slice(v * width, (v + 1) * width)),
        );
        assert.ok(Math.min(...errors) < 2e-3, `token ${v}: relative errors ${errors}`);
      }
    }));

  test('infinities stay, and what is larger than 65,504 becomes one', () =>
    inF16(() => {
      const large = x.slice();
      large[5] = 1e6;
      const [, wT, bT] = tensors();
      const y = linear(tf.tensor(large, [rows, inSize]), wT, bT).dataSync();
      assert.ok(y.subarray(0, outSize).every((v) => !Number.isFinite(v)));
      assert.ok(y.subarray(outSize).every(Number.isFinite));
    }));

  test('calls nest, and the programs of both precisions are kept apart', () => {
    const run = (): number[] =>
      tf.tidy(() => {
        const [xT, wT, bT] = tensors();
        return [...linear(xT, wT, bT).dataSync()];
      });
    const [fp32, f16] = [run(), withPrecision('f16', run)];
    assert.notDeepEqual(f16, fp32);
    assert.deepEqual(
      withPrecision('f16', () => [withPrecision('fp32', run), run()]),
      [fp32, f16],
    );
    assert.deepEqual(run(), fp32);
  });

  test('a GPU without it is refused, before the work', async () => {
    const device = backend as { hasFurtherPrecision: boolean };
    device.hasFurtherPrecision = false;
    try {
      assert.throws(() => checkPrecision('f16'), {
        name: 'UsageError',
        message:
          'precision f16 needs a GPU with the feature shader-f16 ("coldstart doctor" says whether it has it). Use precision fp32.',
      });
    } finally {
      device.hasFurtherPrecision = true;
    }
    checkPrecision('f16');
    await selectBackend('cpu');
    assert.throws(() => checkPrecision('f16'), {
      message: 'precision f16 needs the webgpu backend; this is cpu. Use "--backend webgpu", or precision fp32.',
    });
  });

  for (const name of forwardFixtureNames)
    test(`${name}: loss and gradients are near the reference numbers, as in training`, (t) => {
      const { config, labelSmoothing, batch } = readFixtureModel(name);
      const expected = readModelFixture<{ loss_sum: number }>(`${name}/expected.json`);
      const stored = readFixtureTensors(`${name}/grads.safetensors`); // of the mean over tokens
      const params = fixtureParams(name);
      inF16(() => {
        const { value, gradients } = valueAndGradients(
          (named) => translationLoss(named, batch, { config, labelSmoothing }).lossSum,
          params,
        );
        const lossError = Math.abs(value.dataSync()[0] / expected.loss_sum - 1);
        const flat = (of: (name: string) => ArrayLike<number>): number[] =>
          [...gradients.keys()].flatMap((parameter) => Array.from(of(parameter)));
        const gradientError = relativeError(
          flat((parameter) => gradients.get(parameter)!.dataSync()),
          Float64Array.from(flat((parameter) => stored.get(parameter)!.data as Float32Array)).map(
            (mean) => mean * batch.trgTokens,
          ),
        );
        t.diagnostic(`relative errors: loss ${lossError}, gradients ${gradientError}`);
        assert.ok(lossError < 1e-3, `loss: ${lossError}`);
        assert.ok(gradientError > 1e-5 && gradientError < 5e-3, `gradients: ${gradientError}`);
      });
      disposeParams(params);
    });

  test('a run trains nearly as in float32, resumes bit for bit, in its own precision, and leaks nothing', async () => {
    const valuesOf = (params: Params): Record<string, number[]> =>
      Object.fromEntries([...params].map(([name, tensor]) => [name, [...tensor.dataSync()]]));
    const result = async (
      name: string,
      precision: Precision,
      changes: object = {},
    ): Promise<Record<string, number[]>> => {
      const { params } = await train(tinyTask(folder, name, { precision, maxUpdates: 4, ...changes }));
      const found = valuesOf(params);
      disposeParams(params);
      return found;
    };
    await selectBackend('wasm');
    const fp32 = await result('fp32', 'fp32');
    await selectBackend('webgpu');
    const tensorsBefore = tf.memory().numTensors;
    const f16 = await result('f16', 'f16');
    assert.equal(tf.memory().numTensors, tensorsBefore);
    const flat = (of: Record<string, number[]>): number[] => Object.values(of).flat();
    const error = relativeError(flat(f16), Float64Array.from(flat(fp32)));
    assert.ok(error > 1e-5 && error < 0.02, `parameters differ by ${error}`);

    await result('halves', 'f16', { maxUpdates: 2 });
    const saved = readLastCheckpoint(join(folder, 'halves'))!;
    assert.equal(saved.training!.position.precision, 'f16');
    await assert.rejects(
      train(tinyTask(folder, 'halves', { precision: 'fp32', maxUpdates: 4 }, { resumeFrom: saved })),
      /was trained with precision f16, the configuration says fp32/,
    );
    const { params } = await train(
      tinyTask(folder, 'halves', { precision: 'f16', maxUpdates: 4 }, { resumeFrom: saved }),
    );
    assert.deepEqual(valuesOf(params), f16);
    disposeParams(params);
  });
});
