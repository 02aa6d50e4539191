import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { joinPieces } from '../subwords/sentencePiece.js';
import { ByteTrie } from './byteTrie.js';
import { CharsMap, normalizationRules } from './charsMap.js';
import { learnSentencePiece, type SentencePieceOptions } from './learnSentencePiece.js';
import { PieceChecker } from './pieceRules.js';
import { seedPieces } from './seedPieces.js';
import { TrainingText } from './trainingText.js';
import { digamma } from './unigramTrainer.js';
import { encodeLines, learnModel } from '../../../test/sentencePieceModel.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-spm-'));
after(() => rmSync(folder, { recursive: true }));

test('normalisation as SentencePiece describes it', () => {
  const map = CharsMap.compile(normalizationRules('nmt_nfkc'));
  assert.equal(
    map.normalize('  \ufb01ne  \uff11\uff12\tx\u200b\uff8a\uff9f e\u0301 \uff5e\u0007 '),
    '\u2581fine\u258112\u2581x\u2581\u30d1\u2581\u00e9\u2581\uff5e',
  );
  assert.equal(map.normalize(' \t\u3000'), '');
  const nfkc = CharsMap.compile(normalizationRules('nfkc'));
  // characters each with all that combines with it; a combining mark without its character is left as it is
  const clusters = [
    'a',
    '\u00e9',
    'e\u0301',
    'u\u0308',
    '\uff76\uff9e',
    '\ud55c',
    '\u1112\u1161\u11ab',
    '\u2460',
    '\ufb03',
    '\u0627\u0655',
    ' ',
    '\u00a0',
  ];
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...clusters)).map((list) => list.join('')),
      (text) => {
        assert.equal(
          nfkc.normalize(text),
          text
            .normalize('NFKC')
            .split(' ')
            .filter((word) => word !== '')
            .map((word) => `\u2581${word}`)
            .join(''),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test('the first unit of a map points at others: SentencePiece 0.2.3 refuses one that points at itself', () => {
  for (const first of [1, 2, 3, 255]) {
    const { units } = ByteTrie.build([[Uint8Array.of(first), 5]]);
    assert.notEqual(units[0] >>> 10, 0, `root of the key ${first}`);
    assert.deepEqual(new ByteTrie(units).longestMatch(Uint8Array.of(first), 0), { length: 1, value: 5 });
  }
});

test('seeds are the sequences in two places of the different words, counted in the text, as the slow search finds them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom(...'abc1'), minLength: 1, maxLength: 7 }), {
        minLength: 1,
        maxLength: 12,
      }),
      (list) => {
        const text = new TrainingText(CharsMap.compile(new Map()), 1000);
        text.add(list.join(' '));
        const words = text.words(1);
        const rules = { maxPieceLength: 5, splitByScript: true, splitByNumber: true, splitDigits: false };
        const checker = new PieceChecker(words.characters, rules);
        const counts = new Map<string, { count: number; places: Set<string>; next: Set<string> }>();
        for (const word of list.map((each) => `\u2581${each}`)) {
          for (let i = 0; i < word.length; i++) {
            for (let length = 2; length <= 5 && i + length <= word.length; length++) {
              const piece = word.slice(i, i + length);
              if (/[a-c]/.test(piece) && /1/.test(piece)) break;
              const entry = counts.get(piece) ?? { count: 0, places: new Set(), next: new Set() };
              entry.count++;
              entry.places.add(`${word} ${i}`);
              const longer = word.slice(i, i + length + 1);
              entry.next.add(
                length === 5 || i + length === word.length || (/[a-c]/.test(longer) && /1/.test(longer))
                  ? 'end'
                  : longer,
              );
              counts.set(piece, entry);
            }
          }
        }
        const expected = [...counts]
          .filter(([, { places, next }]) => places.size > 1 && (next.size > 1 || next.has('end')))
          .map(([piece, { count }]) => `${piece} ${count}`)
          .sort();
        const { starts, lengths, counts: found } = seedPieces(words, checker, 1e6);
        assert.deepEqual(
          [...starts]
            .map(
              (start, p) =>
                `${[...words.symbols.subarray(start, start + lengths[p])].map((symbol) => words.characters[symbol]).join('')} ${found[p]}`,
            )
            .sort(),
          expected,
        );
      },
    ),
    { numRuns: 200 },
  );
});

test('digamma', () => {
  // Abramowitz and Stegun, table 6.1
  for (const [x, value] of [
    [1, -0.5772156649],
    [1.5, 0.03648997398],
    [2, 0.4227843351],
    [10, 2.2517525891],
  ])
    assert.ok(Math.abs(digamma(x) - value) < 1e-9, `${x}`);
});

test('byte-pair pieces: the most frequent pair first, the shorter among equals', async () => {
  const shown: [number, number, string][] = [];
  const { pieces } = await learnModel(folder, 'tiny', ['aab aab aab', 'b b'], {
    vocabSize: 3 + 3 + 3,
    modelType: 'bpe',
    characterCoverage: 1,
    onProgress: (...progress) => void shown.push(progress),
  });
  assert.deepEqual(
    shown,
    [3, 4, 5, 6].map((done) => [done, 6, 'pieces']), // characters, then one merge after the other
  );
  // counts: ▁a 3, aa 3, ab 3, ▁b 2; equals by code point: aa, then aab, then ▁aab
  assert.deepEqual(pieces, ['<unk>', '<s>', '</s>', 'aa', 'aab', '\u2581aab', 'a', 'b', '\u2581']);
});

test('special pieces, byte fallback, coverage, digits; sizes that cannot be', async () => {
  const lines = ['call 555 1234 <tag> now', 'call 555 9876 <tag> then', 'Ω'].flatMap((line) =>
    Array.from({ length: line === 'Ω' ? 1 : 30 }, () => line),
  );
  const options: SentencePieceOptions = {
    vocabSize: 3 + 2 + 256 + 40,
    characterCoverage: 0.999,
    userDefinedSymbols: ['<tag>'],
    controlSymbols: ['<2de>'],
    byteFallback: true,
    splitDigits: true,
    softLimit: true,
  };
  const shown: [number, number, string][] = [];
  const { path, pieces } = await learnModel(folder, 'special', lines, {
    ...options,
    onProgress: (...progress) => void shown.push(progress),
  });
  // every candidate is kept here: no round of pruning
  assert.deepEqual(shown, [
    [0, 1, 'rounds'],
    [1, 1, 'rounds'],
  ]);
  assert.deepEqual(pieces.slice(3, 5), ['<2de>', '<tag>']);
  assert.ok(!pieces.includes('Ω'));
  assert.ok(!pieces.slice(5 + 256).some((piece) => /\d/.test(piece) && piece.length > 1));
  const [segmented] = await encodeLines(path, ['call 55 <tag>Ω']);
  assert.ok(
    segmented.includes('<tag>') && segmented.join(' ').includes('<0xCE> <0xA9>') && segmented.join(' ').includes('5 5'),
    segmented.join(' '),
  );
  assert.equal(joinPieces(segmented), 'call 55 <tag>Ω');
  const odd = ['<a-b>', '$1/(x)', '[^]'];
  assert.deepEqual(
    (await learnSentencePiece(lines, { ...options, userDefinedSymbols: odd })).vocab.split('\n').slice(4, 7),
    odd.map((piece) => `${piece}\t0`),
  );
  await assert.rejects(
    learnSentencePiece(lines, { ...options, byteFallback: false, vocabSize: 6 }),
    /the text has \d+ different characters, but only 1 piece can be learnt: the requested size is 6, and 5 of these are special pieces\. Request at least \d+,/,
  );
  await assert.rejects(
    learnSentencePiece(lines, { vocabSize: 5000 }),
    /only \d+ pieces can be learnt from this text, which makes \d+ with the 3 special pieces, but 5000 were requested\./,
  );
  await assert.rejects(learnSentencePiece(['', ' '], { vocabSize: 50 }), /no text to learn from/);
  await assert.rejects(learnSentencePiece(lines, { vocabSize: 50, controlSymbols: ['<s>'] }), /"<s>" is named twice/);
});

test('the sizes that a refusal advises are sizes that can be learnt', async () => {
  const text = ['ab ab abc', 'abc ab'];
  const learn = (vocabSize: number, modelType: 'unigram' | 'bpe') =>
    learnSentencePiece(text, { vocabSize, modelType, normalization: 'identity' });
  const advised = async (vocabSize: number, modelType: 'unigram' | 'bpe', words: RegExp): Promise<number> => {
    const { message } = (await learn(vocabSize, modelType).catch((error: unknown) => error)) as Error;
    const found = words.exec(message);
    assert.ok(found, message);
    return Number(found[1]);
  };
  for (const modelType of ['unigram', 'bpe'] as const) {
    const most = await advised(8000, modelType, /but 8000 were requested\. Request at most (\d+), or allow fewer/);
    const { numPieces, vocab } = await learn(most, modelType);
    assert.equal(numPieces, most);
    assert.equal(vocab.trim().split('\n').length, most);
    assert.match(vocab, /^<unk>\t0\n<s>\t0\n<\/s>\t0\n/);
    const least = await advised(4, modelType, /the requested size is 4, .* Request at least (\d+), or a lower/);
    assert.equal(least, 7); // ▁, a, b and c
    assert.equal((await learn(least, modelType)).numPieces, least);
    await assert.rejects(learn(least - 1, modelType), /Request at least 7,/);
    await assert.rejects(learn(most + 1, modelType), new RegExp(`Request at most ${most},`));
  }
});
