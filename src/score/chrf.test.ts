import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chrf, corpusChrf, separatePunctuation, type ChrfOptions } from './chrf.js';
import { sentenceScore } from './metric.js';
import { assertClose, optionsOf, readFixture, readSets, scoreAndCheckPrint } from '../../test/sacrebleuFixtures.js';

interface Expected {
  score: number;
  name: string;
  signature: string;
  signature_short: string;
  formatted: string;
}
interface Fixture {
  cases: { id: string; set: string; options: Record<string, unknown>; expected: Expected }[];
  sentence_cases: { id: string; set: string; lines: number[]; options: Record<string, unknown>; expected: number[] }[];
}

test("corpus and sentence chrF equal sacreBLEU's", () => {
  const sets = readSets();
  const { cases, sentence_cases: sentenceCases } = readFixture<Fixture>('chrf.json');
  for (const { id, set, options, expected } of cases) {
    const metric = chrf(optionsOf<ChrfOptions>(options));
    const score = scoreAndCheckPrint(metric, sets[set], expected);
    assertClose(score.score, expected.score, id);
    assert.equal(metric.name, expected.name);
  }
  for (const { id, set, lines, options, expected } of sentenceCases) {
    lines.forEach((line, j) => {
      const refs = sets[set].refs.map((ref) => ref[line]).filter((ref) => ref !== null);
      assertClose(
        sentenceScore(chrf(optionsOf<ChrfOptions>(options)), sets[set].hyps[line], refs).score,
        expected[j],
        `${id} line ${line}`,
      );
    });
  }
  assert.deepEqual([cases.length, sentenceCases.length], [97, 24]);
});

test("words of chrF++ equal sacreBLEU's", () => {
  const { lines } = readFixture<{ lines: { input: string; chrf_words: string[] }[] }>('tokenizers.json');
  for (const { input, chrf_words: expected } of lines)
    assert.deepEqual(separatePunctuation(input), expected, JSON.stringify(input));
});

test('known answers', () => {
  // unigrams 2 of 3 and 2 of 2: precision 2/3, recall 1, F2 = 5 * 2/3 / (4 * 2/3 + 1) = 10/11
  assertClose(corpusChrf(['abc'], [['ab']], { charOrder: 1 }).score, 1000 / 11, 'chrF of one order');
  assert.equal(corpusChrf(['😀'], [['😁']], { charOrder: 1 }).score, 0); // halves of surrogate pairs do not match
  assert.throws(() => chrf({ charOrder: 0 }), /needs character or word n-grams/);
  assert.throws(() => chrf({ beta: 0.5 }), /beta is 0.5, expected an integer/);
});
