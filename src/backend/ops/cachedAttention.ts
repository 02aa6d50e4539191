import { concat, reshape, tensor1d, tensor2d, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { ShapeError } from '../../errors.js';
import { attention } from './attention.js';
import { hasKernel, runFused } from './dispatch.js';
import { gatherRows } from './embedding.js';
import { cachedAttentionKernel } from './kernels.js';

/** Keys and values of the tokens so far: one tensor per step. */
export interface AttentionCache {
  /** Keys of step t: [Rt, d]. */
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
  /** [R, L] row-major: the row of step t that row r descends from. */
  readonly ancestors: Int32Array;
}

/**
 * Attention of each row's newest token to all tokens before it and itself, for decoding: no gradient.
 *
 * Keys and values are never copied when hypotheses branch or end; only the table of ancestors changes.
 *
 * @param q [R, d]
 * @returns [R, d]
 * @throws ShapeError if the sizes do not fit
 */
export function cachedAttention(q: Tensor, { keys, values, ancestors }: AttentionCache, numHeads: number): Tensor {
  const [rows, dModel] = q.shape as [number, number];
  const steps = keys.length;
  if (steps === 0 || values.length !== steps || ancestors.length !== rows * steps || dModel % numHeads !== 0) {
    throw new ShapeError(
      `cachedAttention: found q [${q.shape}], ${steps} keys, ${values.length} values, ${ancestors.length} ancestors and ${numHeads} heads; ` +
        'expected as many values as keys, an ancestor per row and step, and d a multiple of the heads.',
    );
  }
  return tidy(() => {
    if (hasKernel(cachedAttentionKernel))
      return runFused(cachedAttentionKernel, [q, tensor2d(ancestors, [rows, steps], 'int32'), ...keys, ...values], {
        numHeads,
      })[0];
    const rowsOfSteps = keys.map((_, t) =>
      tensor1d(
        Int32Array.from({ length: rows }, (_unused, r) => ancestors[r * steps + t]),
        'int32',
      ),
    );
    const sideBySide = (parts: readonly Tensor[]): Tensor =>
      reshape(
        concat(
          parts.map((part, t) => gatherRows(rowsOfSteps[t], part)),
          1,
        ),
        [rows * steps, dModel],
      );
    const keyLengths = tensor1d(new Int32Array(rows).fill(steps), 'int32');
    return attention(q, sideBySide(keys), sideBySide(values), {
      batch: rows,
      queryLength: 1,
      keyLength: steps,
      numHeads,
      keyLengths,
      causal: false,
    });
  });
}
