import type { Product } from './products.js';
import type { GpuBackend } from './webGpuBackend.js';
import { reduceCode } from './wgsl.js';

/** Blocks of rows whose logits are not too many. */
export function blocksOfLogits(
  backend: GpuBackend,
  rows: number,
  vocabSize: number,
): { readonly first: number; readonly count: number }[] {
  const elements = Math.min(backend.logitsAtOnce, backend.device.limits.maxStorageBufferBindingSize / 4);
  const most = Math.max(1, Math.floor(elements / vocabSize));
  return Array.from({ length: Math.ceil(rows / most) }, (_, i) => ({
    first: i * most,
    count: Math.min(most, rows - i * most),
  }));
}

/** Names of matrices that are multiplied. */
export type Pairs = readonly (readonly [string, string])[];

/**
 * Of a block, [count, V]: the sum of rows · matrixᵀ over the pairs. @param name the output; the product has its name
 * too
 */
export function logitsProduct(name: string, pairs: Pairs): Product {
  return {
    name: `${name}Product`,
    rows: 'given.count',
    columns: 'given.vocabSize',
    terms: pairs.map(([rows, matrix]) => ({
      depth: 'given.d',
      a: { value: `${rows}[(given.first + row) * given.d + k]`, along: 'k' },
      b: { value: `${matrix}[column * given.d + k]`, along: 'k' },
    })),
    store: `${name}[row * given.vocabSize + column] = value;`,
  };
}

/** Threads of a workgroup that has a row of logits. */
export const rowGroupSize = 256;

/** Functions `most` and `total` over the threads of a row. */
export const rowReductions = `${reduceCode('most', rowGroupSize, rowGroupSize, 'max')}${reduceCode('total', rowGroupSize, rowGroupSize)}`;

/** `largest` of the row that begins at `first`, and `sum` of the exponentials of what its logits are below it. */
export const largestAndSumCode = `
  var largest = -3.0e38;
  for (var i = local; i < given.vocabSize; i += ${rowGroupSize}u) { largest = max(largest, logits[first + i]); }
  largest = most(largest, local);
  var sum = 0.0;
  for (var i = local; i < given.vocabSize; i += ${rowGroupSize}u) { sum += exp(logits[first + i] - largest); }
  sum = total(sum, local);`;
