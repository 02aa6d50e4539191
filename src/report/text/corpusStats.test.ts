import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { CorpusSetStats, CorpusStats } from '../../text/clean/corpusStats.js';
import { SideCounter } from '../../text/clean/sideCounter.js';
import { corpusStatsAsHtml } from '../html/corpusStatsHtml.js';
import { corpusStatsAsText } from './corpusStatsText.js';

function side(lines: readonly string[], known?: SideCounter) {
  const counter = new SideCounter();
  for (const line of lines) counter.add(line);
  return { counter, stats: counter.stats({ joiner: '@@' }, known?.counts) };
}

const [src, trg] = [side(['a <b> c', 'a', '']), side(['x y', 'x', 'z'])];
const none = { emptySides: 0, invalidUtf8: 0, duplicates: { pairs: 0, sources: 0, targets: 0 }, lengthRatio: 1 };
const train: CorpusStats = {
  ...none,
  pairs: 3,
  emptySides: 1,
  leakage: { pairs: 2, sources: 1, targets: 1 },
  src: src.stats,
  trg: trg.stats,
};
const heldOut = [
  {
    name: 'test',
    stats: {
      ...none,
      pairs: 2,
      duplicates: { pairs: 1, sources: 1, targets: 1 },
      src: side(['a q', 'a q'], src.counter).stats,
      trg: side(['x', 'x'], trg.counter).stats,
    },
  },
];
const all: CorpusSetStats = { train, heldOut };

test('tables of text, and findings', () => {
  const text = corpusStatsAsText(all);
  assert.match(text, /^train +3 +4 +4 +3 +3 +- +-$/m);
  assert.match(text, /^test +2 +4 +2 +2 +1 +50\.00 % +0\.00 %$/m);
  assert.match(text, /^tokens per line, mean +1\.33 +1\.33$/m);
  assert.match(text, /^longest +3 +2$/m);
  assert.match(text, /^types seen once +2, 66\.7 % +2, 66\.7 %$/m);
  assert.match(text, /^are in held-out sets +2 +1 +1$/m);
  assert.deepEqual(
    text.split('\n').filter((line) => line.startsWith('note:')),
    [
      'note: 2 training pairs (66.67 %) share a side with a held-out set; scores on that set flatter; remove them with corpus clean --held-out.',
      'note: 1 pair of the training set has an empty side; corpus clean removes them.',
      'note: 1 pair of test occurred before in it; each counts again in scores.',
    ],
  );
});

test('a page that loads nothing, with text escaped', () => {
  const page = corpusStatsAsHtml(all, ['a&b.de', 'b.en'])
    .replace(/\s+/g, ' ')
    .replace(/ \/>| >/g, '>')
    .replaceAll('> <', '><');
  assert.match(page, /^<!doctype html><html lang="en">/);
  assert.doesNotMatch(page, /<script|<link (?!rel="icon" href="data:,">)|src=|url\(|<b>/); // an empty icon, so that no browser asks for one
  assert.match(
    page,
    /http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;sha256-/,
  );
  assert.ok(page.includes('a&#38;b.de') && page.includes('<code>&#60;b&#62;</code>'));
  const bars = [
    ...page.matchAll(/<td>([^<]*)<\/td><td><div class="bar" title="(\d+) lines">.*?title="(\d+) lines">/g),
  ].map((match) => match.slice(1, 4));
  assert.deepEqual(bars, [
    ['0', '1', '0'],
    ['1', '1', '2'],
    ['2', '0', '1'],
    ['3', '1', '0'],
  ]);
  assert.match(page, /<tr><td>3 types<\/td>.*100\.0 %.*100\.0 %/);
  assert.match(page, /Unknown in test[^]*<code>q<\/code><span class="quiet">2</);
  assert.match(
    corpusStatsAsHtml({ train: { ...none, pairs: 0, src: side([]).stats, trg: side([]).stats }, heldOut: [] }, [
      'a',
      'b',
    ]),
    /<strong>0<\/strong> pairs/,
  );
});
