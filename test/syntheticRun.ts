import type { IdPair } from '../src/data/batch.js';
import { createBatches } from '../src/data/batches.js';
import { pairsInMemory } from '../src/data/pairSource.js';
import { generateCorpus } from '../src/corpus/synth/generateCorpus.js';
import { initParams } from '../src/model/init.js';
import type { TrainOptions } from '../src/train/trainOptions.js';
import type { TrainTask } from '../src/train/trainer.js';
import { tinyConfig, tinyTask } from './tinyRun.js';

/**
 * A short run on the built-in corpus, whole words as tokens: matrices and batches large enough for several threads,
 * blocks of rows in the loss, and products in bf16, which those of `tinyTask` are not. Validates at its end only.
 */
export function syntheticTask(
  folder: string,
  name: string,
  changes: Partial<TrainOptions> & { maxUpdates: number },
  parts: Partial<TrainTask> = {},
): TrainTask {
  const ids = new Map<string, number>();
  const encode = (sentence: string): number[] =>
    sentence
      .split(' ')
      .map((word) => ids.get(word) ?? ids.set(word, 4 + ids.size).get(word)!)
      .concat(2);
  const pairs = (text: Iterable<{ de: string; en: string }>): IdPair[] =>
    [...text].map(({ de, en }) => ({ src: encode(de), trg: encode(en) }));
  const corpus = generateCorpus({ pairs: 1500, validPairs: 100, testPairs: 1, seed: 1 });
  const [train, valid] = [pairs(corpus.train), pairs(corpus.valid)];
  const config = { ...tinyConfig, dModel: 64, dFf: 128, srcVocabSize: 4 + ids.size, trgVocabSize: 4 + ids.size };
  const { seed = 1, maxUpdates } = changes;
  return tinyTask(
    folder,
    name,
    {
      seed,
      updateFreq: 1,
      lr: 5e-3,
      warmupUpdates: 20,
      saveEveryUpdates: 0,
      keepEpochs: 0,
      validateEveryUpdates: maxUpdates,
      ...changes,
    },
    {
      config,
      params: initParams(config, { method: 'fairseq', seed }),
      trainBatches: createBatches(pairsInMemory(train), { maxTokens: 500, seed }),
      validBatches: createBatches(pairsInMemory(valid), { maxTokens: 1000, shuffle: false }).epochBatches(1),
      ...parts,
    },
  );
}
