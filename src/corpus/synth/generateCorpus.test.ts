import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateCorpus, writeSyntheticCorpus } from './generateCorpus.js';
import type { Phrase } from './lexicon.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-synth-'));
after(() => rmSync(folder, { recursive: true }));

const corpus = generateCorpus({ pairs: 4000, seed: 1 });
const train = [...corpus.train];
const everything = [...train, ...corpus.valid, ...corpus.test];

test('equal seeds repeat, sizes do not change what is drawn, seeds differ', () => {
  assert.deepEqual([...generateCorpus({ pairs: 50, seed: 1 }).train], train.slice(0, 50));
  assert.notDeepEqual([...generateCorpus({ pairs: 50, seed: 2 }).train], train.slice(0, 50));
  assert.throws(() => generateCorpus({ pairs: 0, seed: 1 }), /pairs is 0, expected an integer from 1 to 10000000\.$/);
});

test('the sentences of a seed stay the same from version to version', () => {
  const text = everything.map(({ de, en }) => `${de}\t${en}\n`).join('');
  // sentences that change on purpose need a new grammarVersion
  assert.equal(
    createHash('sha256').update(text).digest('hex'),
    '094f2f4fba50864b64166f8e1aa3935594a1228cda5a6bbdb1ea94705bd4b644',
  );
});

test('splits do not overlap on either side, held-out sentences are all different', () => {
  for (const side of ['de', 'en'] as const) {
    const seen = new Set(train.map((pair) => pair[side]));
    for (const pair of [...corpus.valid, ...corpus.test]) {
      assert.equal(seen.has(pair[side]), false, pair[side]);
      seen.add(pair[side]);
    }
  }
  assert.ok(new Set(train.map(({ de }) => de)).size > 3900);
});

test('text is tokenised, true-cased and complete', () => {
  const mark = /^(.*) ([.?])$/;
  for (const { de, en } of everything) {
    for (const text of [de, en]) assert.match(text, /^[A-Za-zÄÖÜäöüß'-]+( [A-Za-zÄÖÜäöüß'-]+| ,)* [.?]$/, text);
    assert.equal(mark.exec(de)![2], mark.exec(en)![2]);
    assert.doesNotMatch(en, /\b(a [aeio]|an [^aeiou])/);
    assert.doesNotMatch(de, /\b(in dem|an dem|zu dem|zu der|in das) /);
    assert.doesNotMatch(`${de} ${en}`, /undefined|NaN/);
  }
  const germanTypes = new Set(everything.flatMap(({ de }) => de.split(' ')));
  assert.ok(germanTypes.size > 1200 && germanTypes.size < 1800, `${germanTypes.size} German words`);
});

test('the constructions that make German and English differ are all frequent', () => {
  const share = (german: RegExp): number => everything.filter(({ de }) => german.test(de)).length / everything.length;
  const constructions: [string, RegExp, number][] = [
    ['number words', /\b\w*(zehn|zwanzig|ßig|fzig|chzig|bzig|hzig|nzig)\b/, 0.04],
    ['clock times', /\bum (halb|Viertel|(\w|ü|ö)+ (Uhr|vor|nach)) /, 0.03],
    ['dates', /\bam \w+en (Januar|Februar|März|April|Mai|Ju[nl]i|August|\w+ber)\b/, 0.01],
    ['subordinate clauses', /, (dass|ob|weil|wenn|als|obwohl|bevor|während) /, 0.15],
    ['relative clauses', /, (der|die|das|den|dem|denen) /, 0.05],
    ['perfect', /\b(hat|haben|habe|ist|sind|bin) .*\b(ge\w+|\w+t|\w+en) [.?]$/, 0.2],
    ['modal verbs', /\b(kann|muss|will|darf|soll|möchte)n?/, 0.05],
    ['kein', /\bkein/, 0.01],
    ['nicht', /\bnicht\b/, 0.08],
    ['infinitives with zu', /, um .*zu/, 0.03],
    ['reflexives', /\b(sich|mich)\b/, 0.05],
    ['gern', /\bgern\b/, 0.01],
  ];
  for (const [name, pattern, atLeast] of constructions)
    assert.ok(share(pattern) >= atLeast, `${name}: ${share(pattern)}`);
});

test('translating word for word does badly: order and function words have to be learnt', () => {
  const dictionary = wordDictionary(train.slice(0, 1500));
  const hypotheses = corpus.test.map(({ de }) => de.split(' ').map((word) => dictionary.get(word) ?? word));
  const references = corpus.test.map(({ en }) => en.split(' '));
  assert.ok(bleu(references, references) > 99.9);
  const unigrams = precision(hypotheses, references, 1);
  const score = bleu(hypotheses, references);
  assert.ok(unigrams > 0.5, `the dictionary is a fair one: ${unigrams}`);
  assert.ok(score < 30, `BLEU ${score}`);
});

test('files are written once, and never over something else', async () => {
  const out = join(folder, 'corpus');
  const options = { pairs: 40, validPairs: 5, testPairs: 5, seed: 3 };
  assert.equal((await writeSyntheticCorpus(out, options)).status, 'written');
  assert.deepEqual(readdirSync(out).sort(), [
    'manifest.json',
    'test.de',
    'test.en',
    'train.de',
    'train.en',
    'valid.de',
    'valid.en',
  ]);
  const { train: pairs } = generateCorpus(options);
  assert.equal(readFileSync(join(out, 'train.en'), 'utf8'), [...pairs].map(({ en }) => `${en}\n`).join(''));
  assert.equal((await writeSyntheticCorpus(out, options)).status, 'upToDate');
  await assert.rejects(
    writeSyntheticCorpus(out, { ...options, seed: 4 }),
    /is not empty and does not hold this corpus \(40 pairs, seed 4\)/,
  );
  appendFileSync(join(out, 'test.de'), 'x');
  await assert.rejects(writeSyntheticCorpus(out, options), /is not empty/);
});

/** The likeliest translation of each word by IBM model 1, three rounds of expectation maximisation. */
function wordDictionary(pairs: readonly Phrase[]): Map<string, string> {
  let probability = new Map<string, Map<string, number>>();
  for (let round = 0; round < 3; round++) {
    const counts = new Map<string, Map<string, number>>();
    for (const { de, en } of pairs) {
      const source = de.split(' ');
      for (const target of en.split(' ')) {
        const weights = source.map((word) => (round === 0 ? 1 : probability.get(word)!.get(target)!));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        source.forEach((word, i) => {
          const row = counts.get(word) ?? new Map<string, number>();
          counts.set(word, row.set(target, (row.get(target) ?? 0) + weights[i] / total));
        });
      }
    }
    for (const row of counts.values()) {
      const total = [...row.values()].reduce((sum, count) => sum + count, 0);
      for (const [target, count] of row) row.set(target, count / total);
    }
    probability = counts;
  }
  return new Map(
    [...probability].map(([word, row]) => [
      word,
      [...row].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0],
    ]),
  );
}

function precision(hypotheses: readonly string[][], references: readonly string[][], order: number): number {
  let matched = 0;
  let total = 0;
  hypotheses.forEach((hypothesis, i) => {
    const available = ngrams(references[i], order);
    for (const [ngram, count] of ngrams(hypothesis, order)) {
      matched += Math.min(count, available.get(ngram) ?? 0);
      total += count;
    }
  });
  return matched / total;
}

function ngrams(words: readonly string[], order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let at = 0; at + order <= words.length; at++) {
    const ngram = words.slice(at, at + order).join(' ');
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}

function bleu(hypotheses: readonly string[][], references: readonly string[][]): number {
  const length = (side: readonly string[][]): number => side.reduce((sum, words) => sum + words.length, 0);
  const brevity = Math.min(1, Math.exp(1 - length(references) / length(hypotheses)));
  const precisions = [1, 2, 3, 4].map((order) => precision(hypotheses, references, order));
  return 100 * brevity * Math.exp(precisions.reduce((sum, value) => sum + Math.log(value) / 4, 0));
}
