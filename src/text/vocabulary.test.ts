import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readVocabulary } from './readVocabulary.js';
import { Vocabulary } from './vocabulary.js';
import { casePath } from '../../test/cases.js';

test('ids run from 4 by falling count, equal counts by code point', () => {
  const counts = new Map([
    ['b', 2],
    ['a', 2],
    ['rare', 1],
    ['\u{1F600}', 2],
    ['\uFF5E', 2],
    ['the', 9],
    ['<unk>', 5],
  ]);
  const vocabulary = Vocabulary.fromCounts(counts);
  assert.deepEqual(vocabulary.tokens, [
    '<s>',
    '<pad>',
    '</s>',
    '<unk>',
    'the',
    'a',
    'b',
    '\uFF5E',
    '\u{1F600}',
    'rare',
  ]);
  assert.equal(vocabulary.toText(), 'the 9\na 2\nb 2\n\uFF5E 2\n\u{1F600} 2\nrare 1\n');
  assert.equal(Vocabulary.fromCounts(counts, { minCount: 2 }).size, 9);
  assert.deepEqual(Vocabulary.fromCounts(counts, { maxSize: 6 }).tokens.slice(4), ['the', 'a']);
});

test('sentences become ids with an end mark; special names in text are unknown words', () => {
  const vocabulary = Vocabulary.parse('the 9\na@@ 2\n', 'dict.txt');
  assert.deepEqual([...vocabulary.encode(['a@@', 'the', 'x', '</s>', '<pad>', '__proto__'])], [5, 4, 3, 3, 3, 3, 2]);
  assert.deepEqual(vocabulary.decode([5, 4, 3, 2, 4]), ['a@@', 'the', '<unk>']);
  assert.throws(() => vocabulary.decode([6]), /id 6 is outside the vocabulary of 6 entries/);
});

test('fairseq dict.txt lines are read, padding entries included', () => {
  const vocabulary = Vocabulary.parse(', 10\nmadeupword0000 0\n', 'dict.txt');
  assert.deepEqual([vocabulary.size, vocabulary.idOf('madeupword0000'), vocabulary.counts[4]], [6, 5, 10]);
});

test('faults of a vocabulary file are named with their line', () => {
  const faults: [string, RegExp][] = [
    ['a 1\nb\n', /v:2: expected "token count", found "b"/],
    ['a 1\n\nb 1\n', /v:2: expected "token count", found ""/],
    ['a 1\n 5\n', /v:2: expected "token count"/],
    ['a one\n', /v:1: expected/],
    ['a b 1\n', /v:1: a token cannot hold a space/],
    ['a 1\nb 1\na 3\n', /v:3: token "a" is on line 1 already/],
    ['<pad> 0\n', /v:1: <pad> is a special token/],
  ];
  for (const [text, message] of faults) assert.throws(() => Vocabulary.parse(text, 'v'), message);
  assert.throws(
    () => readVocabulary('/nowhere/dict.txt'),
    /vocabulary \/nowhere\/dict.txt cannot be read: it does not exist \(ENOENT\)/,
  );
});

test('writing and reading gives the same vocabulary', () => {
  const token = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !/[ \n]/.test(text));
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(token, fc.integer({ min: 1 })), { selector: ([text]) => text }), (entries) => {
      const vocabulary = Vocabulary.fromCounts(new Map(entries), { minCount: 1 });
      const again = Vocabulary.parse(vocabulary.toText(), 'text');
      assert.deepEqual(again.tokens, vocabulary.tokens);
      assert.deepEqual(again.counts, vocabulary.counts);
    }),
  );
});

test('special tokens marked #fairseq:overwrite are read, an empty file is refused', () => {
  assert.deepEqual(readVocabulary(casePath('12-fairseq-overwrite.dict.txt')).tokens.slice(4), ['der', 'die']);
  assert.throws(() => readVocabulary(casePath('12-empty.dict.txt')), /12-empty.dict.txt holds no tokens/);
  assert.throws(() => Vocabulary.parse('a 1\n<s> 0\n', 'dict'), /dict:2: <s> is a special token/);
});
