import { add, matMul, registerGradient, relu, type Tensor } from '@tensorflow/tfjs-core';
import { ShapeError } from '../../errors.js';
import { assertFirstOrder, fusedWithGradient, hasFusedKernel, runFused } from './dispatch.js';
import { activeDraw, dropout } from './dropout.js';
import type { DropoutDraw } from './dropoutDraw.js';
import { linearGradKernel, linearKernel, linearsGradKernel, linearsKernel, type LinearAttrs } from './kernels.js';

/**
 * y = x Wᵀ + b, then optionally ReLU, then optionally dropout.
 * @param x [N, in]
 * @param weight [out, in], the layout of torch.nn.Linear
 * @param bias [out]
 * @returns [N, out]
 * @throws ShapeError if the sizes do not fit
 */
export function linear(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options: { relu?: boolean; dropout?: DropoutDraw } = {},
): Tensor {
  checkShapes(x, weight, bias);
  const attrs: LinearAttrs = {
    hasBias: bias !== undefined,
    relu: options.relu ?? false,
    dropout: activeDraw(options.dropout),
  };
  if (hasFusedKernel(linearKernel)) return fusedLinear(x, weight, bias, attrs);
  let y: Tensor = matMul(x as never, weight as never, false, true);
  if (bias !== undefined) y = add(y, bias);
  if (attrs.relu) y = relu(y);
  return dropout(y, attrs.dropout);
}

function fusedLinear(x: Tensor, weight: Tensor, bias: Tensor | undefined, attrs: LinearAttrs): Tensor {
  return fusedWithGradient(
    bias === undefined ? [x, weight] : [x, weight, bias],
    () => {
      const [y] = runFused(linearKernel, { x, weight, bias }, attrs);
      return { value: y, saved: attrs.relu ? [x, weight, y] : [x, weight] };
    },
    (dy, [savedX, savedWeight, y]) => runFused(linearGradKernel, { dy, x: savedX, weight: savedWeight, y }, attrs),
  );
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
    throw new ShapeError(
      `linears: found ${weights.length} weights and ${biases.length} biases; every weight needs its bias.`,
    );
  }
  if (!hasFusedKernel(linearsKernel)) return weights.map((weight, i) => linear(x, weight, biases[i]));
  weights.forEach((weight, i) => checkShapes(x, weight, biases[i]));
  return runFused(linearsKernel, [x, ...weights, ...biases], { count: weights.length });
}

// customGrad cannot have several outputs.
registerGradient({
  kernelName: linearsKernel,
  saveAllInputs: true,
  gradFunc: (dys, saved, attrs) => {
    assertFirstOrder();
    const { count } = attrs as unknown as { count: number };
    const [x, ...rest] = saved;
    const gradients = runFused(linearsGradKernel, [x, ...rest.slice(0, count), ...(Array.isArray(dys) ? dys : [dys])], {
      count,
    });
    return Object.fromEntries(gradients.map((gradient, i) => [i, () => gradient]));
  },
});

function checkShapes(x: Tensor, weight: Tensor, bias: Tensor | undefined): void {
  if (x.rank !== 2 || weight.rank !== 2 || x.shape[1] !== weight.shape[1]) {
    throw new ShapeError(`linear: found x [${x.shape}] and weight [${weight.shape}]; expected [N, in] and [out, in].`);
  }
  if (bias !== undefined && (bias.rank !== 1 || bias.shape[0] !== weight.shape[0])) {
    throw new ShapeError(
      `linear: found weight [${weight.shape}] and bias [${bias.shape}]; expected bias [${weight.shape[0]}].`,
    );
  }
}
