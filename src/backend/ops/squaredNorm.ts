import { addN, square, sum, tidy, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import { hasKernel, runFused } from './dispatch.js';
import { squaredNormKernel } from './kernels.js';
import { numberedInputs } from './tensorLists.js';

/**
 * The sum of the squares of all elements of all tensors, for the global gradient norm. Not differentiable.
 * @param tensors at least one
 */
export function squaredNorm(tensors: readonly Tensor[]): Scalar {
  if (hasKernel(squaredNormKernel))
    return runFused(squaredNormKernel, numberedInputs({ x: tensors }), { count: tensors.length })[0] as Scalar;
  return tidy(() => addN(tensors.map((tensor) => sum(square(tensor)))) as Scalar);
}
