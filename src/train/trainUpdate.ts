import { dispose, keep, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import { squaredNorms, totalSquaredNorm } from '../backend/ops/squaredNorm.js';
import { disposeParams, valueAndGradients, type Params } from '../backend/autodiff/valueAndGradients.js';
import { readNumbers } from '../backend/readValues.js';
import { withPrecision } from '../backend/precision.js';
import type { Precision } from '../backend/precisions.js';
import type { Batch } from '../data/batch.js';
import type { ModelConfig } from '../model/config.js';
import { translationLoss } from '../model/loss.js';
import { sumTensors } from '../parallel/sumTensors.js';
import type { TreeNode } from '../parallel/sumTree.js';

/** Gradients of one update, summed over target tokens, with the numbers for the log. */
export interface UpdateGradients extends BatchSums {
  /** Of the summed loss: divide by `trgTokens`. The caller disposes them. */
  readonly gradients: Params;
  /** L2 norm over all gradients of the mean loss. */
  readonly gradNormL2: number;
}

/** The numbers for the log, of one batch or of several. */
export interface BatchSums {
  readonly lossSum: number;
  readonly nllSum: number;
  readonly srcTokens: number;
  readonly trgTokens: number;
}

export interface UpdateOptions {
  readonly config: ModelConfig;
  readonly labelSmoothing: number;
  readonly seed: number;
  /** From 0; with the seed and the batch's number it determines the dropout masks. */
  readonly update: number;
  /** Of matrix products, forward and backward; sums, norms and everything else are float32. */
  readonly precision: Precision;
}

/**
 * Loss and gradients of one update over one or more batches (gradient accumulation), as if they were one large batch:
 * sums over tokens are added up, so that long and short batches weigh by their tokens. The order of additions is that
 * of sumTree.ts.
 */
export async function updateGradients(
  params: Params,
  batches: readonly Batch[],
  options: UpdateOptions,
): Promise<UpdateGradients> {
  const all = { lo: 0, hi: batches.length };
  const { gradients, losses } = await nodeGradients(params, all, (microBatch) => batches[microBatch], options);
  try {
    const { sums, norms } = await readSums(losses, gradients);
    const total = addSums(sums);
    return { gradients, ...total, gradNormL2: meanNorm(norms, total.trgTokens) };
  } catch (error) {
    disposeParams(gradients);
    throw error;
  }
}

/** The sums of one batch that are not read yet. */
export interface BatchLosses {
  readonly lossSum: Scalar;
  readonly nllSum: Scalar;
  readonly srcTokens: number;
  readonly trgTokens: number;
}

/** Reads the sums of batches, which are disposed, and the gradients' `squaredNorms`, in one read. */
export async function readSums(
  losses: readonly BatchLosses[],
  gradients?: Params,
): Promise<{ sums: BatchSums[]; norms: readonly number[] }> {
  const tensors: Tensor[] = losses.flatMap(({ lossSum, nllSum }) => [lossSum, nllSum]);
  let reading: Promise<number[]>;
  try {
    if (gradients?.size) tensors.push(squaredNorms([...gradients.values()]));
    reading = readNumbers(tensors);
  } finally {
    dispose(tensors);
  }
  const values = await reading;
  const sums = losses.map(({ srcTokens, trgTokens }, i) => ({
    lossSum: values[2 * i],
    nllSum: values[2 * i + 1],
    srcTokens,
    trgTokens,
  }));
  return { sums, norms: values.slice(2 * losses.length) };
}

/**
 * Gradients summed over some of an update's batches, which are a node of the tree, and the sums of each batch, for
 * `readSums`.
 *
 * @param batchOf the update's batch of that number; read when its turn comes
 */
export async function nodeGradients(
  params: Params,
  node: TreeNode,
  batchOf: (microBatch: number) => Batch,
  options: UpdateOptions,
): Promise<{ gradients: Map<string, Tensor>; losses: BatchLosses[] }> {
  const losses: BatchLosses[] = [];
  try {
    const gradients = await sumTensors(node, (microBatch) => {
      const result = batchGradients(params, batchOf(microBatch), microBatch, options);
      losses.push(result.losses);
      return result.gradients;
    });
    return { gradients, losses };
  } catch (error) {
    for (const { lossSum, nllSum } of losses) dispose([lossSum, nllSum]);
    throw error;
  }
}

function batchGradients(
  params: Params,
  batch: Batch,
  microBatch: number,
  { config, labelSmoothing, seed, update, precision }: UpdateOptions,
): { gradients: Map<string, Tensor>; losses: BatchLosses } {
  let nllSum: Scalar | undefined;
  try {
    const { value: lossSum, gradients } = withPrecision(precision, () =>
      valueAndGradients((p) => {
        const loss = translationLoss(p, batch, {
          config,
          labelSmoothing,
          dropoutKey: { seed, step: update, microBatch },
        });
        nllSum = keep(loss.nllSum);
        return loss.lossSum;
      }, params),
    );
    const { srcTokens, trgTokens } = batch;
    return { gradients, losses: { lossSum, nllSum: nllSum!, srcTokens, trgTokens } };
  } catch (error) {
    nllSum?.dispose();
    throw error;
  }
}

/** The sums of several batches, added from the first to the last. */
export function addSums(sums: readonly BatchSums[]): BatchSums {
  const total = { lossSum: 0, nllSum: 0, srcTokens: 0, trgTokens: 0 };
  for (const { lossSum, nllSum, srcTokens, trgTokens } of sums) {
    total.lossSum += lossSum;
    total.nllSum += nllSum;
    total.srcTokens += srcTokens;
    total.trgTokens += trgTokens;
  }
  return total;
}

/**
 * L2 norm of the mean over tokens of gradients summed over tokens.
 * @param norms the gradients' `squaredNorms`
 */
export function meanNorm(norms: Iterable<number>, trgTokens: number): number {
  return Math.sqrt(totalSquaredNorm(norms)) / trgTokens;
}

/** Whether training can go on after an update. */
export function isFiniteStep({ lossSum, gradNormL2 }: UpdateGradients): boolean {
  return Number.isFinite(lossSum) && Number.isFinite(gradNormL2);
}
