import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { changeConfig, defaultConfig } from '../config/loadConfig.js';
import { keptCheckpoints } from '../train/runFiles.js';
import { claimRunFolder, runChanges } from './runFolder.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-run-folder-'));
after(() => rmSync(folder, { recursive: true }));

test('a run with another start of the second moment than the default: the error says how to keep it', () => {
  const runDir = join(folder, 'run');
  const identity = { program: 'coldstart', corpus: {} };
  const robust = changeConfig(defaultConfig(), { 'gradinit.algorithm': 'adam' }, 'test');
  const zeros = changeConfig(robust, { 'train.secondMomentStart': 'zeros' }, 'test');
  claimRunFolder(runDir, zeros, identity, { isNew: true, changed: [] });
  const fixed = (config: typeof robust): readonly string[] => runChanges(runDir, config, identity).fixed;
  const line = 'train.secondMomentStart: "zeros" → "first-gradient"';
  assert.deepEqual(fixed(robust), [
    `${line} (not set, and its default is another: --set train.secondMomentStart=zeros keeps that of the run)`,
  ]);
  assert.deepEqual(fixed(zeros), []);
  const chosen = changeConfig(robust, { 'train.secondMomentStart': 'first-gradient' }, 'test');
  assert.deepEqual(fixed(chosen), [line], 'the user chose another');
  // of a run with the default, another default follows from the other settings that differ
  const byDefault = join(folder, 'default');
  claimRunFolder(byDefault, robust, identity, { isNew: true, changed: [] });
  const { fixed: lines } = runChanges(byDefault, defaultConfig(), identity);
  assert.ok(lines.includes('train.secondMomentStart: "first-gradient" → "zeros"'), lines.join('\n'));
});

test('the updates between kept checkpoints may be set on resuming; those of epochs are then the older ones', () => {
  const runDir = join(folder, 'kept');
  const identity = { program: 'coldstart', corpus: {} };
  const every = (updates: number) => changeConfig(defaultConfig(), { 'train.keepEveryUpdates': updates }, 'test');
  claimRunFolder(runDir, every(0), identity, { isNew: true, changed: [] });
  assert.deepEqual(runChanges(runDir, every(5), identity), {
    fixed: [],
    changeable: ['train.keepEveryUpdates: 0 → 5'],
  });
  claimRunFolder(runDir, every(5), identity, { changed: ['train.keepEveryUpdates: 0 → 5'] });
  assert.deepEqual(runChanges(runDir, every(0), identity), {
    fixed: ['train.keepEveryUpdates: 5 → 0 (its checkpoints are of updates; another number above 0 may be set)'],
    changeable: [],
  });
  const names = ['epoch-0008', 'epoch-0010', 'update-00000005', 'update-00000010'];
  mkdirSync(join(runDir, 'checkpoints'));
  for (const name of names) writeFileSync(join(runDir, 'checkpoints', `${name}.safetensors`), '');
  assert.deepEqual(
    keptCheckpoints(runDir).map((path) => basename(path, '.safetensors')),
    names,
  );
});
