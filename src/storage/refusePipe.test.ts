import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DatasetShard } from '../data/datasetShard.js';
import { BlockCache } from '../data/blockCache.js';
import { LearningLog } from '../run/learningLog.js';
import { readRunScores } from '../run/runScores.js';
import { readLog } from '../train/runLog.js';
import { fileIdentity } from './checksum.js';
import { readRecorded, sha256OfFile } from './recordedFiles.js';
import { readSafetensors } from './safetensors.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-pipe-'));
after(() => rmSync(folder, { recursive: true }));

test('a pipe among the files of a run, a corpus or a checkpoint is refused at once, not waited for', async () => {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const readers: [what: string, read: () => unknown][] = [
    ['scores of a run', () => readRunScores(path)],
    ['log', () => readLog(path)],
    ['checkpoint', () => readSafetensors(path)],
    ['dataset', () => DatasetShard.open(path, new BlockCache(1))],
    ['file', () => readRecorded(folder, 'pipe', { sha256: {}, writer: 'the run', advice: '' })],
    ['file', () => sha256OfFile(path)],
    ['record of learning', () => LearningLog.open(path, {})],
  ];
  for (const [what, read] of readers)
    assert.throws(read, {
      code: 'DATA',
      message: `${what} ${path} is a pipe, expected a file. Remove it, or restore the file from a copy.`,
    });
  await assert.rejects(fileIdentity(path), { message: /is a pipe, expected a file/ });
});
