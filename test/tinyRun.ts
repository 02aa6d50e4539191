import type { IdPair } from '../src/data/batch.js';
import { createBatches } from '../src/data/batches.js';
import { pairsInMemory } from '../src/data/pairSource.js';
import { Random } from '../src/random/xoshiro.js';
import type { ModelConfig } from '../src/model/config.js';
import { initParams } from '../src/model/init.js';
import type { TrainOptions } from '../src/train/trainOptions.js';
import type { TrainTask } from '../src/train/trainer.js';

/** A model small enough to train in a test, every kind of dropout included. */
export const tinyConfig: ModelConfig = {
  srcVocabSize: 14,
  trgVocabSize: 14,
  dModel: 32,
  dFf: 64,
  numHeads: 4,
  numEncoderLayers: 1,
  numDecoderLayers: 1,
  sharing: 'tied',
  layerNormEps: 1e-5,
  dropout: 0.1,
  attentionDropout: 0.1,
  reluDropout: 0.1,
};

/** Accumulation, clipping, warmup, and checkpoints, log entries and epochs that end at different updates. */
const tinyOptions: TrainOptions = {
  optimizer: 'adam',
  beta1: 0.9,
  beta2: 0.98,
  eps: 1e-8,
  weightDecay: 1e-4,
  schedule: 'inverse_sqrt',
  lr: 5e-3,
  warmupUpdates: 10,
  warmupInitLr: 1e-7,
  minLr: 0,
  maxUpdates: 24,
  seed: 3,
  labelSmoothing: 0.1,
  precision: 'fp32',
  updateFreq: 2,
  clipNorm: 1,
  maxEpochs: 0,
  validateEveryUpdates: 0,
  saveEveryUpdates: 5,
  keepEpochs: 2,
  keepEveryUpdates: 0,
  logEveryUpdates: 3,
  patience: 0,
  bestBy: 'loss',
};

/** Random sequences and their reversal. */
export function reversals(count: number, seed: number): IdPair[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const src = Array.from({ length: 2 + random.below(4) }, () => 4 + random.below(10));
    return { src: [...src, 2], trg: [...src].reverse().concat(2) };
  });
}

/** A run of the tiny model in `folder`/`name` with some options or parts changed. */
export function tinyTask(
  folder: string,
  name: string,
  changes: Partial<TrainOptions> = {},
  parts: Partial<TrainTask> = {},
): TrainTask {
  const options = { ...tinyOptions, ...changes } as TrainOptions;
  return {
    config: tinyConfig,
    options,
    params: parts.params ?? initParams(tinyConfig, { method: 'fairseq', seed: 1 }),
    trainBatches: createBatches(pairsInMemory(reversals(120, 1)), { maxTokens: 60, seed: options.seed }),
    validBatches: createBatches(pairsInMemory(reversals(20, 2)), { maxTokens: 200, shuffle: false }).epochBatches(1),
    runDir: `${folder}/${name}`,
    ...parts,
  };
}
