import { backendNames } from '../backend/backendNames.js';
import { letterCases, prepareFields } from '../corpus/prepare/options.js';
import { batchingFields } from '../data/batches.js';
import { beamFields, decodeBatchFields } from '../decode/decodeOptions.js';
import { initSections, learnedInits } from '../initial/learnedInits.js';
import { initFields } from '../model/init.js';
import { architectureNames, modelFields, sizeFields } from '../model/config.js';
import { seedField } from '../random/seedField.js';
import { cleanFields } from '../text/clean/rules.js';
import { unicodeForms } from '../text/moses/normalize.js';
import { tokenizeSettings } from '../text/moses/lineTokenizer.js';
import { methodField, subwordMethods } from '../text/subwords/subwordMethods.js';
import { samplingFields } from '../text/subwords/unitSampling.js';
import { vocabularyFields } from '../text/vocabulary.js';
import { optimizers } from '../train/optimizers.js';
import { trainFields } from '../train/trainOptions.js';
import {
  arms,
  choice,
  flag,
  grid,
  integer,
  integers,
  optionalInteger,
  optionalPath,
  optionalReal,
  optionalText,
  text,
  type Section,
  type Values,
} from '../field.js';

const pairFiles = (which: string) => ({
  src: optionalPath(`Source side of the ${which} set, plain text or .gz, one sentence per line.`),
  trg: optionalPath(`Target side of the ${which} set.`),
});

/**
 * Every setting, once: type, default, unit and help. `docs/reference/config.md` and error messages are made from it.
 */
export const schema = {
  seed: seedField,
  backend: choice(
    backendNames,
    'auto',
    'Backend that computes; auto takes the first of native, tensorflow, wasm and cpu that passes its check, or a GPU that is faster.',
  ),

  corpus: {
    dir: optionalPath('Folder of the prepared corpus: "corpus prepare" writes it, training reads it.'),
    srcLang: text('src', 'Source language code.'),
    trgLang: text('trg', 'Target language code.'),
    train: pairFiles('training'),
    valid: pairFiles('validation'),
    test: pairFiles('test'),
    holdOutEvery: prepareFields.holdOutEvery,
    normalize: {
      lowercase: flag(false, 'Small letters before every other step; tokenising then sees small letters.'),
      unicode: choice(['none', ...unicodeForms], 'none', 'Unicode normal form.'),
      punctuation: flag(false, 'Plain punctuation, as normalize-punctuation.perl.'),
      nonPrinting: flag(false, 'Control characters become spaces, as remove-non-printing-char.perl.'),
    },
    tokenize: {
      method: choice(['none', 'moses'], 'none', 'moses: words and punctuation are separated, as tokenizer.perl.'),
      ...tokenizeSettings,
      srcPrefixes: optionalPath("Non-breaking prefixes of the source language in Moses' format; default: built in."),
      trgPrefixes: optionalPath('Those of the target language.'),
    },
    clean: {
      ...cleanFields,
      leakage: flag(false, 'Remove training pairs that share a side with the validation or test set.'),
    },
    letterCase: choice(
      ['keep', ...letterCases],
      'keep',
      "After cleaning. lower: small letters; true: first words as they are written within sentences, as Moses' truecaser.",
    ),
    subwords: {
      method: methodField(subwordMethods.names),
      ...subwordMethods.fields,
    },
    trgSubwords: {
      method: choice(['same', ...subwordMethods.names], 'same', 'Subwords of the target; same: those of subwords.'),
      ...subwordMethods.fields,
    },
    vocabulary: {
      joined: flag(true, 'One vocabulary for both sides.'),
      ...vocabularyFields,
      srcFile: optionalPath('Existing source (or joined) vocabulary, fairseq dict.txt format.'),
      trgFile: optionalPath('Existing target vocabulary.'),
      allUnits: flag(
        false,
        'Gives an id also to units that only other splits of the words have; train.sampleSubwords needs them.',
      ),
    },
    maxLengthTokens: prepareFields.maxLengthTokens,
    maxLengthRatio: prepareFields.maxLengthRatio,
    shards: prepareFields.shards,
  },

  model: {
    arch: choice(
      architectureNames,
      'tiny',
      'Sizes to start from: tiny 4+4 layers 128/256, iwslt 6+6 512/1024, base 6+6 512/2048.',
    ),
    ...sizeFields,
    ...modelFields,
  },

  init: {
    ...initFields,
    from: optionalPath(
      'Run or checkpoint whose parameters training starts from (docs/reference/training.md); only rows of new tokens are drawn.',
    ),
  },

  ...initSections(learnedInits),

  train: {
    optimizer: optimizers.field,
    ...optimizers.fields,
    lr: trainFields.lr,
    schedule: trainFields.schedule,
    warmupUpdates: trainFields.warmupUpdates,
    warmupInitLr: optionalReal(
      `${trainFields.warmupInitLr.help} Default: -1 with GradInit, ${trainFields.warmupInitLr.default} otherwise.`,
    ),
    holdUpdates: trainFields.holdUpdates,
    extraEpoch: choice(
      ['none', 'constant', 'warmup'],
      'none',
      'One epoch before the schedule begins, at lr or rising to it; its updates count within maxUpdates.',
    ),
    minLr: trainFields.minLr,
    maxUpdates: trainFields.maxUpdates,
    countInit: flag(
      false,
      'Subtract the updates that GradInit, MetaInit or profiling cost (docs/reference/experiments.md) from maxUpdates.',
    ),
    maxEpochs: trainFields.maxEpochs,
    ...batchingFields,
    updateFreq: trainFields.updateFreq,
    precision: trainFields.precision,
    labelSmoothing: trainFields.labelSmoothing,
    ...samplingFields,
    clipNorm: trainFields.clipNorm,
    validateEveryUpdates: trainFields.validateEveryUpdates,
    validateBleu: flag(true, 'Also translate and score the validation set.'),
    validateBleuSentences: optionalInteger('Only this many first sentences of it.', { min: 1, unit: 'sentences' }),
    saveEveryUpdates: trainFields.saveEveryUpdates,
    keepEpochs: trainFields.keepEpochs,
    keepEveryUpdates: trainFields.keepEveryUpdates,
    logEveryUpdates: trainFields.logEveryUpdates,
    patience: trainFields.patience,
    bestBy: trainFields.bestBy,
  },

  decode: {
    checkpoint: choice(['best', 'last', 'average'], 'best', 'Parameters that the test set is translated with.'),
    averageLast: integer(10, 'Epoch checkpoints that average takes; fewer if the run has fewer.', {
      min: 1,
      unit: 'checkpoints',
    }),
    ...beamFields,
    ...decodeBatchFields,
    bleu: choice(
      ['tokenised', 'sacrebleu'],
      'sacrebleu',
      'tokenised: the text as it is, for corpora that are tokenised already (compares with multi-bleu and fairseq only).',
    ),
    lowercase: flag(false, 'Score without regard to case.'),
  },

  record: {
    gradientBatches: integer(
      8,
      'Batches whose gradients are measured before training, as drawn and as learned; 0: none.',
      { min: 0, unit: 'batches' },
    ),
    samples: integer(
      3,
      'Sentences of the validation set whose translations are logged whenever it is translated (train.validateBleu).',
      { min: 0, max: 1000, unit: 'sentences' },
    ),
    tensorBoard: flag(
      true,
      'Write TensorBoard event files into the run: scalars, and histograms of parameters at validations.',
    ),
    ratioUpdates: integer(500, 'Updates in which the size of updates relative to their weights is sampled.', {
      min: 0,
      unit: 'updates',
    }),
  },

  ablation: {
    baseline: optionalText('Arm that the others are compared with.'),
    seeds: integers([1], 'Each arm is trained once with each seed.'),
    arms: arms('Settings that each arm changes, by full key, `preset` first; or a list of presets.'),
    grid: grid('Every arm is trained with every combination of these values; they win over settings of arms.'),
    equalBudget: flag(
      true,
      'Count the cost of GradInit, MetaInit and profiling as updates: train.countInit for every run.',
    ),
    parallel: integer(1, 'Runs at the same time, each in its own process; they share the cores.', {
      min: 1,
      max: 1024,
      unit: 'processes',
    }),
  },
} as const satisfies Section;

/** A resolved configuration: every setting has its value. */
export type Config = Values<typeof schema>;
