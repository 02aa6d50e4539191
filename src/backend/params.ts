import { grads, tidy, type Scalar, type Tensor } from '@tensorflow/tfjs-core';

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
 */
export function valueAndGradients(loss: (params: Params) => Scalar, params: Params): { value: Scalar; gradients: Map<string, Tensor> } {
  void loss; void params; void grads; void tidy;
  throw new Error('written with exactGradients.ts');
}
