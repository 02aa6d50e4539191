import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { tidy } from '@tensorflow/tfjs-core';
import type { Params } from '../backend/autodiff/valueAndGradients.js';
import type { EpochBatches } from '../data/batches.js';
import type { ModelConfig } from '../model/config.js';
import { translationLoss } from '../model/loss.js';

/**
 * Mean label-smoothed loss and negative log-likelihood per target token, in nats, without dropout.
 * @returns undefined if the signal was aborted before the end
 */
export async function validationLoss(
  params: Params,
  batches: EpochBatches,
  { config, labelSmoothing, signal }: { config: ModelConfig; labelSmoothing: number; signal?: AbortSignal },
): Promise<{ loss: number; nll: number } | undefined> {
  let lossSum = 0;
  let nllSum = 0;
  let trgTokens = 0;
  for (let i = 0; i < batches.length; i++) {
    await yieldToEvents(); // lets signals in
    if (signal?.aborted) return undefined;
    const batch = batches.batch(i);
    tidy(() => {
      const loss = translationLoss(params, batch, { config, labelSmoothing });
      lossSum += loss.lossSum.dataSync()[0];
      nllSum += loss.nllSum.dataSync()[0];
    });
    trgTokens += batch.trgTokens;
  }
  return { loss: lossSum / trgTokens, nll: nllSum / trgTokens };
}
