import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { WordCounter } from './wordCounter.js';

const count = (...blocks: string[]): [string, number][] => {
  const counter = new WordCounter();
  for (const block of blocks) counter.add(Buffer.from(block));
  return [...counter.addTo(new Map())];
};

test('only ASCII spaces separate words; spaces and carriage returns at the ends of a line belong to no word', () => {
  assert.deepEqual(count('ein  Mann\r\n\r  ein\tMann \r', '\u00a0 Mann a\rb ein', ''), [
    ['ein', 2],
    ['Mann', 2],
    ['ein\tMann', 1],
    ['\u00a0', 1],
    ['a\rb', 1],
  ]);
});

test('counts equal those of split lines, in order of first appearance, also of more words than the table begins with', () => {
  const word = fc
    .oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme-ascii' }))
    .map((text) => text.toWellFormed());
  fc.assert(
    fc.property(
      fc.array(
        fc.array(word, { maxLength: 6 }).map((words) => words.join(' ')),
        { maxLength: 12 },
      ),
      (lines) => {
        const expected = new Map<string, number>();
        for (const each of lines
          .join('\n')
          .split('\n')
          .flatMap((line) => line.replace(/^[\r ]+|[\r ]+$/g, '').split(' '))) {
          if (each !== '') expected.set(each, (expected.get(each) ?? 0) + 1);
        }
        assert.deepEqual(count(lines.join('\n')), [...expected]);
      },
    ),
  );
  const many = Array.from({ length: 100_000 }, (_, i) => `wort${i}`);
  assert.deepEqual(
    count(many.join(' '), many.slice(50_000).join('\n')),
    many.map((each, i) => [each, i < 50_000 ? 1 : 2]),
  );
});
