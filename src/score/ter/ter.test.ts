import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sentenceScore } from '../metric.js';
import { assertClose, optionsOf, readFixture, readSets, scoreAndCheckPrint } from '../../../test/sacrebleuFixtures.js';
import { corpusTer, sentenceTer, ter, type TerOptions } from './ter.js';
import { caseLines } from '../../../test/cases.js';

interface Expected {
  score: number;
  num_edits: number;
  ref_length: number;
  signature: string;
  signature_short: string;
  formatted: string;
}
interface Fixture {
  cases: { id: string; set: string; options: Record<string, unknown>; expected: Expected }[];
  sentence_cases: {
    id: string;
    set: string;
    lines: number[];
    options: Record<string, unknown>;
    expected: Expected[];
  }[];
}

test("corpus and sentence TER equal sacreBLEU's", () => {
  const sets = readSets();
  const { cases, sentence_cases: sentenceCases } = readFixture<Fixture>('ter.json');
  for (const { id, set, options, expected } of cases) {
    const metric = ter(optionsOf<TerOptions>(options));
    const score = scoreAndCheckPrint(metric, sets[set], expected);
    assert.equal(score.numEdits, expected.num_edits, id);
    assertClose(score.refLength, expected.ref_length, id);
    assertClose(score.score, expected.score, id);
  }
  for (const { id, set, lines, options, expected } of sentenceCases) {
    lines.forEach((line, j) => {
      const refs = sets[set].refs.map((ref) => ref[line]).filter((ref) => ref !== null);
      const score = sentenceScore(ter(optionsOf<TerOptions>(options)), sets[set].hyps[line], refs);
      assert.equal(score.numEdits, expected[j].num_edits, `${id} line ${line}`);
      assertClose(score.refLength, expected[j].ref_length, `${id} line ${line}`);
      assertClose(score.score, expected[j].score, `${id} line ${line}`);
    });
  }
  assert.deepEqual([cases.length, sentenceCases.length], [66, 12]);
});

test("tokenisers of TER equal sacreBLEU's", () => {
  const { lines, ter_options: allOptions } = readFixture<{
    lines: { input: string; ter: Record<string, string> }[];
    ter_options: Record<string, Record<string, unknown>>;
  }>('tokenizers.json');
  for (const { input, ter: expected } of lines) {
    for (const [name, text] of Object.entries(expected))
      assert.equal(
        ter(optionsOf<TerOptions>(allOptions[name])).preprocess(input),
        text,
        `${name} of ${JSON.stringify(input)}`,
      );
  }
});

test('known answers', () => {
  const { numEdits, refLength } = sentenceTer(
    'THIS WEEK THE SAUDIS denied information published in the new york times',
    ['SAUDI ARABIA denied THIS WEEK information published in the AMERICAN new york times'],
  );
  assert.deepEqual([numEdits, refLength], [4, 13]); // Snover et al. 2006, section 4: one shift, two substitutions, one insertion
  assert.equal(sentenceTer('a b', ['']).score, 100);
  assert.equal(sentenceTer('', ['']).score, 0);
  assert.equal(sentenceTer('', ['a b c']).numEdits, 3);
});

test('references are normalised twice, as in sacreBLEU', () => {
  const lines = caseLines('02-ter-normalized-possessive-before-mark.txt');
  const score = (options: TerOptions): string => corpusTer(lines, [lines], options).score.toFixed(2);
  assert.equal(score({ normalized: true }), '28.57');
  assert.equal(score({ normalized: true, asianSupport: true }), '28.57');
  assert.equal(score({}), '0.00');
});
