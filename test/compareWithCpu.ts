import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs-core';

/** A tensor to be made on any backend. */
export type Value = { shape: number[]; dtype: 'float32' | 'int32' | 'bool'; values: number[] };

/** Random numbers in [-scale, scale]; integers from -5 to 4; booleans. */
export function filled(shape: number[], seed: number, dtype: Value['dtype'] = 'float32', scale = 2): Value {
  const size = shape.reduce((a, b) => a * b, 1);
  let state = seed >>> 0;
  const values = Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const u = state / 2 ** 32;
    return dtype === 'float32'
      ? Math.fround((2 * u - 1) * scale)
      : dtype === 'int32'
        ? Math.floor((2 * u - 1) * 5)
        : u > 0.5
          ? 1
          : 0;
  });
  return { shape, dtype, values };
}

/** Runs f on a backend and reads every output. */
async function outputs(
  backend: string,
  inputs: Value[],
  f: (...x: tf.Tensor[]) => tf.Tensor | tf.Tensor[],
): Promise<{ shape: number[]; dtype: string; values: number[] }[]> {
  await tf.setBackend(backend);
  return tf.tidy(() => {
    const result = f(...inputs.map(({ shape, dtype, values }) => tf.tensor(values, shape, dtype)));
    return (Array.isArray(result) ? result : [result]).map((y) => ({
      shape: y.shape,
      dtype: y.dtype,
      values: [...y.dataSync()],
    }));
  });
}

/**
 * Asserts that f gives on a backend what it gives on the cpu backend: shapes, types and values, relative to 1 + their
 * size.
 */
export async function assertAsCpu(
  what: string,
  inputs: Value[],
  f: (...x: tf.Tensor[]) => tf.Tensor | tf.Tensor[],
  tolerance = 2e-5,
  backend = 'native',
): Promise<void> {
  const expected = await outputs('cpu', inputs, f);
  const found = await outputs(backend, inputs, f);
  assert.equal(found.length, expected.length);
  found.forEach((y, k) => {
    assert.deepEqual(y.shape, expected[k].shape, what);
    assert.equal(y.dtype, expected[k].dtype, what);
    y.values.forEach((value, i) => {
      const wanted = expected[k].values[i];
      const isSame =
        Object.is(value, wanted) || value === wanted || Math.abs(value - wanted) <= tolerance * (1 + Math.abs(wanted));
      assert.ok(
        isSame,
        `${what} output ${k}[${i}]: found ${value}, expected ${wanted}; inputs ${inputs.map((x) => `${x.dtype} [${x.shape}]`).join(', ')}`,
      );
    });
  });
}
