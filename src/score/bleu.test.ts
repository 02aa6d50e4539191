import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bleu, corpusBleu, sentenceBleu, type BleuOptions, type BleuScore } from './bleu.js';
import { bleuSignature } from './bleuSignature.js';
import { bleuTokenizers, type BleuTokenizerName } from './bleuTokenizers.js';
import { corpusStatistics, sentenceScore } from './metric.js';
import { assertClose, optionsOf, readFixture, readSets, scoreAndCheckPrint } from '../../test/sacrebleuFixtures.js';

interface Expected {
  score: number;
  precisions: number[];
  bp: number;
  ratio: number;
  sys_len: number;
  ref_len: number;
  counts: number[];
  totals: number[];
  signature: string;
  signature_short: string;
  formatted: string;
}

function assertScore(found: BleuScore, expected: Expected, what: string): void {
  assertClose(found.score, expected.score, `${what} score`);
  assertClose(found.bp, expected.bp, `${what} bp`);
  if (expected.ratio !== undefined) assertClose(found.ratio, expected.ratio, `${what} ratio`);
  assert.equal(found.precisions.length, expected.precisions.length, what);
  found.precisions.forEach((value, n) => assertClose(value, expected.precisions[n], `${what} precision ${n + 1}`));
  assert.deepEqual(
    [found.sysLen, found.refLen, found.counts, found.totals],
    [expected.sys_len, expected.ref_len, expected.counts, expected.totals],
    what,
  );
}

test("corpus BLEU, its signatures and its line equal sacreBLEU's", () => {
  const sets = readSets();
  const { cases } = readFixture<{
    cases: { id: string; set: string; options: Record<string, unknown>; expected: Expected }[];
  }>('bleu.json');
  for (const { id, set, options, expected } of cases) {
    const metric = bleu(optionsOf<BleuOptions>(options));
    const score = scoreAndCheckPrint(metric, sets[set], expected);
    assertScore(score, expected, id);
  }
  assert.equal(cases.length, 124);
});

test("sentence BLEU equals sacreBLEU's", () => {
  const sets = readSets();
  const { cases } = readFixture<{
    cases: { id: string; set: string; lines: number[]; options: Record<string, unknown>; expected: Expected[] }[];
  }>('sentence_bleu.json');
  let compared = 0;
  for (const { id, set, lines, options, expected } of cases) {
    lines.forEach((line, j) => {
      const refs = sets[set].refs.map((ref) => ref[line]).filter((ref) => ref !== null);
      assertScore(
        sentenceScore(bleu(optionsOf<BleuOptions>(options)), sets[set].hyps[line], refs),
        expected[j],
        `${id} line ${line}`,
      );
      compared++;
    });
  }
  assert.equal(compared, 427);
});

test("tokenisers equal sacreBLEU's", () => {
  const { lines } = readFixture<{ lines: { input: string; bleu: Record<BleuTokenizerName, string> }[] }>(
    'tokenizers.json',
  );
  for (const { input, bleu: expected } of lines) {
    for (const [name, text] of Object.entries(expected)) {
      assert.equal(
        bleu({ tokenize: name as BleuTokenizerName }).preprocess(input),
        text,
        `${name} of ${JSON.stringify(input)}`,
      );
    }
  }
  assert.equal(lines.length, 320);
});

test('known answers', () => {
  assert.equal(corpusBleu(['the cat sat on the mat .'], [['the cat sat on the mat .']]).score.toFixed(2), '100.00');
  assert.equal(corpusBleu(['a b c d'], [['x y z w']]).score, 0);
  const clipped = corpusBleu(['the the the the the the the'], [['the cat is on the mat']], { tokenize: 'none' });
  assert.deepEqual(clipped.counts, [2, 0, 0, 0]); // Papineni et al. 2002, section 2.1
  assert.throws(() => corpusBleu(['a', 'b'], [['a']]), /hypothesis has 2 lines, reference 1 has 1/);
  assert.throws(() => corpusBleu(['a', 'b'], [['a', null]]), /line 2 has no reference/);
  assert.throws(() => corpusBleu([], [[]]), /no lines to score/);
  assert.throws(
    () => bleu({ tokenize: 'ja' as BleuTokenizerName }),
    /tokenize is "ja", expected one of "13a", intl, zh, char, none\.$/,
  );
  assert.equal(sentenceBleu('a b', ['a b']).score.toFixed(4), '100.0000'); // effective order
  assert.match(
    bleuSignature({ smoothMethod: 'floor' }),
    /^nrefs:1\|case:mixed\|eff:no\|tok:13a\|smooth:floor\[0\.10\]\|version:coldstart-\d/,
  );
});

/** BLEU statistics as Papineni et al. define them, by listing n-grams. */
function slowStatistics(hyp: string[], refs: string[][], maxOrder: number): number[] {
  const grams = (words: string[], n: number) =>
    words.slice(0, Math.max(0, words.length - n + 1)).map((_, i) => words.slice(i, i + n).join(' '));
  const times = (all: string[], gram: string) => all.filter((other) => other === gram).length;
  const refLen = refs
    .map((ref) => ref.length)
    .sort((a, b) => Math.abs(a - hyp.length) - Math.abs(b - hyp.length) || a - b)[0];
  const orders = Array.from({ length: maxOrder }, (_, n) => n + 1);
  const counts = orders.map((n) => {
    const own = grams(hyp, n);
    return [...new Set(own)].reduce(
      (sum, gram) => sum + Math.min(times(own, gram), Math.max(...refs.map((ref) => times(grams(ref, n), gram)))),
      0,
    );
  });
  return [hyp.length, refLen, ...counts, ...orders.map((n) => grams(hyp, n).length)];
}

test('statistics equal those of listing n-grams', () => {
  const sentence = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
  fc.assert(
    fc.property(
      sentence,
      fc.array(sentence, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 5 }),
      (hyp, refs, maxNgramOrder) => {
        const { values } = corpusStatistics(
          bleu({ tokenize: 'none', maxNgramOrder }),
          [hyp.join(' ')],
          refs.map((ref) => [ref.join(' ')]),
        );
        assert.deepEqual([...values], slowStatistics(hyp, refs, maxNgramOrder));
      },
    ),
  );
});

test('tokenisers keep every character but white space', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (line) => {
      const letters = (text: string) =>
        text
          .replace(/[\s\x1c-\x1f\x85]/g, '')
          .replaceAll('&quot;', '"')
          .replaceAll('&amp;', '&')
          .replaceAll('&lt;', '<')
          .replaceAll('&gt;', '>');
      for (const { tokenize } of Object.values(bleuTokenizers)) assert.equal(letters(tokenize(line)), letters(line));
    }),
  );
});
