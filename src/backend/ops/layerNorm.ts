import { add, div, mean, mul, sqrt, square, sub, type Tensor } from '@tensorflow/tfjs-core';
import { ShapeError } from '../../errors.js';
import { fusedWithGradient, hasFusedKernel, runFused } from './dispatch.js';
import { activeDraw, dropout } from './dropout.js';
import type { DropoutDraw } from './dropoutDraw.js';
import { layerNormGradKernel, layerNormKernel, residualLayerNormKernel } from './kernels.js';

/**
 * LN(residual + dropout(x)): the end of every sublayer of a post-LN Transformer.
 * @param x, residual [N, d]
 * @param gamma, beta [d]
 * @param eps added to the (biased) variance inside the root
 * @returns [N, d]
 * @throws ShapeError if the sizes do not fit
 * Source: Ba et al. 2016; Vaswani et al. 2017, §3.1.
 */
export function residualLayerNorm(
  x: Tensor,
  residual: Tensor,
  gamma: Tensor,
  beta: Tensor,
  eps: number,
  draw?: DropoutDraw,
): Tensor {
  if (x.shape.join() !== residual.shape.join()) {
    throw new ShapeError(
      `residualLayerNorm: found x [${x.shape}] and residual [${residual.shape}]; expected the same shape.`,
    );
  }
  checkShapes(residual, gamma, beta);
  const active = activeDraw(draw);
  if (hasFusedKernel(residualLayerNormKernel)) {
    return fusedWithGradient(
      [x, residual, gamma, beta],
      () => {
        const [value, normalised, rstd] = runFused(
          residualLayerNormKernel,
          { x, residual, gamma, beta },
          { eps, dropout: active },
        );
        return { value, saved: [normalised, rstd, gamma] };
      },
      (dy, [normalised, rstd, savedGamma]) => {
        const [dSum, dGamma, dBeta, dx] = runFused(
          layerNormGradKernel,
          { dy, normalised, rstd, gamma: savedGamma },
          { dropout: active },
        );
        return [dx ?? dSum.clone(), dSum, dGamma, dBeta];
      },
    );
  }
  return normalise(add(residual, dropout(x, active)), gamma, beta, eps);
}

/**
 * Layer normalisation over the last dimension, biased variance.
 * @param x [N, d]
 * @param gamma, beta [d]
 * @returns [N, d]
 */
export function layerNorm(x: Tensor, gamma: Tensor, beta: Tensor, eps: number): Tensor {
  checkShapes(x, gamma, beta);
  if (hasFusedKernel(layerNormKernel)) {
    return fusedWithGradient(
      [x, gamma, beta],
      () => {
        const [value, normalised, rstd] = runFused(layerNormKernel, { x, gamma, beta }, { eps });
        return { value, saved: [normalised, rstd, gamma] };
      },
      (dy, [normalised, rstd, savedGamma]) =>
        runFused(layerNormGradKernel, { dy, normalised, rstd, gamma: savedGamma }, {}),
    );
  }
  return normalise(x, gamma, beta, eps);
}

function normalise(x: Tensor, gamma: Tensor, beta: Tensor, eps: number): Tensor {
  const centred = sub(x, mean(x, -1, true));
  const variance = mean(square(centred), -1, true);
  return add(mul(div(centred, sqrt(add(variance, eps))), gamma), beta);
}

function checkShapes(x: Tensor, gamma: Tensor, beta: Tensor): void {
  const dModel = x.shape[x.rank - 1];
  if (x.rank !== 2 || gamma.shape.join() !== `${dModel}` || beta.shape.join() !== `${dModel}`) {
    throw new ShapeError(
      `layerNorm: found x [${x.shape}], gamma [${gamma.shape}] and beta [${beta.shape}]; expected [N, d], [d] and [d].`,
    );
  }
}
