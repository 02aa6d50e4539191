import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DataError } from '../errors.js';
import { coldstart, makeRealCorpus } from '../../test/realAblation.js';
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

test('no change of a byte in vocabularies, codes, settings, held-out text and ids goes unseen', async () => {
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
