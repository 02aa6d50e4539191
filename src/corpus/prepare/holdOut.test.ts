import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openPreparedCorpus } from '../preparedCorpus.js';
import type { PrepareOptions } from './options.js';
import { prepareCorpus } from './prepareCorpus.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-hold-out-'));
after(() => rmSync(folder, { recursive: true }));

/** Pair i is "Satz i." and "Line i."; every tenth is removed as too long. */
const numPairs = 100;
const isLong = (i: number): boolean => i % 10 === 0;
writeFileSync(
  join(folder, 'train.de'),
  Array.from({ length: numPairs }, (_, i) => `Satz  ${i}.${isLong(i) ? ' a b c d e' : ''}\n`).join(''),
);
writeFileSync(join(folder, 'train.en'), Array.from({ length: numPairs }, (_, i) => `Line ${i}.\n`).join(''));

const options = (name: string, changes: Partial<PrepareOptions> = {}): PrepareOptions => ({
  outDir: join(folder, name),
  srcLang: 'de',
  trgLang: 'en',
  train: { src: join(folder, 'train.de'), trg: join(folder, 'train.en') },
  tokenize: {},
  clean: { maxTokens: 5 },
  letterCase: 'lower',
  holdOutEvery: 7,
  subwords: { method: 'bpe', learn: { merges: 10 } },
  vocabulary: { joined: true },
  ...changes,
});

test('every nth cleaned pair goes to the validation set, and nothing is learnt from it', async () => {
  const { manifest } = await prepareCorpus(options('one'), { pairsPerPart: 16, workers: 1 });
  const kept = Array.from({ length: numPairs }, (_, i) => i).filter((i) => !isLong(i));
  const held = kept.filter((_, i) => (i + 1) % 7 === 0);
  const corpus = await openPreparedCorpus(options('one').outDir);
  assert.deepEqual(
    corpus.text('valid', 'src'),
    held.map((i) => `satz ${i} .`),
  );
  assert.deepEqual(
    corpus.rawText('valid', 'src'),
    held.map((i) => `Satz  ${i}.`),
    'as given',
  );
  assert.deepEqual(
    corpus.rawText('valid', 'trg'),
    held.map((i) => `Line ${i}.`),
  );
  const { pipeline } = corpus;
  const train = corpus.dataset('train');
  const lines = train
    .pairs(Array.from({ length: train.length }, (_, row) => row))
    .map(({ trg }) => pipeline.decodeTarget(trg));
  assert.deepEqual(
    lines,
    kept.filter((i) => !held.includes(i)).map((i) => `line ${i} .`),
  );
  const { train: trained, valid } = manifest.splits;
  assert.deepEqual(
    [trained!.lines, trained!.pairs, trained!.removed, valid!.lines, valid!.pairs],
    [100, 78, { tooLong: 10 }, 12, 12],
  );
  await corpus.close();

  await prepareCorpus(options('two'), { pairsPerPart: 1000, workers: 2 });
  for (const name of ['train.bin', 'valid.bin', 'valid.src.raw.txt', 'vocab.src.txt'])
    assert.deepEqual(readFileSync(join(folder, 'one', name)), readFileSync(join(folder, 'two', name)), name);
});

test('impossible hold-out settings are refused', async () => {
  await assert.rejects(
    prepareCorpus(options('x', { holdOutEvery: 91 })),
    /holdOutEvery is 91, but the training set has only 90 pairs after cleaning: none would be left for validation\./,
  );
  await assert.rejects(
    prepareCorpus(options('x', { holdOutEvery: 1 })),
    /corpus\.holdOutEvery is 1, expected an integer from 2 to/,
  );
  await assert.rejects(
    prepareCorpus(options('x', { valid: options('x').train })),
    /holdOutEvery takes the validation set from the training set, but files of a validation set are named too\./,
  );
});
