import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeRealCorpus } from '../../test/realAblation.js';
import { loadConfig } from '../config/loadConfig.js';
import { lockFolder } from '../storage/folderLock.js';
import { run, type RunTask } from './run.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-claimed-'));
after(() => rmSync(folder, { recursive: true }));
before(() => makeRealCorpus(folder));

const task = (runDir: string, settings: readonly string[] = [], resume = false): RunTask => ({
  config: loadConfig(join(folder, 'config.yaml'), settings),
  runDir: join(folder, runDir),
  resume,
});
/** Every file of a run and its content, without the lock and vanishing files. */
const contents = (runDir: string): [string, string][] =>
  readdirSync(join(folder, runDir), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name), 'latin1')]);

test('a run in whose folder another process works is refused and left as it is, settings included', async () => {
  await run(task('busy'));
  const before = contents('busy');
  assert.ok(before.some(([name]) => name === 'scores.json'));
  const release = await lockFolder(join(folder, 'busy/.lock'), 'training this run');
  try {
    await assert.rejects(run(task('busy', ['decode.beamSize=3', 'train.patience=2'], true)), { code: 'FOLDER_BUSY' });
  } finally {
    release();
  }
  assert.deepEqual(contents('busy'), before);
});

test('a precision that the backend lacks is refused before the folder appears', async () => {
  await assert.rejects(run(task('refused', ['train.precision=bf16'])), {
    code: 'USAGE',
    message: /bf16 needs the native backend/,
  });
  assert.ok(!existsSync(join(folder, 'refused')));
});

test('a place that takes no folder is refused before the backend is loaded and memory is counted', async () => {
  const events: string[] = [];
  await assert.rejects(run({ ...task('busy'), runDir: '/proc/x', onEvent: ({ event }) => void events.push(event) }), {
    code: 'WRITE_FAILED',
    message: '/proc/x cannot be written: /proc takes no new files. Choose another place.',
  });
  assert.deepEqual(events, []);
});
