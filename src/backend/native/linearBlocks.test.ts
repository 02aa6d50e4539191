import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { withPrecision } from '../precision.js';
import type { DropoutDraw } from '../ops/dropoutDraw.js';
import { linear, linears } from '../ops/linear.js';
import { selectBackend } from '../select.js';
import { isAddonBuilt } from './addon.js';
import { nativeBackend } from './loadNative.js';

/** Multiples of 1/8 between -1 and 1: sums of products stay exact enough to compare closely. */
function numbers(size: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (((state >>> 16) % 17) - 8) / 8;
  });
}

const draw: DropoutDraw = { rate: 0.3, seed: 5, step: 2, microBatch: 0, site: 1 };
const matrix = (rows: number, columns: number, seed: number): tf.Tensor =>
  tf.tensor(numbers(rows * columns, seed), [rows, columns]);

/** dx, then every dWeight, then every dBias of layers of one input. */
function gradients(
  rows: number,
  inWidth: number,
  outWidths: number[],
  options: { relu?: boolean; dropout?: DropoutDraw } = {},
): Float32Array[] {
  return tf.tidy(() => {
    const count = outWidths.length;
    const x = matrix(rows, inWidth, 1);
    const weights = outWidths.map((width, i) => matrix(width, inWidth, 2 + i));
    const biases = outWidths.map((width, i) => tf.tensor(numbers(width, 20 + i)));
    const loss = (...t: tf.Tensor[]): tf.Scalar => {
      const [input, ...parameters] = t;
      const ys =
        count === 1
          ? [linear(input, parameters[0], parameters[1], options)]
          : linears(input, parameters.slice(0, count), parameters.slice(count));
      return tf.addN(ys.map((y, i) => tf.sum(tf.mul(y, matrix(rows, outWidths[i], 40 + i))))) as tf.Scalar;
    };
    return tf
      .grads(loss)([x, ...weights, ...biases])
      .map((gradient) => gradient.dataSync<'float32'>().slice());
  });
}

describe(
  'gradients of linear layers by blocks of rows',
  { skip: isAddonBuilt() ? false : 'the native engine is not built' },
  () => {
    let threads = 1;
    before(async () => {
      await selectBackend('cpu');
      await selectBackend('native');
      threads = nativeBackend().addon.info().threads;
      nativeBackend().addon.setPoison(1);
    });
    after(() => {
      nativeBackend().addon.setPoison(0);
      nativeBackend().addon.setThreads(threads);
    });

    // 512: whole blocks; 600 and 769: a short last block, which with three threads is one thread's only block
    for (const [rows, inWidth, outWidths] of [
      [512, 24, [40]],
      [600, 33, [17]],
      [769, 16, [130]],
      [769, 19, [21, 5, 32]],
      [512, 300, [250]],
    ] as const) {
      for (const options of outWidths.length > 1
        ? [{}]
        : [{}, { relu: true }, { dropout: draw }, { relu: true, dropout: draw }]) {
        test(`${rows} x ${inWidth} to ${outWidths}${Object.keys(options)
          .map((name) => ` ${name}`)
          .join('')}`, async () => {
          await tf.setBackend('cpu');
          const expected = gradients(rows, inWidth, [...outWidths], options);
          await tf.setBackend('native');
          for (const count of [1, 2, 3]) {
            nativeBackend().addon.setThreads(count);
            const found = gradients(rows, inWidth, [...outWidths], options);
            found.forEach((values, which) =>
              values.forEach((value, i) => {
                const wanted = expected[which][i];
                assert.ok(
                  Math.abs(value - wanted) <= 1e-4 * (1 + Math.abs(wanted)),
                  `${count} threads, gradient ${which}[${i}]: found ${value}, expected ${wanted}`,
                );
              }),
            );
            assert.deepEqual(gradients(rows, inWidth, [...outWidths], options), found, 'the same bits again');
          }
        });
      }
    }

    // every operand here is a bf16, so rounding changes nothing: this tests addresses and sums
    for (const [rows, inWidth, outWidths] of [
      [512, 40, [40]],
      [600, 33, [48]],
      [769, 64, [64, 40, 96]],
    ] as const) {
      for (const options of outWidths.length > 1 ? [{}] : [{}, { relu: true }]) {
        test(`the same in bf16, compared with float32: ${rows} x ${inWidth} to ${outWidths}${'relu' in options ? ' relu' : ''}`, async (t) => {
          if (!nativeBackend().hasFurtherPrecision) return t.skip('this processor has no bf16 instructions');
          await tf.setBackend('native');
          for (const count of [1, 2, 3]) {
            nativeBackend().addon.setThreads(count);
            const expected = gradients(rows, inWidth, [...outWidths], options);
            const found = withPrecision('bf16', () => gradients(rows, inWidth, [...outWidths], options));
            found.forEach((values, which) =>
              values.forEach((value, i) => {
                const wanted = expected[which][i];
                assert.ok(
                  Math.abs(value - wanted) <= 1e-4 * (1 + Math.abs(wanted)),
                  `${count} threads, gradient ${which}[${i}]: found ${value}, expected ${wanted}`,
                );
              }),
            );
            assert.deepEqual(gradients(rows, inWidth, [...outWidths], options), expected, 'float32 is what it was');
          }
        });
      }
    }
  },
);
