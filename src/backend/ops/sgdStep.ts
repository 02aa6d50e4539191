import { add, dispose, mul, sub, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { hasKernel, runFused } from './dispatch.js';
import { sgdStepKernel, type SgdStepAttrs } from './kernels.js';
import { numberedInputs, splitOutputs } from './tensorLists.js';

export interface SgdStepOptions {
  readonly lr: number;
  /** 0: plain SGD, no buffers. */
  readonly momentum: number;
  readonly nesterov: boolean;
  /** Added to the gradient as weightDecay * parameter. */
  readonly weightDecay: number;
  /** Multiplies the gradients first (1 / tokens, clipping); 1 if absent. */
  readonly gradientScale?: number;
}

/**
 * One SGD update of every tensor. It takes ownership of its inputs and disposes them, as adamStep does. Not
 * differentiable.
 *
 * buf = g at the first update, then buf = momentum buf + g; p = p - lr buf, or p - lr (g + momentum buf) for Nesterov.
 *
 * @param buffers momentum buffers of the last update; undefined at the first one
 * @returns the moved tensors, which the caller owns; no buffers without momentum
 * Source: torch.optim.SGD, which fairseq uses.
 */
export function sgdStep(
  params: readonly Tensor[],
  gradients: readonly Tensor[],
  buffers: readonly Tensor[] | undefined,
  options: SgdStepOptions,
): { params: Tensor[]; buffers: Tensor[] | undefined } {
  const { lr, momentum, nesterov, weightDecay, gradientScale = 1 } = options;
  const attrs: SgdStepAttrs = {
    count: params.length,
    lr,
    momentum,
    nesterov,
    weightDecay,
    gradientScale,
    hasBuffers: buffers !== undefined,
  };
  if (hasKernel(sgdStepKernel)) {
    const inputs = numberedInputs({
      param: params,
      gradient: gradients,
      ...(momentum !== 0 && buffers !== undefined ? { buffer: buffers } : {}),
    });
    const [newParams, newBuffers] = splitOutputs(runFused(sgdStepKernel, inputs, attrs), params.length);
    dispose([...params, ...gradients, ...(buffers ?? [])]);
    return { params: newParams, buffers: newBuffers };
  }
  const updated = params.map((param, i) => {
    const moved = tidy(() => sgdStepOfOne(param, gradients[i], buffers?.[i], attrs));
    dispose([param, gradients[i], ...(buffers ? [buffers[i]] : [])]);
    return moved;
  });
  return { params: updated.map((u) => u[0]), buffers: momentum === 0 ? undefined : updated.map((u) => u[1]) };
}

function sgdStepOfOne(param: Tensor, gradient: Tensor, buffer: Tensor | undefined, attrs: SgdStepAttrs): Tensor[] {
  const { lr, momentum, nesterov, weightDecay, gradientScale } = attrs;
  const g = add(mul(gradient, gradientScale), mul(param, weightDecay));
  if (momentum === 0) return [sub(param, mul(g, lr))];
  const newBuffer = buffer === undefined ? g : add(mul(buffer, momentum), g);
  const direction = nesterov ? add(g, mul(newBuffer, momentum)) : newBuffer;
  return [sub(param, mul(direction, lr)), newBuffer];
}
