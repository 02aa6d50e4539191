import { customGrad, mul, tensor, type Tensor } from '@tensorflow/tfjs-core';
import { UsageError } from '../../errors.js';
import { philox4x32, philoxKey } from '../../random/philox.js';
import { hasKernel, runFused } from './dispatch.js';
import type { DropoutDraw } from './dropoutDraw.js';
import { dropoutKernel } from './kernels.js';

/** Words below this drop their element. */
export function dropThreshold(rate: number): number {
  return Math.floor(rate * 0x100000000);
}

/** The draw, or undefined when it drops nothing. @throws UsageError if the rate is not in [0, 1) */
export function activeDraw(draw: DropoutDraw | undefined): DropoutDraw | undefined {
  if (draw === undefined || draw.rate === 0) return undefined;
  if (!(draw.rate > 0 && draw.rate < 1))
    throw new UsageError(`A dropout rate must be at least 0 and below 1, found ${draw.rate}.`);
  return draw;
}

/**
 * The mask of a draw: 0 for a dropped element, 1 / (1 - rate) for a kept one.
 *
 * Philox4x32-10; the counter of element i is [floor(i / 4), site, step, microBatch] and its word is i mod 4; the
 * element is kept if the word is at least floor(rate * 2^32).
 */
export function dropoutMask(size: number, draw: DropoutDraw): Float32Array {
  const mask = new Float32Array(size);
  const threshold = dropThreshold(draw.rate);
  const scale = 1 / (1 - draw.rate);
  const key = philoxKey(draw.seed);
  const words = new Uint32Array(4);
  for (let i = 0; i < size; i++) {
    if (i % 4 === 0) philox4x32([i / 4, draw.site, draw.step, draw.microBatch], key, words);
    mask[i] = words[i % 4] >= threshold ? scale : 0;
  }
  return mask;
}

/**
 * x with random elements set to zero and the others divided by (1 - rate). Exactly differentiable to any order: the
 * gradient is the same dropout of dy, so no mask is kept.
 * @param draw undefined or rate 0 (evaluation): x itself
 * @throws UsageError if the rate is not in [0, 1)
 * Source: Srivastava et al. 2014, "inverted" scaling.
 */
export function dropout<T extends Tensor>(x: T, draw?: DropoutDraw): T {
  const active = activeDraw(draw);
  if (active === undefined) return x;
  if (!hasKernel(dropoutKernel)) return mul(x, tensor(dropoutMask(x.size, active), x.shape)) as T;
  return customGrad((input) => ({
    value: runFused(dropoutKernel, { x: input as Tensor }, active)[0],
    gradFunc: (dy: Tensor) => dropout(dy, active),
  }))(x) as T;
}
