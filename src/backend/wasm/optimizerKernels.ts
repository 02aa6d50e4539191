import { util, type TensorInfo } from '@tensorflow/tfjs-core';
import {
  adamStepKernel,
  sgdStepKernel,
  squaredNormsKernel,
  type AdamStepAttrs,
  type SgdStepAttrs,
} from '../ops/kernels.js';
import { normBlock, numNormBlocks } from '../ops/normBlocks.js';
import { registerWasmKernel, type WasmContext } from './wasmContext.js';

/** Updates of all tensors in one kernel call each. */
export function registerOptimizerKernels(context: WasmContext): void {
  const { kernels } = context;
  const outputsLike = (inputs: Record<string, TensorInfo>, count: number) =>
    Array.from({ length: count }, (_, i) => context.output(inputs[`param${i}`].shape));

  registerWasmKernel<Record<string, TensorInfo>, AdamStepAttrs>(adamStepKernel, (inputs, attrs) => {
    const { count, beta1, beta2, eps, decay, stepSize, gradientScale } = attrs;
    const [params, firstMoments, secondMoments] = [0, 1, 2].map(() => outputsLike(inputs, count));
    params.forEach((param, i) => {
      kernels.adamStep(
        util.sizeFromShape(param.shape),
        context.address(inputs[`param${i}`]),
        context.address(inputs[`gradient${i}`]),
        context.address(inputs[`firstMoment${i}`]),
        context.address(inputs[`secondMoment${i}`]),
        context.address(param),
        context.address(firstMoments[i]),
        context.address(secondMoments[i]),
        beta1,
        beta2,
        1 - beta1,
        1 - beta2,
        eps,
        1 - decay,
        stepSize,
        gradientScale,
      );
    });
    return [...params, ...firstMoments, ...secondMoments];
  });

  registerWasmKernel<Record<string, TensorInfo>, SgdStepAttrs>(sgdStepKernel, (inputs, attrs) => {
    const { count, lr, momentum, nesterov, weightDecay, gradientScale } = attrs;
    const params = outputsLike(inputs, count);
    const buffers = momentum === 0 ? [] : outputsLike(inputs, count);
    params.forEach((param, i) => {
      kernels.sgdStep(
        util.sizeFromShape(param.shape),
        context.address(inputs[`param${i}`]),
        context.address(inputs[`gradient${i}`]),
        context.address(inputs[`buffer${i}`]),
        context.address(param),
        context.address(buffers[i]),
        lr,
        momentum,
        nesterov,
        weightDecay,
        gradientScale,
      );
    });
    return [...params, ...buffers];
  });

  registerWasmKernel<Record<string, TensorInfo>, { count: number }>(squaredNormsKernel, (inputs, { count }) => {
    const sizes = Array.from({ length: count }, (_, i) => util.sizeFromShape(inputs[`x${i}`].shape));
    const sums = context.output([sizes.reduce((blocks, size) => blocks + numNormBlocks(size), 0)]);
    let at = context.address(sums);
    sizes.forEach((size, i) => {
      kernels.squaredNorms(size, context.address(inputs[`x${i}`]), normBlock, at);
      at += 4 * numNormBlocks(size);
    });
    return sums;
  });
}
