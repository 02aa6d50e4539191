import { counted } from '../counted.js';

/** The corpus for which a starting configuration is written. */
export interface StartingCorpus {
  readonly srcLang: string;
  readonly trgLang: string;
  /** Sentence pairs of the training text, before cleaning. */
  readonly pairs: number;
  /** Folder of train.* and test.*, and folder to write ids to, relative to the configuration. */
  readonly textDir: string;
  readonly preparedDir: string;
  /** Pairs held out of the training set for testing. */
  readonly testPairs: number;
  /** How training begins. Default: warmup. */
  readonly start?: Start;
}

/** Ways of starting that `coldstart init` writes; `cold` as the preset of ablations. */
export const starts = ['warmup', 'cold'] as const;
export type Start = (typeof starts)[number];

/** The distance between held-out pairs: one in twenty is held out, but at most about 2,000 in all. */
export function heldOutEvery(pairs: number): number {
  return Math.max(20, Math.ceil(pairs / 2000));
}

interface Size {
  /** Corpora with fewer pairs. */
  readonly below: number;
  readonly merges: number;
  readonly model: string;
  readonly train: string;
}

/** Settings of the tiny model. Batches per update, and the length of a run and of the warmup, grow with the corpus. */
function tiny(own: {
  lr: string;
  warmupUpdates: number;
  maxTokens: number;
  updateFreq: number;
  maxUpdates: number;
  validateEveryUpdates: number;
}): Pick<Size, 'model' | 'train'> {
  const line = (setting: string, comment: string): string => `  ${setting.padEnd(29)} # ${comment}`;
  return {
    model: `  arch: tiny                    # 4+4 layers of width 128; "iwslt" and "base" are larger and slower
  sharing: tied                 # one embedding for both languages and the output
  dropout: 0.3                  # against overfitting: less for larger corpora`,
    train: [
      line(`lr: ${own.lr}`, 'the highest learning rate; try a third of it if the loss does not fall'),
      '  schedule: inverse_sqrt',
      line(`warmupUpdates: ${own.warmupUpdates}`, 'the rate rises over these, then falls with the inverse square root'),
      line(`maxTokens: ${own.maxTokens}`, 'size of a batch: less if memory is short'),
      line(`updateFreq: ${own.updateFreq}`, 'batches per update'),
      line(`maxUpdates: ${own.maxUpdates}`, 'the end of training, if patience does not end it before'),
      `  validateEveryUpdates: ${own.validateEveryUpdates}`,
    ].join('\n'),
  };
}

/**
 * From the smallest corpora to the largest. The settings of the last three are those of the shipped configurations for
 * corpora of these sizes. Small corpora need small batches, since an epoch would be one or two large ones, and few
 * updates, since training soon repeats what it has memorised.
 */
const sizes: readonly Size[] = [
  {
    below: 2000,
    merges: 500,
    ...tiny({
      lr: '2e-3',
      warmupUpdates: 200,
      maxTokens: 1024,
      updateFreq: 1,
      maxUpdates: 1000,
      validateEveryUpdates: 100,
    }),
  },
  {
    below: 15_000,
    merges: 2000,
    ...tiny({
      lr: '3e-3',
      warmupUpdates: 500,
      maxTokens: 2048,
      updateFreq: 1,
      maxUpdates: 3000,
      validateEveryUpdates: 200,
    }),
  },
  {
    below: 100_000,
    merges: 8000,
    ...tiny({
      lr: '5e-3',
      warmupUpdates: 2000,
      maxTokens: 4096,
      updateFreq: 2,
      maxUpdates: 8000,
      validateEveryUpdates: 400,
    }),
  },
  {
    below: 1_000_000,
    merges: 10_000,
    model: `  arch: iwslt                   # 6+6 layers of width 512; "tiny" is smaller and faster, "base" larger
  sharing: tied                 # one embedding for both languages and the output
  dropout: 0.3                  # against overfitting: less for larger corpora
  attentionDropout: 0.1
  reluDropout: 0.1`,
    train: `  lr: 5e-4                      # the highest learning rate; try a third of it if the loss does not fall
  schedule: inverse_sqrt
  warmupUpdates: 4000           # the rate rises over these, then falls with the inverse square root
  weightDecay: 1e-4
  maxTokens: 4096               # size of a batch: less if memory is short
  maxUpdates: 30000             # the end of training, if patience does not end it before
  validateEveryUpdates: 1000`,
  },
  {
    below: Infinity,
    merges: 32_000,
    model: `  arch: base                    # 6+6 layers of width 512, feed-forward 2048; "iwslt" and "tiny" are smaller and faster
  sharing: tied                 # one embedding for both languages and the output
  dropout: 0.1`,
    train: `  lr: 7e-4                      # the highest learning rate; try a third of it if the loss does not fall
  schedule: inverse_sqrt
  warmupUpdates: 4000           # the rate rises over these, then falls with the inverse square root
  maxTokens: 4096               # size of a batch: less if memory is short
  updateFreq: 8                 # batches per update
  maxUpdates: 100000            # the end of training, if patience does not end it before
  validateEveryUpdates: 2000
  saveEveryUpdates: 1000`,
  },
];

/** A configuration to start from for two files of running text, with a comment on every setting that matters. */
export function startingConfig({ srcLang, trgLang, pairs, testPairs, start, ...dirs }: StartingCorpus): string {
  const { merges, model, train } = sizes.find(({ below }) => pairs < below)!;
  const text = (set: string): string =>
    `{ src: ${yamlText(`${dirs.textDir}/${set}.${srcLang}`)}, trg: ${yamlText(`${dirs.textDir}/${set}.${trgLang}`)} }`;
  return `# Translation from ${srcLang} to ${trgLang}, written by "coldstart init" for ${counted(pairs, 'sentence pair')}. Change what you like; every setting is in
# docs/reference/config.md of the package. Paths are relative to this file.
#
# The number of subwords, the model, the size of a batch, the warmup, the number of updates and how often the run validates were
# chosen for that many pairs. "coldstart train --dry-run" says how long they take here.
seed: 1                         # another seed: another run of the same kind

corpus:
  dir: ${yamlText(dirs.preparedDir)}
  srcLang: ${srcLang}
  trgLang: ${trgLang}
  train: ${text('train')}
  test: ${text('test')}         # ${testPairs} pairs, held out for the final score
  holdOutEvery: ${heldOutEvery(pairs)}              # every such training pair is for validation instead
  normalize: { unicode: NFC, nonPrinting: true }
  tokenize: { method: moses }   # "none" for languages that write no spaces, and then subwords of the method sentencepiece
  clean:
    minTokens: 1
    maxTokens: 175              # longer sentences are rarely translated well, and cost memory
    maxRatio: 3                 # pairs of very different lengths are rarely translations
    duplicates: [pair]
    leakage: true               # nothing of the validation and test sets in training
  letterCase: keep              # "lower" if letter case does not matter
  subwords: { method: bpe, merges: ${merges} } # learnt from the training set of both languages; fewer for smaller corpora

model:
${model}

train:
${train}
  labelSmoothing: 0.1
  validateBleuSentences: 200    # of the validation set are translated at each validation, all of it counts for the loss
  patience: 10                  # stop after so many validations without a better one

${
  start === 'cold'
    ? `gradinit: { algorithm: adam }   # learns the scales of the first parameters and updates; the warmup's updates run at lr`
    : `# Without the warmup, with this line ("coldstart init --start cold" writes it):
# gradinit: { algorithm: adam } # learns the scales of the first parameters and updates; the warmup's updates run at lr`
}

decode:
  beamSize: 5
  bleu: sacrebleu               # of running text, comparable with other systems
`;
}

/** Plain if YAML reads it as text, otherwise in quotes. */
function yamlText(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : JSON.stringify(text);
}
