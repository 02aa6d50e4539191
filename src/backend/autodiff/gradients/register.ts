import {
  broadcast_util,
  cast,
  getGradient,
  registerGradient,
  reshape,
  sum,
  zeros,
  type GradConfig,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { withoutGradient } from '../withoutGradient.js';

export type Attrs = Record<string, unknown>;

const exactGradients: GradConfig[] = [];

/** Registers the gradient of a kernel permanently (see `ensureExactGradients`). */
export function registerExact(config: GradConfig): void {
  exactGradients.push(config);
  registerGradient(config);
}

/**
 * Registers all exact gradients again if others have replaced them: loading @tensorflow/tfjs or tfjs-node after this
 * project's files registers tfjs-core's own.
 */
export function ensureExactGradients(): void {
  const [first] = exactGradients;
  if (getGradient(first.kernelName) !== first) exactGradients.forEach(registerGradient);
}

/** The gradient of a kernel with one input. */
export function registerUnary(
  kernelName: string,
  derivative: (dy: Tensor, x: Tensor, attrs: Attrs) => Tensor,
  input = 'x',
): void {
  registerExact({
    kernelName,
    inputsToSave: [input],
    gradFunc: (dy, [x], attrs) => ({ [input]: () => derivative(dy as Tensor, x, attrs as Attrs) }),
  });
}

/** The gradients of a kernel with inputs a and b that are broadcast against each other. */
export function registerBinary(
  kernelName: string,
  byA: (dy: Tensor, a: Tensor, b: Tensor) => Tensor,
  byB: (dy: Tensor, a: Tensor, b: Tensor) => Tensor,
): void {
  registerExact({
    kernelName,
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, [a, b]) => ({
      a: () => sumToShape(byA(dy as Tensor, a, b), a.shape),
      b: () => sumToShape(byB(dy as Tensor, a, b), b.shape),
    }),
  });
}

/** Kernels whose value does not change with small changes of these inputs: their gradients are zeros. */
export function registerPiecewiseConstant(kernelNames: readonly string[], inputs: readonly string[]): void {
  for (const kernelName of kernelNames) {
    registerExact({
      kernelName,
      inputsToSave: [...inputs],
      gradFunc: (_, saved) => Object.fromEntries(inputs.map((input, i) => [input, () => zeros(saved[i].shape)])),
    });
  }
}

/** dy summed over the axes along which an input of this shape was broadcast. */
export function sumToShape(dy: Tensor, shape: number[]): Tensor {
  const axes = broadcast_util.getReductionAxes(shape, dy.shape);
  return reshape(axes.length > 0 ? sum(dy, axes) : dy, shape);
}

/** 1 where the condition holds, else 0, as a constant, whose derivatives of any order are zero. */
export function mask(condition: () => Tensor): Tensor {
  return withoutGradient(() => cast(condition(), 'float32'));
}
