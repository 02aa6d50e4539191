import { setImmediate as yieldToEvents } from 'node:timers/promises';
import {
  abs,
  add,
  dispose,
  div,
  square,
  stack,
  sum,
  tidy,
  zerosLike,
  type Scalar,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { readComputed } from '../backend/readValues.js';
import { valueAndGradients, type Params } from '../backend/autodiff/valueAndGradients.js';
import type { Batch } from '../data/batch.js';

/** The gradients of several batches at the same parameters, for one tensor. Numbers that are not finite are null. */
export interface TensorGradients {
  readonly name: string;
  /** Elements. */
  readonly size: number;
  /** Mean over batches of the L1 and the L2 norm of the batch's gradient. */
  readonly normL1: number | null;
  readonly normL2: number | null;
  /** L2 norm of the mean gradient. */
  readonly meanNormL2: number | null;
  /** Variance over batches (unbiased), summed over elements: divide by `size` for the mean per element. */
  readonly variance: number | null;
  /** L2 norm of the tensor itself. */
  readonly weightNormL2: number;
}

/** gradients.json: gradients of the mean loss without dropout before training, on the same batches each time. */
export interface GradientRecord {
  readonly batches: number;
  /** Parameters as drawn; absent if nothing was learned. */
  readonly drawn?: GradientSample;
  /** Parameters that training began with. */
  readonly start: GradientSample;
}

export interface GradientSample {
  /** Mean over batches, nats per target token. */
  readonly loss: number | null;
  /** In the order of the parameters. */
  readonly tensors: readonly TensorGradients[];
}

/**
 * Norms and variance of the gradients that several batches have at the same parameters.
 *
 * @param lossOf mean loss of a batch, without dropout
 * @param batches at least two, or there is no variance
 * @param control.onBatch sees the number of batches done. An aborted signal throws its reason between two batches.
 * That GradInit lowers this variance is the explanation of Zhu et al. 2021 (arXiv 2102.08098).
 */
export async function measureGradients(
  params: Params,
  lossOf: (params: Params, batch: Batch) => Scalar,
  batches: readonly Batch[],
  { signal, onBatch }: { readonly signal?: AbortSignal; readonly onBatch?: (done: number) => void } = {},
): Promise<GradientSample> {
  const count = batches.length;
  const [normL1, normL2, squares] = Array.from({ length: 3 }, () => new Float64Array(params.size));
  let lossSum = 0;
  let total: Tensor[] = [...params.values()].map((tensor) => zerosLike(tensor));
  for (const [i, batch] of batches.entries()) {
    await yieldToEvents(); // lets signals in
    if (signal?.aborted) dispose(total);
    signal?.throwIfAborted();
    const { value, gradients } = valueAndGradients((p) => lossOf(p, batch), params);
    const tensors = [...gradients.values()];
    const reading = readComputed(() => [
      value,
      ofEach(tensors, (g) => sum(abs(g))),
      ofEach(tensors, (g) => sum(square(g))),
    ]);
    const next = total.map((tensor, t) => tidy(() => add(tensor, tensors[t])));
    dispose([value, ...tensors, ...total]);
    total = next;
    const [[loss], norms, squaredNorms] = await reading;
    lossSum += loss;
    norms.forEach((norm, t) => {
      normL1[t] += norm;
    });
    squaredNorms.forEach((squared, t) => {
      squares[t] += squared;
      normL2[t] += Math.sqrt(squared);
    });
    onBatch?.(i + 1);
  }
  const [meanSquares, weightSquares] = await readComputed(() => [
    ofEach(total, (sumOfAll) => sum(square(div(sumOfAll, count)))),
    ofEach([...params.values()], (weights) => sum(square(weights))),
  ]);
  dispose(total);
  return {
    loss: finite(lossSum / count),
    tensors: [...params].map(([name, { size }], t) => ({
      name,
      size,
      normL1: finite(normL1[t] / count),
      normL2: finite(normL2[t] / count),
      meanNormL2: finite(Math.sqrt(meanSquares[t])),
      // sum over elements of sum over batches (g - mean)^2 / (count - 1)
      variance: finite(Math.max(0, squares[t] - count * meanSquares[t]) / (count - 1)),
      weightNormL2: Math.sqrt(weightSquares[t]),
    })),
  };
}

/**
 * One number of each tensor. Intermediate results are released tensor by tensor: of all they would take the parameters'
 * memory again.
 */
function ofEach(tensors: readonly Tensor[], number: (tensor: Tensor) => Tensor): Tensor {
  return stack(tensors.map((tensor) => tidy(() => number(tensor))));
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
