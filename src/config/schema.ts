import { backendNames } from '../backend/backendNames.js';
import { precisions } from '../backend/precisions.js';
import { initSections, learnedInits } from '../initial/learnedInits.js';
import { initMethods } from '../model/init.js';
import { residualSchemes, sharings } from '../model/config.js';
import { optimizers } from '../train/optimizers.js';
import {
  arms,
  choice,
  choices,
  flag,
  grid,
  integer,
  integers,
  optionalInteger,
  optionalPath,
  optionalReal,
  optionalText,
  real,
  text,
  texts,
  type Section,
  type Values,
} from '../field.js';

const pairFiles = (which: string) => ({
  src: optionalPath(`Source side of the ${which} set, plain text or .gz, one sentence per line.`),
  trg: optionalPath(`Target side of the ${which} set.`),
});

const subwordSettings = {
  merges: optionalInteger('Merges to learn from the training set, for bpe without codes.', { min: 1 }),
  joiner: text(
    '@@',
    'How segmented text marks a unit that the next one continues ("@@", "▁" for SentencePiece pieces, "" for whole words).',
  ),
  codes: optionalPath('subword-nmt codes file, for bpe.'),
  vocabulary: optionalPath('subword-nmt vocabulary file, for bpe: rarer units are split further.'),
  vocabularyThreshold: optionalInteger(
    'Units seen less often are split further: counted in that file, or with learnt merges in the training set.',
    { min: 0 },
  ),
  glossaries: texts('Regular expressions of words that bpe keeps whole.'),
  model: optionalPath('SentencePiece model, for sentencepiece.'),
  vocabSize: optionalInteger(
    'Pieces to learn from the training set, special ones included, for sentencepiece without a model.',
    { min: 4, max: 1_000_000 },
  ),
  modelType: choice(['unigram', 'bpe'], 'unigram', 'Kind of SentencePiece model to learn.'),
  tokenizer: optionalPath("tokenizer.json of Hugging Face's tokenizers, for huggingface."),
  characterCoverage: real(
    0.9995,
    'Share of the characters of the training set that a learnt SentencePiece model knows.',
    { min: 0.5, max: 1 },
  ),
};

/**
 * Every setting, once: type, default, unit and help. `docs/reference/config.md` and error messages are made from it.
 */
export const schema = {
  seed: integer(1, 'Seeds initial parameters, data order and dropout.', { min: 0, max: Number.MAX_SAFE_INTEGER }),
  backend: choice(backendNames, 'auto', 'Backend that computes; auto takes the fastest that passes its check.'),

  corpus: {
    dir: optionalPath('Folder of the prepared corpus: "corpus prepare" writes it, training reads it.'),
    srcLang: text('src', 'Source language code.'),
    trgLang: text('trg', 'Target language code.'),
    train: pairFiles('training'),
    valid: pairFiles('validation'),
    test: pairFiles('test'),
    holdOutEvery: optionalInteger(
      'Every nth training pair left by cleaning makes the validation set, instead of separate files.',
      { min: 2, unit: 'pairs' },
    ),
    normalize: {
      lowercase: flag(false, 'Small letters before every other step; tokenising then sees small letters.'),
      unicode: choice(['none', 'NFC', 'NFD', 'NFKC', 'NFKD'], 'none', 'Unicode normal form.'),
      punctuation: flag(false, 'Plain punctuation, as normalize-punctuation.perl.'),
      nonPrinting: flag(false, 'Control characters become spaces, as remove-non-printing-char.perl.'),
    },
    tokenize: {
      method: choice(['none', 'moses'], 'none', 'moses: words and punctuation are separated, as tokenizer.perl.'),
      aggressive: flag(false, 'Split hyphens (-a).'),
      escape: flag(true, 'Write & | < > \' " [ ] as character references; false: -no-escape.'),
      protectedPatterns: texts('Regular expressions of stretches kept whole (-protected).'),
      srcPrefixes: optionalPath("Non-breaking prefixes of the source language in Moses' format; default: built in."),
      trgPrefixes: optionalPath('Those of the target language.'),
    },
    clean: {
      minTokens: optionalInteger('Training pairs with a shorter side are removed.', { min: 1, unit: 'words' }),
      maxTokens: optionalInteger('Training pairs with a longer side are removed.', { min: 1, unit: 'words' }),
      maxRatio: optionalReal('Training pairs with a larger length ratio, either way, are removed.', { min: 1 }),
      maxWordLength: optionalInteger('Training pairs with a longer word are removed.', { min: 1, unit: 'characters' }),
      controlCharacters: flag(false, 'Remove training pairs with control, private-use or replacement characters.'),
      sameText: flag(false, 'Remove training pairs of equal sides.'),
      maxRepeatedTokens: optionalInteger('Training pairs with more equal words in a row are removed.', {
        min: 1,
        unit: 'words',
      }),
      minScriptShare: optionalReal("Least share of letters that belong to the language's script.", { min: 0, max: 1 }),
      ignoreXml: flag(false, 'Do not count tags as words.'),
      wrongLanguage: flag(
        false,
        "Remove training pairs with a side in the other side's language; the corpus itself shows the two languages.",
      ),
      duplicates: choices(['pair', 'source', 'target'], 'Which repetitions are removed from the training set.'),
      leakage: flag(false, 'Remove training pairs that share a side with the validation or test set.'),
    },
    letterCase: choice(
      ['keep', 'lower', 'true'],
      'keep',
      "After cleaning. lower: small letters; true: first words as they are written within sentences, as Moses' truecaser.",
    ),
    subwords: {
      method: choice(
        ['none', 'bpe', 'sentencepiece', 'huggingface'],
        'none',
        'none: the text is tokens already, separated by spaces.',
      ),
      ...subwordSettings,
    },
    trgSubwords: {
      method: choice(
        ['same', 'none', 'bpe', 'sentencepiece', 'huggingface'],
        'same',
        'Subwords of the target; same: those of subwords.',
      ),
      ...subwordSettings,
    },
    vocabulary: {
      joined: flag(true, 'One vocabulary for both sides.'),
      minCount: integer(1, 'Rarer tokens become <unk>.', { min: 1, unit: 'occurrences' }),
      maxSize: optionalInteger('Largest number of entries, the four special ones included.', {
        min: 5,
        unit: 'entries',
      }),
      srcFile: optionalPath('Existing source (or joined) vocabulary, fairseq dict.txt format.'),
      trgFile: optionalPath('Existing target vocabulary.'),
    },
    maxLengthTokens: optionalInteger('Longer training pairs are left out, after subwords.', { min: 1, unit: 'tokens' }),
    maxLengthRatio: optionalReal('Training pairs with a larger length ratio, either way, are left out.', { min: 1 }),
    shards: optionalInteger('Files into which the training set is divided; default: one per million pairs.', {
      min: 1,
      max: 512,
    }),
  },

  model: {
    arch: choice(
      ['tiny', 'iwslt', 'base'],
      'tiny',
      'Sizes to start from: tiny 4+4 layers 128/256, iwslt 6+6 512/1024, base 6+6 512/2048.',
    ),
    dModel: optionalInteger("Features of every layer; default: the arch's.", { min: 4, max: 65536 }),
    dFf: optionalInteger('Hidden features of feed-forward sublayers.', { min: 1, max: 1048576 }),
    numHeads: optionalInteger('Attention heads.', { min: 1, max: 65536 }),
    numEncoderLayers: optionalInteger('Encoder layers.', { min: 1, max: 1000 }),
    numDecoderLayers: optionalInteger('Decoder layers.', { min: 1, max: 1000 }),
    sharing: choice(
      sharings,
      'tied',
      "Which embeddings are one matrix: tied all three, decoder-tied the decoder's two, none.",
    ),
    residual: choice(
      residualSchemes,
      'post-ln',
      'How a sublayer f and its input x are joined: post-ln LN(x + f(x)), pre-ln x + f(LN(x)) and LN after the last layer, admin LN(w x + f(x)) with learned w, deepnorm LN(a x + f(x)), none x + f(x).',
    ),
    layerNormEps: real(1e-5, 'Added to the variance in layer normalisation.', { min: 1e-12, max: 0.1 }),
    dropout: real(0.1, 'Dropout after embeddings and sublayers.', { min: 0, max: 0.99 }),
    attentionDropout: real(0, 'Dropout of attention weights.', { min: 0, max: 0.99 }),
    reluDropout: real(0, 'Dropout after the feed-forward ReLU.', { min: 0, max: 0.99 }),
  },

  init: {
    method: choice(initMethods, 'fairseq', 'How initial parameters are drawn.'),
    from: optionalPath(
      'Run or checkpoint whose parameters training starts from (docs/reference/training.md); only rows of new tokens are drawn.',
    ),
  },

  ...initSections(learnedInits),

  train: {
    optimizer: choice(optimizers.names, 'adam', 'Optimiser.'),
    ...optimizers.fields,
    lr: real(5e-4, 'Highest learning rate.', { min: 0 }),
    schedule: choice(['inverse_sqrt', 'linear', 'constant'], 'inverse_sqrt', 'How the rate falls after the warmup.'),
    warmupUpdates: integer(4000, 'Updates over which the rate rises from warmupInitLr to lr.', {
      min: 0,
      unit: 'updates',
    }),
    warmupInitLr: real(
      1e-7,
      "Rate of the first update of a warmup; negative: lr, so that the warmup's updates run at the full rate.",
    ),
    holdUpdates: integer(0, 'Updates at lr after the warmup, before the rate falls.', { min: 0, unit: 'updates' }),
    extraEpoch: choice(
      ['none', 'constant', 'warmup'],
      'none',
      'One epoch before the schedule begins, at lr or rising to it; its updates count within maxUpdates.',
    ),
    minLr: real(0, 'Rate that linear reaches at maxUpdates.', { min: 0 }),
    maxUpdates: integer(0, 'Training ends after this many updates; 0: no limit.', { min: 0, unit: 'updates' }),
    countInit: flag(
      false,
      'Subtract the updates that GradInit, MetaInit or profiling cost (docs/reference/experiments.md) from maxUpdates.',
    ),
    maxEpochs: integer(0, 'Training ends after this many epochs; 0: no limit.', { min: 0, unit: 'epochs' }),
    maxTokens: integer(4096, 'Batch size: sentences times padded length of the longer side.', {
      min: 1,
      unit: 'tokens',
    }),
    maxSentences: optionalInteger('Most sentences per batch.', { min: 1, unit: 'sentences' }),
    updateFreq: integer(1, 'Batches whose gradients one update adds up.', { min: 1 }),
    precision: choice(
      precisions,
      'fp32',
      "Matrix products of training's loss and gradients: bf16 rounds the factors, sums and parameters stay float32 (native backend, processors with AMX or AVX-512 BF16).",
    ),
    labelSmoothing: real(0.1, "Probability spread over the wrong tokens (fairseq's V - 1).", { min: 0, max: 0.99 }),
    clipNorm: real(0, 'Bound on the global gradient norm; 0: none.', { min: 0 }),
    validateEveryUpdates: integer(0, 'Updates between validations; 0: once per epoch.', { min: 0, unit: 'updates' }),
    validateBleu: flag(true, 'Also translate and score the validation set.'),
    validateBleuSentences: optionalInteger('Only this many first sentences of it.', { min: 1, unit: 'sentences' }),
    saveEveryUpdates: integer(0, "Updates between checkpoints, besides those at each epoch's end.", {
      min: 0,
      unit: 'updates',
    }),
    keepEpochs: integer(10, 'Epochs whose parameters are kept for averaging.', { min: 0, unit: 'epochs' }),
    logEveryUpdates: integer(20, 'Updates between log lines.', { min: 1, unit: 'updates' }),
    patience: integer(0, 'Stop after this many validations without a new best; 0: never.', {
      min: 0,
      unit: 'validations',
    }),
    bestBy: choice(['loss', 'bleu'], 'loss', 'Which measure chooses the best checkpoint.'),
  },

  decode: {
    checkpoint: choice(['best', 'last', 'average'], 'best', 'Parameters that the test set is translated with.'),
    averageLast: integer(10, 'Epoch checkpoints that average takes; fewer if the run has fewer.', {
      min: 1,
      unit: 'checkpoints',
    }),
    beamSize: integer(5, 'Beam size; 1 is greedy.', { min: 1, max: 1000 }),
    lengthPenalty: real(1, 'Scores are divided by length to this power.', { min: 0, max: 100 }),
    maxLenA: real(1.2, 'Longest translation: maxLenA times source length plus maxLenB.', { min: 0 }),
    maxLenB: integer(10, 'See maxLenA.', { min: 1, unit: 'tokens' }),
    maxTokens: integer(4096, 'Batch size of decoding, in source tokens.', { min: 1, unit: 'tokens' }),
    maxSentences: integer(128, 'Most sentences per batch of decoding.', { min: 1, unit: 'sentences' }),
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
