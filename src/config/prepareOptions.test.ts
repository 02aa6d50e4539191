import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeConfig, defaultConfig } from './loadConfig.js';
import { prepareOptions } from './prepareOptions.js';

const files = { 'corpus.dir': '/d', 'corpus.train.src': '/t.de', 'corpus.train.trg': '/t.en' };

test('the corpus section becomes options of prepareCorpus', () => {
  const options = prepareOptions(
    changeConfig(
      defaultConfig(),
      {
        ...files,
        'corpus.subwords.method': 'bpe',
        'corpus.subwords.codes': '/codes',
        'corpus.trgSubwords.method': 'sentencepiece',
        'corpus.trgSubwords.model': '/m.model',
        'corpus.maxLengthTokens': 100,
        'corpus.vocabulary.joined': false,
        'corpus.vocabulary.minCount': 2,
      },
      'test',
    ),
  );
  assert.deepEqual(options.train, { src: '/t.de', trg: '/t.en' });
  assert.equal(options.valid, undefined);
  assert.deepEqual(options.subwords, {
    method: 'bpe',
    codes: '/codes',
    vocabulary: undefined,
    vocabularyThreshold: undefined,
    glossaries: [],
  });
  assert.deepEqual(options.trgSubwords, { method: 'sentencepiece', model: '/m.model' });
  assert.deepEqual([options.maxLengthTokens, options.vocabulary.joined, options.vocabulary.minCount], [100, false, 2]);
});

test('the recipe of preprocessing becomes options; groups without settings give no options', () => {
  const plain = prepareOptions(changeConfig(defaultConfig(), files, 'test'));
  assert.deepEqual(
    [plain.normalize, plain.tokenize, plain.clean, plain.letterCase, plain.shards],
    [undefined, undefined, undefined, undefined, undefined],
  );
  const options = prepareOptions(
    changeConfig(
      defaultConfig(),
      {
        ...files,
        'corpus.normalize.punctuation': true,
        'corpus.tokenize.method': 'moses',
        'corpus.tokenize.srcPrefixes': '/p',
        'corpus.clean.maxRatio': 1.5,
        'corpus.clean.duplicates': ['pair', 'source'],
        'corpus.clean.leakage': true,
        'corpus.letterCase': 'true',
        'corpus.subwords.method': 'bpe',
        'corpus.subwords.merges': 100,
        'corpus.shards': 4,
      },
      'test',
    ),
  );
  assert.deepEqual(options.normalize, { unicode: undefined, punctuation: true, nonPrinting: false });
  assert.deepEqual(options.tokenize, { aggressive: false, escape: true, srcPrefixes: '/p', trgPrefixes: undefined });
  assert.deepEqual(JSON.parse(JSON.stringify(options.clean)), {
    maxRatio: 1.5,
    leakage: true,
    duplicates: ['pair', 'source'],
  });
  assert.deepEqual([options.letterCase, options.shards], ['true', 4]);
  assert.deepEqual(options.subwords, {
    method: 'bpe',
    learn: { merges: 100 },
    vocabularyThreshold: undefined,
    glossaries: [],
  });
});

test('missing settings are named', () => {
  const refused: [Record<string, unknown>, RegExp][] = [
    [{}, /does not set corpus\.dir\. Set it in the file, or with --set corpus\.dir=PATH\./],
    [{ 'corpus.dir': '/d' }, /does not set corpus\.train\.src/],
    [{ ...files, 'corpus.test.src': '/x' }, /does not set corpus\.test\.trg/],
    [{ ...files, 'corpus.subwords.method': 'bpe' }, /does not set corpus\.subwords\.codes/],
    [
      { ...files, 'corpus.subwords.method': 'bpe', 'corpus.subwords.merges': 9, 'corpus.subwords.codes': '/c' },
      /subwords\.merges asks to learn, but codes names a learnt file/,
    ],
    [
      {
        ...files,
        'corpus.subwords.method': 'bpe',
        'corpus.subwords.codes': '/c',
        'corpus.subwords.vocabularyThreshold': 9,
      },
      /subwords\.vocabularyThreshold has no effect, as corpus\.subwords\.vocabulary is not set/,
    ],
    [
      { ...files, 'corpus.clean.duplicates': ['both'] },
      /clean\.duplicates is \["both"\], expected a list of pair, source, target, none twice/,
    ],
    [
      { ...files, 'corpus.train.src': '/m.tmx', 'corpus.train.trg': '/m.tmx', 'corpus.srcLang': 'fr' },
      /corpus\.train\.src is \/m\.tmx, a file of the format tmx, expected text with one sentence per line\. Extract the sentences first: npx coldstart corpus extract --input \/m\.tmx --out-src corpus\.fr --out-trg corpus\.en \(/,
    ],
    [
      { ...files, 'corpus.valid.src': '/v.de', 'corpus.valid.trg': '/v.en.sgm' },
      /corpus\.valid\.trg is \/v\.en\.sgm, a file of the format segments.* --src \/v\.de --trg \/v\.en\.sgm --out-src corpus\.de /,
    ],
    [
      { ...files, 'corpus.test.src': '/t.csv', 'corpus.test.trg': '/t.en' },
      /corpus\.test\.src is \/t\.csv, not a text file/,
    ],
    [{ ...files, 'corpus.trgSubwords.method': 'sentencepiece' }, /does not set corpus\.trgSubwords\.model/],
  ];
  for (const [changes, message] of refused)
    assert.throws(() => prepareOptions(changeConfig(defaultConfig(), changes, 'test')), message);
});

test('vocabularies from files need no counting', () => {
  const options = prepareOptions(
    changeConfig(defaultConfig(), { ...files, 'corpus.vocabulary.srcFile': '/v' }, 'test'),
  );
  assert.deepEqual(options.vocabulary, {
    joined: true,
    srcFile: '/v',
    trgFile: undefined,
    maxSize: undefined,
    minCount: undefined,
  });
});
