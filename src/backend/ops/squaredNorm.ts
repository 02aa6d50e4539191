import { concat, reshape, slice, square, sum, tidy, type Tensor, type Tensor1D } from '@tensorflow/tfjs-core';
import { hasKernel, runFused } from './dispatch.js';
import { squaredNormsKernel } from './kernels.js';
import { normBlock } from './normBlocks.js';
import { numberedInputs } from './tensorLists.js';

/**
 * The sum of the squares of each block of each tensor, from the first to the last. A block's sum depends on its own
 * elements alone, so that several processes can compute the sums of one process. Not differentiable.
 *
 * @param tensors at least one
 * @returns [blocks]
 */
export function squaredNorms(tensors: readonly Tensor[]): Tensor1D {
  if (hasKernel(squaredNormsKernel))
    return runFused(squaredNormsKernel, numberedInputs({ x: tensors }), { count: tensors.length })[0] as Tensor1D;
  return tidy(() => concat(tensors.flatMap(normsOfOne)) as Tensor1D);
}

function normsOfOne(x: Tensor): Tensor1D[] {
  const flat = reshape(square(x), [x.size]);
  const whole = Math.floor(x.size / normBlock);
  const rest = x.size - whole * normBlock;
  return [
    ...(whole > 0 ? [sum(reshape(slice(flat, 0, whole * normBlock), [whole, normBlock]), 1) as Tensor1D] : []),
    ...(rest > 0 ? [reshape(sum(slice(flat, whole * normBlock, rest)), [1]) as Tensor1D] : []),
  ];
}

/** The sum of all squares, from the sums of the blocks in their order: float64, then rounded to float32. */
export function totalSquaredNorm(blocks: Iterable<number>): number {
  let total = 0;
  for (const block of blocks) total += block;
  return Math.fround(total);
}
