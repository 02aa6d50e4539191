import { tidy, zeros, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import { ShapeError } from '../../errors.js';
import { backpropagate } from './backpropagate.js';
import { ensureExactGradients } from './exactGradients.js';

/** Named parameter tensors in a fixed order. The order is part of a checkpoint's identity. */
export type Params = ReadonlyMap<string, Tensor>;

/** Releases every tensor of the map. */
export function disposeParams(params: Params): void {
  for (const tensor of params.values()) tensor.dispose();
}

/**
 * The value of a scalar function of the parameters and its gradient for each of them.
 *
 * Calls nest: inside another `valueAndGradients` the gradients are themselves differentiable (see exactGradients.ts).
 *
 * @param loss a pure function of the parameters
 * @param params any named tensors; a tensor the loss does not use gets a gradient of zeros
 * @returns the value [] and one gradient per parameter, same names, order and shapes; the caller disposes both
 * @throws ShapeError if the loss is not a scalar
 */
export function valueAndGradients(
  loss: (params: Params) => Scalar,
  params: Params,
): { value: Scalar; gradients: Map<string, Tensor> } {
  ensureExactGradients();
  const tensors = [...params.values()];
  const results = tidy((): Tensor[] => {
    const { value, gradients } = backpropagate(() => loss(params), tensors);
    if (value.rank !== 0)
      throw new ShapeError(`the loss has shape [${value.shape}], expected a scalar. Sum or average it.`);
    return [value, ...gradients.map((gradient, i) => gradient ?? zeros(tensors[i].shape))];
  });
  const [value, ...gradients] = results;
  return { value: value as Scalar, gradients: new Map([...params.keys()].map((name, i) => [name, gradients[i]])) };
}
