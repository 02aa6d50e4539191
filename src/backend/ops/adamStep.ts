import { add, dispose, div, mul, sqrt, square, sub, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { hasKernel, runFused } from './dispatch.js';
import { adamStepKernel, type AdamStepAttrs } from './kernels.js';
import { numberedInputs, splitOutputs } from './tensorLists.js';

export interface AdamStepOptions {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Added to the square root of the uncorrected second moment. */
  readonly eps: number;
  /** Decoupled: every parameter first loses lr * weightDecay of itself. */
  readonly weightDecay: number;
  /** 1 for the first update. */
  readonly step: number;
  /** Multiplies the gradients first (1 / tokens, clipping); 1 if absent. */
  readonly gradientScale?: number;
}

/**
 * One Adam update of every tensor. It takes ownership of its inputs and disposes them: if nothing else refers to a
 * tensor's values, their memory becomes the result's. Clone tensors that you need afterwards. Not differentiable.
 *
 * m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g², p = p - lr wd p - lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps).
 *
 * @param params, gradients, firstMoments, secondMoments lists of the same length and shapes
 * @returns the moved tensors, which the caller owns
 * Source: Kingma and Ba 2015, in fairseq's form (eps added to the uncorrected root, decoupled decay).
 */
export function adamStep(
  params: readonly Tensor[],
  gradients: readonly Tensor[],
  firstMoments: readonly Tensor[],
  secondMoments: readonly Tensor[],
  options: AdamStepOptions,
): { params: Tensor[]; firstMoments: Tensor[]; secondMoments: Tensor[] } {
  const { lr, beta1, beta2, eps, weightDecay, step, gradientScale = 1 } = options;
  const attrs: AdamStepAttrs = {
    count: params.length,
    beta1,
    beta2,
    eps,
    gradientScale,
    decay: lr * weightDecay,
    stepSize: (lr * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step),
  };
  if (hasKernel(adamStepKernel)) {
    const inputs = numberedInputs({
      param: params,
      gradient: gradients,
      firstMoment: firstMoments,
      secondMoment: secondMoments,
    });
    const [newParams, newFirst, newSecond] = splitOutputs(runFused(adamStepKernel, inputs, attrs), params.length);
    dispose([...params, ...gradients, ...firstMoments, ...secondMoments]);
    return { params: newParams, firstMoments: newFirst, secondMoments: newSecond };
  }
  const updated = params.map((param, i) => {
    const moved = tidy(() => adamStepOfOne(param, gradients[i], firstMoments[i], secondMoments[i], attrs));
    dispose([param, gradients[i], firstMoments[i], secondMoments[i]]);
    return moved;
  });
  return {
    params: updated.map((u) => u[0]),
    firstMoments: updated.map((u) => u[1]),
    secondMoments: updated.map((u) => u[2]),
  };
}

function adamStepOfOne(
  param: Tensor,
  gradient: Tensor,
  first: Tensor,
  second: Tensor,
  attrs: AdamStepAttrs,
): [Tensor, Tensor, Tensor] {
  const g = mul(gradient, attrs.gradientScale);
  const m = add(mul(first, attrs.beta1), mul(g, 1 - attrs.beta1));
  const v = add(mul(second, attrs.beta2), mul(square(g), 1 - attrs.beta2));
  const decayed = mul(param, 1 - attrs.decay);
  return [sub(decayed, mul(div(m, add(sqrt(v), attrs.eps)), attrs.stepSize)), m, v];
}
