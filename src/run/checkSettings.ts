import { withPlaces } from '../config/loadConfig.js';
import { modelOptions } from '../config/modelOptions.js';
import type { Config } from '../config/schema.js';
import { optimizerOptions, trainOptions } from '../config/trainOptions.js';
import { UsageError } from '../errors.js';
import type { LearnedInit } from '../initial/learnedInit.js';
import { settingsOf } from '../initial/learnedInits.js';
import type { TrainOptions } from '../train/trainOptions.js';
import { checkAverage } from './chooseCheckpoint.js';
import { scheduleLead } from './epochShape.js';
import { chosenMethod } from './initialParams.js';

/** Sizes for checks before a corpus is open: any that sharing allows, as no other check depends on them. */
const anyVocabulary = { src: 1000, trg: 1000 };

/**
 * Checks what depends on the settings of a run alone: before its folder, its corpus, or another run of an ablation is
 * touched.
 *
 * @param methods learned initialisations to choose from; default: `learnedInits`
 * @returns the trainer's options
 * @throws UsageError naming a setting that cannot be used, or settings that contradict each other
 */
export function checkSettings(config: Config, methods?: readonly LearnedInit[]): TrainOptions {
  const options = trainOptions(config);
  withPlaces(config, () => checkBestBy(config.train));
  withPlaces(config, () => checkAverage(config));
  const model = modelOptions(config, anyVocabulary);
  const method = chosenMethod(config, methods);
  const lead = scheduleLead(config, 1); // of any length, as the corpus is not open
  method?.check?.({
    settings: settingsOf(config, method),
    model,
    train: { ...config.train, ...optimizerOptions(config), warmupInitLr: options.warmupInitLr, ...lead },
  });
  return options;
}

function checkBestBy({ bestBy, validateBleu }: Config['train']): void {
  if (bestBy === 'bleu' && !validateBleu)
    throw new UsageError(
      'train.bestBy is bleu, but train.validateBleu is false: no BLEU of the validation set is computed. Set train.validateBleu to true, or train.bestBy to loss.',
    );
}
