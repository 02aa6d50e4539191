import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { changeConfig, defaultConfig } from '../config/loadConfig.js';
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
