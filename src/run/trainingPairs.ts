import type { Config } from '../config/schema.js';
import { withPlaces } from '../config/loadConfig.js';
import type { PreparedCorpus } from '../corpus/preparedCorpus.js';
import { sampledPairs } from '../corpus/sampledPairs.js';
import type { EpochPairs } from '../data/batches.js';
import { pickFields } from '../field.js';
import { samplingFields } from '../text/subwords/unitSampling.js';

/**
 * The pairs that a configuration trains on in each epoch: always the same, or split again (`train.sampleSubwords`).
 * @throws UsageError if the corpus cannot be split again
 */
export function trainingPairs(corpus: PreparedCorpus, config: Pick<Config, 'train' | 'seed'>): EpochPairs {
  const { sampleSubwords: sides, ...settings } = pickFields(config.train, samplingFields);
  if (sides === 'none') {
    const pairs = corpus.dataset('train');
    return () => pairs;
  }
  const { maxTokens } = config.train;
  return withPlaces(config, () =>
    sampledPairs(corpus, {
      ...settings,
      sides: sides === 'both' ? ['src', 'trg'] : [sides],
      seed: config.seed,
      maxTokens,
    }),
  );
}
