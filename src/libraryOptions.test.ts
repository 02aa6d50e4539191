import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { scalar, sum, tensor2d, type Scalar } from '@tensorflow/tfjs-core';
import { reversals, tinyConfig, tinyTask } from '../test/tinyRun.js';
import { selectBackend } from './backend/select.js';
import { defaultConfig, flatten, loadConfig } from './config/loadConfig.js';
import { schema } from './config/schema.js';
import { heldOutFields } from './corpus/extract/extractCorpus.js';
import { pairSourceFields, tsvFields } from './corpus/extract/readPairs.js';
import { prepareFields } from './corpus/prepare/options.js';
import { controlFields } from './corpus/prepare/prepareCorpus.js';
import { generateCorpus, synthFields } from './corpus/synth/generateCorpus.js';
import { createBatchesFields } from './data/batches.js';
import { pairsInMemory } from './data/pairSource.js';
import { beamSearchFields, decodeBatchFields, translateFields } from './decode/decodeOptions.js';
import { UsageError } from './errors.js';
import { refusal, type Field, type Fields } from './field.js';
import { scaleFields } from './gradinit/options.js';
import {
  beamSearch,
  bleu,
  bootstrap,
  chrf,
  corpusStatistics,
  createBatches,
  createNormalizer,
  createTokenizer,
  download,
  extractCorpus,
  gradInit,
  initParams,
  learnBpe,
  learnSentencePiece,
  metaInit,
  pairedTest,
  prepareCorpus,
  readPairs,
  ter,
  train,
  translate,
  type PrepareOptions,
} from './index.js';
import { metaInitFields } from './gradinit/metaInit.js';
import { modelConfigFields } from './model/config.js';
import { initFields } from './model/init.js';
import { seedField } from './random/seedField.js';
import { bleuFields } from './score/bleu.js';
import { chrfFields } from './score/chrf.js';
import { significanceFields } from './score/significance.js';
import { terFields } from './score/ter/terTokenizer.js';
import { downloadFields, patienceFields } from './storage/http/download.js';
import { cleanCallFields, createCleaner } from './text/clean/rules.js';
import { normalizeFields } from './text/moses/normalize.js';
import { tokenizeFields } from './text/moses/lineTokenizer.js';
import { sentencePieceFields } from './text/sentencepiece/options.js';
import { learnBpeFields } from './text/subwords/learnBpe.js';
import { vocabularyCallFields } from './text/vocabulary.js';
import { optimizers } from './train/optimizers.js';
import { leadFields } from './train/schedule.js';
import { trainFields } from './train/trainOptions.js';

before(async () => void (await selectBackend('cpu')));

/** A library call, and the fields of its options. */
interface OptionSet {
  readonly name: string;
  readonly fields: Fields;
  /** What comes before a key in messages. */
  readonly prefix: string;
  /** Calls the library with one option changed. */
  readonly call: (key: string, value: unknown) => unknown;
}

const folder = join(tmpdir(), 'coldstart-options-never-written');
const goal = {
  params: new Map([['w', tensor2d([[1, 2]])]]),
  loss: (params: ReadonlyMap<string, ReturnType<typeof tensor2d>>): Scalar => sum(params.get('w')!),
  batches: () => scalar(0),
} as never;
const trainWith = (options: object): unknown => train(tinyTask(folder, 'run', options));

const noFiles = { src: join(folder, 'none.de'), trg: join(folder, 'none.en') };

const beam = { beamSize: 2, lengthPenalty: 1, maxLenA: 1, maxLenB: 1 };
const corpus: PrepareOptions = {
  outDir: folder,
  srcLang: 'de',
  trgLang: 'en',
  train: { src: 'none.de', trg: 'none.en' },
  subwords: { method: 'none' },
  vocabulary: { joined: true },
};

const sets: readonly OptionSet[] = [
  { name: 'train', fields: trainFields, prefix: 'train.', call: (key, value) => trainWith({ [key]: value }) },
  { name: 'seed of train', fields: { seed: seedField }, prefix: '', call: (key, value) => trainWith({ [key]: value }) },
  {
    name: 'lead of train',
    fields: leadFields,
    prefix: 'train.lead.',
    call: (key, value) => trainWith({ lead: { shape: 'warmup', updates: 1, [key]: value } }),
  },
  ...optimizers.names.map((optimizer) => ({
    name: optimizer,
    fields: Object.fromEntries(
      Object.entries(optimizers.fields).filter(([key]) => optimizers.namesWith(key).includes(optimizer)),
    ),
    prefix: 'train.',
    call: (key: string, value: unknown): unknown => optimizers.create({ optimizer, [key]: value }),
  })),
  {
    name: 'model',
    fields: modelConfigFields,
    prefix: 'model.',
    call: (key, value) => initParams({ ...tinyConfig, [key]: value }, { method: 'xavier', seed: 1 }),
  },
  {
    name: 'initParams',
    fields: initFields,
    prefix: 'init.',
    call: (key, value) => initParams(tinyConfig, { method: 'xavier', seed: 1, [key]: value }),
  },
  {
    name: 'gradInit',
    fields: scaleFields,
    prefix: 'gradInit: ',
    call: (key, value) => gradInit({ ...(goal as object), algorithm: 'adam', [key]: value } as never),
  },
  {
    name: 'metaInit',
    fields: metaInitFields,
    prefix: 'metaInit: ',
    call: (key, value) => metaInit({ ...(goal as object), iterations: 1, [key]: value } as never),
  },
  {
    name: 'createBatches',
    fields: createBatchesFields,
    prefix: '',
    call: (key, value) => createBatches(pairsInMemory(reversals(2, 1)), { maxTokens: 60, [key]: value }),
  },
  {
    name: 'beamSearch',
    fields: beamSearchFields,
    prefix: '',
    call: (key, value) => beamSearch(new Map(), tinyConfig, [], { ...beam, [key]: value }),
  },
  {
    name: 'translate',
    fields: { ...beamSearchFields, ...decodeBatchFields, ...translateFields },
    prefix: '',
    call: (key, value) =>
      translate(new Map(), tinyConfig, [], { ...beam, maxTokens: 60, maxSentences: 4, [key]: value }),
  },
  {
    name: 'learnBpe',
    fields: learnBpeFields,
    prefix: '',
    call: (key, value) => learnBpe(new Map(), { numMerges: 1, [key]: value }),
  },
  {
    name: 'learnSentencePiece',
    fields: sentencePieceFields,
    prefix: '',
    call: (key, value) => learnSentencePiece([], { vocabSize: 8, [key]: value }),
  },
  {
    name: 'rules of cleanCorpus',
    fields: cleanCallFields,
    prefix: 'corpus.clean.',
    call: (key, value) => createCleaner({ [key]: value }, { srcLang: 'de', trgLang: 'en' }),
  },
  {
    name: 'prepareCorpus',
    fields: prepareFields,
    prefix: 'corpus.',
    call: (key, value) => prepareCorpus({ ...corpus, [key]: value }),
  },
  {
    name: 'vocabulary of prepareCorpus',
    fields: vocabularyCallFields,
    prefix: 'corpus.vocabulary.',
    call: (key, value) => prepareCorpus({ ...corpus, vocabulary: { joined: true, [key]: value } }),
  },
  {
    name: 'cleaning of prepareCorpus',
    fields: cleanCallFields,
    prefix: 'corpus.clean.',
    call: (key, value) => prepareCorpus({ ...corpus, clean: { [key]: value } }),
  },
  {
    name: 'control of prepareCorpus',
    fields: controlFields,
    prefix: '',
    call: (key, value) => prepareCorpus(corpus, { [key]: value }),
  },
  {
    name: 'generateCorpus',
    fields: synthFields,
    prefix: '',
    call: (key, value) => generateCorpus({ pairs: 1, seed: 1, [key]: value }),
  },
  {
    name: 'createTokenizer',
    fields: tokenizeFields,
    prefix: '',
    call: (key, value) => createTokenizer('en', { [key]: value }),
  },
  {
    name: 'createNormalizer',
    fields: normalizeFields,
    prefix: '',
    call: (key, value) => createNormalizer({ [key]: value }),
  },
  {
    name: 'download',
    fields: downloadFields,
    prefix: '',
    call: (key, value) => download({ urls: [], path: join(folder, 'file'), [key]: value }),
  },
  {
    name: 'patience of download',
    fields: patienceFields,
    prefix: 'patience.',
    call: (key, value) => download({ urls: [], path: join(folder, 'file'), patience: { [key]: value } }),
  },
  {
    name: 'held-out pairs of extractCorpus',
    fields: heldOutFields,
    prefix: 'heldOut.',
    call: (key, value) =>
      extractCorpus({ sources: [], out: noFiles, heldOut: { every: 2, out: noFiles, [key]: value } }),
  },
  {
    name: 'sources of extractCorpus',
    fields: { ...pairSourceFields, ...tsvFields },
    prefix: 'sources[0].',
    call: (key, value) =>
      extractCorpus({
        sources: [{ format: 'tsv', file: 'none.tsv', srcColumn: 1, trgColumn: 2, [key]: value } as never],
        out: noFiles,
      }),
  },
  {
    name: 'readPairs',
    fields: { ...pairSourceFields, ...tsvFields },
    prefix: '',
    call: (key, value) =>
      readPairs({ format: 'tsv', file: 'none.tsv', srcColumn: 1, trgColumn: 2, [key]: value } as never).next(),
  },
  { name: 'bleu', fields: bleuFields, prefix: 'BLEU: ', call: (key, value) => bleu({ [key]: value }) },
  { name: 'chrf', fields: chrfFields, prefix: 'chrF: ', call: (key, value) => chrf({ [key]: value }) },
  { name: 'ter', fields: terFields, prefix: 'TER: ', call: (key, value) => ter({ [key]: value }) },
  {
    name: 'bootstrap',
    fields: significanceFields.bs,
    prefix: 'bootstrap: ',
    call: (key, value) => bootstrap(bleu(), corpusStatistics(bleu(), ['a'], [['a']]), { [key]: value }),
  },
  {
    name: 'pairedTest',
    fields: significanceFields.ar,
    prefix: 'pairedTest: ',
    call: (key, value) => pairedTest([], { test: 'ar', [key]: value }),
  },
];

/** Values that a field refuses: of other types, not numbers, and just outside the bounds that it names. */
function refused(field: Field<unknown>): unknown[] {
  const numbers = [...field.accepts.matchAll(/-?\d+(\.\d+)?(e-?\d+)?/g)].map(([text]) => Number(text));
  const near = numbers.flatMap((bound) => [
    bound,
    bound - 1,
    bound + 1,
    bound * (1 - 1e-9),
    bound * (1 + 1e-9) + 1e-15,
  ]);
  const values = ['', 'nonsense', '1', NaN, -Infinity, 0.5, -1, 1e300, true, {}, [], [null], ...near];
  return values.filter((value) => field.parse(value) === undefined);
}

describe('options of library calls are refused by their fields, in the words in which configurations are', () => {
  const settings = new Map(flatten(schema));
  for (const { name, fields, prefix, call } of sets)
    test(name, async () => {
      for (const [key, untyped] of Object.entries(fields)) {
        const field = untyped as Field<unknown>;
        const values = refused(field);
        assert.ok(values.length >= 5, `${key}: ${values.length} values to try`);
        for (const value of values) {
          const expected = refusal(field, value, prefix + key)!;
          await assert.rejects(
            async () => call(key, value),
            (error: Error) => error instanceof UsageError && error.message === expected,
            `${name}: ${expected}`,
          );
          const setting = settings.get(prefix + key);
          if (setting !== undefined) assert.equal(refusal(setting, value, prefix + key), expected);
        }
      }
    });
});

test('a configuration refuses the same value in the same sentence, after the place', () => {
  const expected = refusal(trainFields.labelSmoothing, 2, 'train.labelSmoothing')!;
  assert.throws(() => loadConfig(join(process.cwd(), 'configs/builtin.yaml'), ['train.labelSmoothing=2']), {
    message: `--set: ${expected}`,
  });
  assert.equal(defaultConfig().train.labelSmoothing, trainFields.labelSmoothing.default);
});
