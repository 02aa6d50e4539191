import type { TensorInfo } from '@tensorflow/tfjs-core';
import {
  layerNormGradKernel,
  layerNormKernel,
  residualLayerNormKernel,
  type LayerNormAttrs,
  type LayerNormGradAttrs,
} from '../ops/kernels.js';
import { dropoutArguments, registerWasmKernel, type WasmContext } from './wasmContext.js';

export function registerLayerNormKernels(context: WasmContext): void {
  const { kernels } = context;

  /** @param fillSum writes what is to be normalised to its address, or returns where it already is */
  function forward(
    shape: number[],
    gamma: TensorInfo,
    beta: TensorInfo,
    eps: number,
    fillSum: (address: number) => number,
  ): TensorInfo[] {
    const [rows, d] = shape;
    const [y, normalised, rstd] = [context.output(shape), context.output(shape), context.output([rows])];
    const normalisedAddress = context.address(normalised);
    const sum = fillSum(normalisedAddress);
    kernels.layerNorm(
      rows,
      d,
      sum,
      context.address(gamma),
      context.address(beta),
      eps,
      context.address(y),
      normalisedAddress,
      context.address(rstd),
    );
    return [y, normalised, rstd];
  }

  registerWasmKernel<{ x: TensorInfo; gamma: TensorInfo; beta: TensorInfo }, LayerNormAttrs>(
    layerNormKernel,
    ({ x, gamma, beta }, { eps }) => forward(x.shape, gamma, beta, eps, () => context.address(x)),
  );

  registerWasmKernel<{ x: TensorInfo; residual: TensorInfo; gamma: TensorInfo; beta: TensorInfo }, LayerNormAttrs>(
    residualLayerNormKernel,
    ({ x, residual, gamma, beta }, { eps, dropout }) =>
      forward(x.shape, gamma, beta, eps, (sum) => {
        const size = x.shape[0] * x.shape[1];
        if (dropout)
          kernels.dropoutSpan(
            0,
            size,
            context.address(x),
            context.address(residual),
            sum,
            ...dropoutArguments(dropout),
          );
        else kernels.addArrays(size, context.address(x), context.address(residual), sum);
        return sum;
      }),
  );

  registerWasmKernel<
    { dy: TensorInfo; normalised: TensorInfo; rstd: TensorInfo; gamma: TensorInfo },
    LayerNormGradAttrs
  >(layerNormGradKernel, ({ dy, normalised, rstd, gamma }, { dropout }) => {
    const [rows, d] = dy.shape;
    const [dSum, dGamma, dBeta] = [context.output([rows, d]), context.output([d]), context.output([d])];
    kernels.layerNormGrad(
      rows,
      d,
      context.address(dy),
      context.address(normalised),
      context.address(rstd),
      context.address(gamma),
      context.address(dSum),
      context.address(dGamma),
      context.address(dBeta),
    );
    if (!dropout) return [dSum, dGamma, dBeta];
    const dx = context.output([rows, d]);
    kernels.dropoutSpan(0, rows * d, context.address(dSum), 0, context.address(dx), ...dropoutArguments(dropout));
    return [dSum, dGamma, dBeta, dx];
  });
}
