import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeConfig, defaultConfig } from '../config/loadConfig.js';
import { prepareOptions } from './prepareOptions.js';

const files = { 'corpus.dir': '/d', 'corpus.train.src': '/t.de', 'corpus.train.trg': '/t.en' };

test('the corpus section becomes options of prepareCorpus', () => {
  const options = prepareOptions(changeConfig(defaultConfig(), {
    ...files, 'corpus.subwords.method': 'bpe', 'corpus.subwords.codes': '/codes', 'corpus.trgSubwords.method': 'sentencepiece', 'corpus.trgSubwords.model': '/m.model',
    'corpus.maxLengthTokens': 100, 'corpus.vocabulary.joined': false, 'corpus.vocabulary.minCount': 2,
  }, 'test'));
  assert.deepEqual(options.train, { src: '/t.de', trg: '/t.en' });
  assert.equal(options.valid, undefined);
  assert.deepEqual(options.subwords, { method: 'bpe', codes: '/codes', vocabulary: undefined, vocabularyThreshold: undefined, glossaries: [] });
  assert.deepEqual(options.trgSubwords, { method: 'sentencepiece', model: '/m.model' });
  assert.deepEqual([options.maxLengthTokens, options.vocabulary.joined, options.vocabulary.minCount], [100, false, 2]);
});

test('what is missing is named', () => {
  const refused: [Record<string, unknown>, RegExp][] = [
    [{}, /does not set corpus\.dir\. Set it in the file, or with --set corpus\.dir=PATH\./],
    [{ 'corpus.dir': '/d' }, /does not set corpus\.train\.src/],
    [{ ...files, 'corpus.test.src': '/x' }, /does not set corpus\.test\.trg/],
    [{ ...files, 'corpus.subwords.method': 'bpe' }, /does not set corpus\.subwords\.codes/],
    [{ ...files, 'corpus.trgSubwords.method': 'sentencepiece' }, /does not set corpus\.trgSubwords\.model/],
  ];
  for (const [changes, message] of refused) assert.throws(() => prepareOptions(changeConfig(defaultConfig(), changes, 'test')), message);
});

test('vocabularies from files need no count', () => {
  const options = prepareOptions(changeConfig(defaultConfig(), { ...files, 'corpus.vocabulary.srcFile': '/v' }, 'test'));
  assert.deepEqual(options.vocabulary, { joined: true, srcFile: '/v', trgFile: undefined, maxSize: undefined, minCount: undefined });
});
