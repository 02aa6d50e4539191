import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { summarizeLog } from './runScores.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-scores-'));
after(() => rmSync(folder, { recursive: true }));

test('a log of more lines than a call can have arguments is summed up', () => {
  const path = join(folder, 'log.jsonl');
  const numUpdates = 150_000;
  writeFileSync(
    path,
    Array.from(
      { length: numUpdates },
      (_, i) => `{"event":"train","update":${i + 1},"trgTokens":2,"seconds":${(i + 1) / 2}}\n`,
    ).join(''),
  );
  assert.deepEqual(summarizeLog(path), {
    updates: numUpdates,
    epochs: 0,
    trgTokens: 2 * numUpdates,
    trainSeconds: numUpdates / 2,
  });
});
