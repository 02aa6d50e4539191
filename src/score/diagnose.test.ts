import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnosisAsHtml } from '../report/html/diagnosisHtml.js';
import { diagnosisAsText } from '../report/text/diagnosisText.js';
import { bleu, corpusBleu } from './bleu.js';
import { diagnose } from './diagnose.js';

const refs = ['the cat sat on the mat', 'a <b> dog ran far away from the very old house today', 'birds fly high up'];
const first = { name: 'first', lines: ['the cat sat on a mat', refs[1], 'birds fly'] };
const second = { name: 'second', lines: [refs[0], 'a <b> dog ran', 'birds fly'] };
const sources = ['die Katze sass da', 'ein Hund lief', 'die Voegel da'];
const diagnosis = diagnose({
  systems: [first, second],
  refs: [refs],
  metric: bleu({ tokenize: 'none' }),
  sources,
  trainingSources: ['die die die die die da da', 'ein Hund'],
});

test('groups hold the BLEU of their lines', () => {
  const on = (lines: number[]) =>
    [first, second].map(
      (system) =>
        corpusBleu(
          lines.map((i) => system.lines[i]),
          [lines.map((i) => refs[i])],
          { tokenize: 'none' },
        ).score,
    );
  assert.deepEqual(diagnosis.byLength, [
    { label: '0 to 9', numLines: 2, bleu: on([0, 2]) },
    { label: '10 to 19', numLines: 1, bleu: on([1]) },
  ]);
  // rarest words: sass, lief and Voegel never occur; with training text that has each once, they occur once
  assert.deepEqual(diagnosis.byRarestWord, [{ label: 'never', numLines: 3, bleu: on([0, 1, 2]) }]);
  const own = diagnose({ systems: [first, second], refs: [refs], metric: bleu({ tokenize: 'none' }), sources });
  assert.deepEqual([own.byRarestWord!.map(({ label }) => label), own.countedText], [['once'], 'source text']);
});

test('lines and n-grams that make the difference', () => {
  assert.deepEqual([diagnosis.better, diagnosis.equal], [[1, 1], 1]);
  assert.deepEqual(
    diagnosis.gains.map(({ line }) => line),
    [1],
  );
  assert.deepEqual(
    diagnosis.losses.map(({ line, hypotheses }) => [line, hypotheses[1]]),
    [[2, 'a <b> dog ran']],
  );
  assert.deepEqual(diagnosis.ngrams[1].gains, [
    { ngram: 'on the', matches: [0, 1] },
    { ngram: 'the mat', matches: [0, 1] },
  ]);
  // "the" is gained in line 1 and lost in line 2
  assert.deepEqual(diagnosis.ngrams[0].gains, []);
  assert.deepEqual(
    diagnosis.ngrams[0].losses.map(({ ngram }) => ngram),
    ['away', 'far', 'from', 'house', 'old', 'today', 'very'],
  );
});

test('reports name the numbers, and HTML escapes text', () => {
  const text = diagnosisAsText(diagnosis);
  assert.match(text, /10 to 19 +1 +100\.00/);
  assert.match(text, /line 2: 100\.00 → /);
  const html = diagnosisAsHtml(diagnosis);
  assert.ok(html.includes('a &#60;b&#62; dog ran') && !html.includes('<b>'));
  assert.ok(html.includes('the cat sat on <u>a</u> mat'));
});
