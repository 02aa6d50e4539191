import { logSumExp, type Tensor } from '@tensorflow/tfjs-core';
import { hasFusedKernel, isRecording, runFused } from './dispatch.js';
import { rowLogSumExpKernel } from './kernels.js';

/**
 * The logarithm of the sum of each row's exponentials, which turns logits into log-probabilities. NaN for a row with a
 * NaN.
 * @param x [N, M]
 * @returns [N]
 */
export function rowLogSumExp(x: Tensor): Tensor {
  // The kernel has no gradient: it is for decoding.
  if (hasFusedKernel(rowLogSumExpKernel) && !isRecording()) return runFused(rowLogSumExpKernel, { x }, {})[0];
  return logSumExp(x, 1);
}
