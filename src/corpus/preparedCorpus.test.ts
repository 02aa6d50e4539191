import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DatasetWriter } from '../data/datasetWriter.js';
import { DataError } from '../errors.js';
import { copyTextPipeline, openTextPipeline } from '../text/textPipeline.js';
import { withoutChecksum } from '../../test/jsonMutations.js';
import { coldstart, makeRealCorpus } from '../../test/realAblation.js';
import { readPrepareManifest, type PrepareManifest } from './prepare/manifest.js';
import { openPreparedCorpus } from './preparedCorpus.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-prepared-'));
const data = join(folder, 'data');
before(() => makeRealCorpus(folder));
after(() => rmSync(folder, { recursive: true }));

/** Reads everything that a run reads of the held-out sets. */
async function readHeldOut(): Promise<void> {
  const corpus = await openPreparedCorpus(data);
  try {
    for (const split of ['valid', 'test'] as const) {
      corpus.dataset(split);
      for (const side of ['src', 'trg'] as const) corpus.text(split, side);
    }
  } finally {
    await corpus.close();
  }
}

test('no change of a byte in vocabularies, codes, settings, held-out text and ids goes undetected', async () => {
  await readHeldOut();
  let flips = 0;
  for (const name of readdirSync(data).filter((each) => each !== 'manifest.json' && !each.startsWith('train'))) {
    const path = join(data, name);
    const bytes = readFileSync(path);
    for (let i = 0; i < 12; i++) {
      const changed = Buffer.from(bytes);
      changed[Math.floor((i * (bytes.length - 1)) / 11)] ^= 1;
      writeFileSync(path, changed);
      await assert.rejects(readHeldOut(), (error: Error) => error instanceof DataError && error.message.includes(name));
      flips++;
    }
    writeFileSync(path, bytes);
  }
  assert.ok(flips > 80, `${flips} flips`);
  await readHeldOut();
});

/** Reads every pair of the training set. */
async function readTrain(): Promise<void> {
  const corpus = await openPreparedCorpus(data);
  try {
    const dataset = corpus.dataset('train');
    dataset.pairs(Array.from({ length: dataset.length }, (_, i) => i));
  } finally {
    await corpus.close();
  }
}

test('no change of a byte in header, ids, lengths and checksums of the training set goes undetected', async () => {
  const path = join(data, 'train.bin');
  const bytes = readFileSync(path);
  const places = new Set([
    ...Array.from({ length: 96 }, (_, i) => i),
    ...Array.from({ length: 60 }, (_, i) => Math.floor((i * (bytes.length - 1)) / 59)),
    ...[1, 2, 3, 4, 5].map((i) => bytes.length - i),
  ]);
  for (const at of places) {
    const changed = Buffer.from(bytes);
    changed[at] ^= 1 << (at % 8);
    writeFileSync(path, changed);
    await assert.rejects(
      readTrain(),
      (error: Error) => error instanceof DataError && error.message.includes(path),
      `byte ${at}`,
    );
  }
  writeFileSync(path, bytes);
  await readTrain();
});

test('a sound dataset of another corpus is refused when it is opened', async () => {
  const path = join(data, 'train.bin');
  const bytes = readFileSync(path);
  const { header, pairs } = await (async () => {
    const corpus = await openPreparedCorpus(data);
    const dataset = corpus.dataset('train');
    const all = dataset.pairs(Array.from({ length: dataset.length }, (_, i) => i));
    await corpus.close();
    return { header: dataset.header, pairs: all };
  })();
  const writer = new DatasetWriter(path, header.srcVocabSize, header.trgVocabSize);
  for (const pair of pairs.reverse()) writer.add(pair); // as many pairs and tokens, in another order
  writer.finish();
  const corpus = await openPreparedCorpus(data);
  assert.throws(() => corpus.dataset('train'), /train\.bin is not what "coldstart corpus prepare" wrote: its header/);
  await corpus.close();
  writeFileSync(path, bytes);
});

test('the copy of vocabularies and codes in a run is compared with its checksums; without checksums it is read unverified', async () => {
  const text = join(folder, 'run', 'text');
  const { outputs } = readPrepareManifest(data)!;
  const recorded = Object.fromEntries(Object.entries(outputs).map(([name, { sha256 }]) => [name, sha256]));
  copyTextPipeline(data, text, recorded);
  renameSync(join(folder, 'run'), join(folder, 'moved'));
  const moved = join(folder, 'moved', 'text');
  const open = async (): Promise<void> => (await openTextPipeline(moved)).close();
  await open();
  const names = readdirSync(moved);
  assert.deepEqual(names.sort(), [
    'checksums.json',
    'subwords.src.codes',
    'subwords.trg.codes',
    'text.json',
    'vocab.src.txt',
    'vocab.trg.txt',
  ]);
  for (const name of names.filter((each) => each !== 'checksums.json')) {
    const path = join(moved, name);
    const bytes = readFileSync(path);
    for (let i = 0; i < 12; i++) {
      const changed = Buffer.from(bytes);
      changed[Math.floor((i * (bytes.length - 1)) / 11)] ^= 1;
      writeFileSync(path, changed);
      await assert.rejects(open(), (error: Error) => error instanceof DataError && error.message.startsWith(path));
    }
    rmSync(path);
    await assert.rejects(open(), (error: Error) => error instanceof DataError && error.message.startsWith(path));
    writeFileSync(path, bytes);
  }
  rmSync(join(moved, 'checksums.json')); // as in runs of earlier versions
  await open();
  // a corpus that was changed after it was opened is not copied
  assert.throws(
    () => copyTextPipeline(data, text, { ...recorded, 'vocab.src.txt': '0'.repeat(64) }),
    /vocab\.src\.txt is not what "coldstart corpus prepare" wrote: SHA-256 [0-9a-f]{64}, expected 0{64}\. /,
  );
});

test('a corpus that is prepared again while it is open is refused, not mixed with the first', async () => {
  const corpus = await openPreparedCorpus(data);
  writeFileSync(join(folder, 'text/test.en'), readFileSync(join(folder, 'text/test.en'), 'utf8').toUpperCase());
  const { status, output } = coldstart(['corpus', 'prepare', '-c', 'config.yaml', '--force'], folder);
  assert.equal(status, 0, output);
  assert.throws(
    () => corpus.text('test', 'trg'),
    /test\.trg\.txt is not what "coldstart corpus prepare" wrote: SHA-256/,
  );
  assert.throws(() => corpus.dataset('test'), /test\.bin is not what "coldstart corpus prepare" wrote/);
  await corpus.close();
});

test('a corpus of an earlier version with an empty set is refused before a run trains on it', async () => {
  const path = join(data, 'manifest.json');
  const text = readFileSync(path, 'utf8');
  const manifest = withoutChecksum(text) as PrepareManifest;
  const splits = { ...manifest.splits, test: { ...manifest.splits.test, lines: 0, pairs: 0 } };
  writeFileSync(path, JSON.stringify({ ...manifest, splits }));
  await assert.rejects(openPreparedCorpus(data, 'coldstart corpus prepare -c my.yaml'), {
    name: 'DataError',
    message: `the test set of ${data} has no sentence pairs. Name files with sentences as corpus.test in the configuration, or remove that setting, and run "coldstart corpus prepare -c my.yaml" with --force.`,
  });
  writeFileSync(path, text);
});

test('a corpus that another version prepared is refused, with what to do', async () => {
  const path = join(data, 'manifest.json');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, JSON.stringify({ ...(withoutChecksum(text) as object), version: 1 }));
  await assert.rejects(openPreparedCorpus(data), {
    name: 'DataError',
    message: `${data} was prepared by another version of coldstart (format 1, expected 2). Run "coldstart corpus prepare" with --force.`,
  });
  writeFileSync(path, text);
});
