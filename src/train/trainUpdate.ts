import { keep, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import { addInto } from '../backend/ops/addInto.js';
import { squaredNorm } from '../backend/ops/squaredNorm.js';
import { disposeParams, valueAndGradients, type Params } from '../backend/autodiff/valueAndGradients.js';
import { withPrecision } from '../backend/precision.js';
import type { Precision } from '../backend/precisions.js';
import type { Batch } from '../data/batch.js';
import type { ModelConfig } from '../model/config.js';
import { translationLoss } from '../model/loss.js';

/** Gradients of one update, summed over target tokens, with the numbers for the log. */
export interface UpdateGradients {
  /** Of the summed loss: divide by `trgTokens`. The caller disposes them. */
  readonly gradients: Params;
  readonly lossSum: number;
  readonly nllSum: number;
  readonly srcTokens: number;
  readonly trgTokens: number;
  /** L2 norm over all gradients of the mean loss. */
  readonly gradNormL2: number;
}

/**
 * Loss and gradients of one update over one or more batches (gradient accumulation), as if they were one large batch: sums
 * over tokens are added up, so that long and short batches weigh by their tokens.
 *
 * @param precision of matrix products, forward and backward; sums, norms and everything else are float32
 * @param update from 0; with the seed and the batch's number it determines the dropout masks
 */
export function updateGradients(
  params: Params,
  batches: readonly Batch[],
  {
    config,
    labelSmoothing,
    seed,
    update,
    precision,
  }: { config: ModelConfig; labelSmoothing: number; seed: number; update: number; precision: Precision },
): UpdateGradients {
  let gradients: Map<string, Tensor> | undefined;
  let lossSum = 0;
  let nllSum = 0;
  let srcTokens = 0;
  let trgTokens = 0;
  try {
    batches.forEach((batch, microBatch) => {
      let nll: Scalar | undefined;
      try {
        const result = withPrecision(precision, () =>
          valueAndGradients((p) => {
            const loss = translationLoss(p, batch, {
              config,
              labelSmoothing,
              dropoutKey: { seed, step: update, microBatch },
            });
            nll = keep(loss.nllSum);
            return loss.lossSum;
          }, params),
        );
        lossSum += result.value.dataSync()[0];
        nllSum += nll!.dataSync()[0];
        result.value.dispose();
        gradients = gradients === undefined ? result.gradients : addGradients(gradients, result.gradients);
      } finally {
        nll?.dispose();
      }
      srcTokens += batch.srcTokens;
      trgTokens += batch.trgTokens;
    });
  } catch (error) {
    if (gradients) disposeParams(gradients);
    throw error;
  }
  const squared = squaredNorm([...gradients!.values()]);
  const gradNormL2 = Math.sqrt(squared.dataSync()[0]) / trgTokens;
  squared.dispose();
  return { gradients: gradients!, lossSum, nllSum, srcTokens, trgTokens, gradNormL2 };
}

/** Sums of two sets of gradients, which it takes over. */
function addGradients(total: Params, more: Params): Map<string, Tensor> {
  return new Map([...total].map(([name, tensor]) => [name, addInto(tensor, more.get(name)!)]));
}
