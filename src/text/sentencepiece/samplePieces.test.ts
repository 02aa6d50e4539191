import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { referencePath } from '../../../test/reference.js';
import { encodeLines } from '../../../test/sentencePieceModel.js';
import { Random } from '../../random/xoshiro.js';
import { parseSentencePieceModel, type SentencePieceInfo } from '../subwords/sentencePieceModel.js';
import type { UnitSampler } from '../subwords/unitSampling.js';
import { pieceSampler, pieceUnits } from './samplePieces.js';

const modelPath = (type: string): string => referencePath(`text/sentencepiece/m30k.${type}.4000.model`);
const read = (type: string): SentencePieceInfo => parseSentencePieceModel(readFileSync(modelPath(type)), type);
const reference = JSON.parse(readFileSync(referencePath('text/sentencepiece/sampling.json'), 'utf8'));
const settings = { subwordDropout: 0.1, subwordAlpha: 0.1, subwordNbest: undefined };

/** A model of the pieces given, with the logarithms of their probabilities. */
const unigram = (probabilities: Readonly<Record<string, number>>): SentencePieceInfo => ({
  ...read('unigram'),
  pieces: ['<unk>', '<s>', '[X]', ...Object.keys(probabilities)],
  scores: [0, 0, 0, ...Object.values(probabilities).map(Math.log)],
  types: ['unknown', 'control', 'userDefined', ...Object.keys(probabilities).map(() => 'normal' as const)],
});

function frequencies(sample: UnitSampler, units: readonly string[], draws: number): Map<string, number> {
  const random = new Random(1);
  const counts = new Map<string, number>();
  for (let i = 0; i < draws; i++) {
    const split = sample(units, () => random.unit()).join(' ');
    counts.set(split, (counts.get(split) ?? 0) + 1 / draws);
  }
  return counts;
}

function assertNear(found: ReadonlyMap<string, number>, expected: Readonly<Record<string, number>>, within: number) {
  for (const [split, share] of Object.entries(expected))
    assert.ok(Math.abs((found.get(split) ?? 0) - share) < within, `${split}: ${found.get(split)}, not ${share}`);
}

describe('unigram models', () => {
  test('a split is as probable as its pieces, to the power of alpha', () => {
    const model = unigram({ a: 0.1, b: 0.2, c: 0.1, ab: 0.3, bc: 0.3 });
    // a b c 0.002, ab c 0.03, a bc 0.03
    for (const [alpha, expected] of [
      [1, { 'a b c': 0.002 / 0.062, 'ab c': 0.03 / 0.062, 'a bc': 0.03 / 0.062 }],
      [0, { 'a b c': 1 / 3, 'ab c': 1 / 3, 'a bc': 1 / 3 }],
      [0.5, { 'a b c': Math.sqrt(0.002) / (Math.sqrt(0.002) + 2 * Math.sqrt(0.03)) }],
    ] as const) {
      for (const subwordNbest of [undefined, 3, 64]) {
        const sample = pieceSampler(model, 'm', { ...settings, subwordAlpha: alpha, subwordNbest });
        const found = frequencies(sample, ['ab', 'c'], 20_000);
        assert.equal(found.size, 3);
        assertNear(found, expected, 0.012);
      }
    }
    const two = pieceSampler(unigram({ a: 0.1, b: 0.2, c: 0.1, ab: 0.3, bc: 0.2 }), 'm', {
      ...settings,
      subwordNbest: 2,
    });
    assert.deepEqual([...frequencies(two, ['a', 'b', 'c'], 1000).keys()].sort(), ['a bc', 'ab c']);
  });

  test('unknown text, symbols kept whole and bytes stay as they are', () => {
    const sample = pieceSampler(unigram({ a: 0.1, b: 0.2, ab: 0.3 }), 'm', { ...settings, subwordAlpha: 0 });
    const found = frequencies(sample, ['ab', '漢字', 'a', '[X]', 'b', '<unk>'], 500);
    assert.deepEqual([...found.keys()].sort(), ['a b 漢字 a [X] b <unk>', 'ab 漢字 a [X] b <unk>']);
    assert.deepEqual(
      sample([], () => 0),
      [],
    );
  });

  test('the most probable splits of a sentence are those of SentencePiece', async () => {
    for (const [text, splits] of Object.entries<string[]>(reference.nbest)) {
      const [units] = await encodeLines(modelPath('unigram'), [text]);
      const sample = pieceSampler(read('unigram'), 'm', { ...settings, subwordAlpha: 0, subwordNbest: splits.length });
      const found = frequencies(sample, units, 500);
      assert.deepEqual([...found.keys()].sort(), [...splits].sort(), text);
    }
  });

  test('splits are as frequent as SentencePiece draws them', async () => {
    const { text, alpha, all, ofEight } = reference.unigram;
    const [units] = await encodeLines(modelPath('unigram'), [text]);
    for (const [subwordNbest, expected] of [
      [undefined, all],
      [8, ofEight],
    ] as const) {
      const sample = pieceSampler(read('unigram'), 'm', { ...settings, subwordAlpha: alpha, subwordNbest });
      assertNear(frequencies(sample, units, 100_000), expected, 0.001);
    }
  });
});

describe('models of merges', () => {
  test('dropout 0 gives the usual pieces, 1 gives characters, and the text stays', async () => {
    const model = read('bpe');
    const [units] = await encodeLines(modelPath('bpe'), ['Two young, white males are outside near many bushes.']);
    const draw = (subwordDropout: number, random: () => number): string[] =>
      pieceSampler(model, 'm', { ...settings, subwordDropout })(units, random);
    assert.deepEqual(
      draw(0, () => 0),
      units,
    );
    assert.deepEqual(
      draw(1e-9, () => 0.5),
      units,
    ); // by merging
    assert.deepEqual(
      draw(1, () => 0.999),
      Array.from(units.join('')),
    );
    const random = new Random(3);
    const splits = Array.from({ length: 20 }, () => draw(0.1, () => random.unit()));
    for (const split of splits) assert.equal(split.join(''), units.join(''));
    assert.ok(new Set(splits.map((split) => split.join(' '))).size > 8);
  });
});

test('every piece that can be drawn is among the units of the model', async () => {
  for (const type of ['unigram', 'bpe'] as const) {
    const model = read(type);
    const lines = ['Ein Mann schläft in einem grünen Raum.', 'The man with pierced ears is wearing 漢字.'];
    const seen = await encodeLines(modelPath(type), lines);
    const units = pieceUnits(model, seen.flat());
    const sample = pieceSampler(model, 'm', { subwordDropout: 1, subwordAlpha: 0, subwordNbest: undefined });
    const random = new Random(5);
    for (const line of seen)
      for (let i = 0; i < 50; i++)
        for (const unit of sample(line, () => random.unit())) assert.ok(units.has(unit), unit);
  }
});

test('a model of words splits in one way only', () => {
  assert.throws(
    () => pieceSampler({ ...read('unigram'), modelType: 'word' }, 'w.model', settings),
    /w\.model is a model of type word, which splits a text in one way only, so train\.sampleSubwords would have no effect on it\. Use a unigram or bpe model/,
  );
});
