import { nextTurn } from '../backend/nextTurn.js';
import { readNumbers } from '../backend/readValues.js';
import { tidy } from '@tensorflow/tfjs-core';
import type { Params } from '../backend/autodiff/valueAndGradients.js';
import type { EpochBatches } from '../data/batches.js';
import type { ModelConfig } from '../model/config.js';
import { translationLoss } from '../model/loss.js';
import { shareOut } from '../parallel/sharedWork.js';
import type { World } from '../parallel/world.js';

export interface ValidationLossOptions {
  readonly config: ModelConfig;
  readonly labelSmoothing: number;
  readonly signal?: AbortSignal;
  /** The processes that share out the batches; all get the same result. Default: this one alone. */
  readonly world?: World;
}

/**
 * Mean label-smoothed loss and negative log-likelihood per target token, in nats, without dropout.
 * @returns undefined if a signal was aborted before the end
 */
export async function validationLoss(
  params: Params,
  batches: EpochBatches,
  { config, labelSmoothing, signal, world }: ValidationLossOptions,
): Promise<{ loss: number; nll: number } | undefined> {
  const sums = await shareOut(
    world,
    batches.length,
    async (i) => {
      await nextTurn(); // lets signals in
      const batch = batches.batch(i);
      let reading!: Promise<number[]>;
      tidy(() => {
        const loss = translationLoss(params, batch, { config, labelSmoothing });
        reading = readNumbers([loss.lossSum, loss.nllSum]);
      });
      const [lossSum, nllSum] = await reading;
      return { lossSum, nllSum, trgTokens: batch.trgTokens };
    },
    signal,
  );
  if (sums === undefined) return undefined;
  const total = (key: keyof (typeof sums)[number]): number => sums.reduce((sum, one) => sum + one[key], 0);
  return { loss: total('lossSum') / total('trgTokens'), nll: total('nllSum') / total('trgTokens') };
}
