import { add, type Tensor } from '@tensorflow/tfjs-core';
import { hasKernel, runFused } from './dispatch.js';
import { addIntoKernel } from './kernels.js';

/**
 * total + more. Takes ownership of both and disposes them: the sum may use total's memory. Not differentiable.
 * @param total, more tensors of the same shape
 */
export function addInto(total: Tensor, more: Tensor): Tensor {
  const sum = hasKernel(addIntoKernel) ? runFused(addIntoKernel, { total, more }, {})[0] : add(total, more);
  total.dispose();
  more.dispose();
  return sum;
}
