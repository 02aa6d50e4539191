import { add, matMul, relu, type Tensor } from '@tensorflow/tfjs-core';
import { ShapeError } from '../../errors.js';
import { hasFusedKernel, runFused } from './dispatch.js';
import { activeDraw, dropout, type DropoutDraw } from './dropout.js';
import { linearKernel, linearsKernel, type LinearAttrs } from './kernels.js';

/**
 * y = x Wᵀ + b, then optionally ReLU, then optionally dropout.
 * @param x [N, in]
 * @param weight [out, in], the layout of torch.nn.Linear
 * @param bias [out]
 * @returns [N, out]
 * @throws ShapeError if the sizes do not fit
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, options: { relu?: boolean; dropout?: DropoutDraw } = {}): Tensor {
  checkShapes(x, weight, bias);
  const attrs: LinearAttrs = { relu: options.relu ?? false, dropout: activeDraw(options.dropout) };
  if (hasFusedKernel(linearKernel)) {
    return runFused(linearKernel, bias === undefined ? { x, weight } : { x, weight, bias }, attrs)[0];
  }
  let y: Tensor = matMul(x as never, weight as never, false, true);
  if (bias !== undefined) y = add(y, bias);
  if (attrs.relu) y = relu(y);
  return dropout(y, attrs.dropout);
}

/**
 * Several linear layers of one input (queries, keys and values): x Wᵢᵀ + bᵢ for every i.
 * @param x [N, in]
 * @param weights each [out, in]
 * @param biases one [out] for every weight
 * @returns one [N, out] for every weight
 */
export function linears(x: Tensor, weights: readonly Tensor[], biases: readonly Tensor[]): Tensor[] {
  if (weights.length !== biases.length) {
    throw new ShapeError(`linears: found ${weights.length} weights and ${biases.length} biases; every weight needs its bias.`);
  }
  if (!hasFusedKernel(linearsKernel)) return weights.map((weight, i) => linear(x, weight, biases[i]));
  weights.forEach((weight, i) => checkShapes(x, weight, biases[i]));
  const inputs: Record<string, Tensor> = { x };
  weights.forEach((weight, i) => { inputs[`weight${i}`] = weight; });
  biases.forEach((bias, i) => { inputs[`bias${i}`] = bias; });
  return runFused(linearsKernel, inputs, { count: weights.length });
}

function checkShapes(x: Tensor, weight: Tensor, bias: Tensor | undefined): void {
  if (x.rank !== 2 || weight.rank !== 2 || x.shape[1] !== weight.shape[1]) {
    throw new ShapeError(`linear: found x [${x.shape}] and weight [${weight.shape}]; expected [N, in] and [out, in].`);
  }
  if (bias !== undefined && (bias.rank !== 1 || bias.shape[0] !== weight.shape[0])) {
    throw new ShapeError(`linear: found weight [${weight.shape}] and bias [${bias.shape}]; expected bias [${weight.shape[0]}].`);
  }
}
