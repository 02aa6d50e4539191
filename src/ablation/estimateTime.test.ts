import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { limitedMemory } from '../../test/limitedMemory.js';
import { makeRealCorpus } from '../../test/realAblation.js';
import { changeConfig, defaultConfig } from '../config/loadConfig.js';
import { timeKind } from './estimateTime.js';

const kindOf = (settings: Record<string, unknown>): string => timeKind(changeConfig(defaultConfig(), settings, 'test'));

test('runs share a measurement where they take the same time, and no other runs do', () => {
  const gradInit = { 'gradinit.algorithm': 'adam', 'gradinit.variant': 'released', 'gradinit.iterations': 30 };
  const released = kindOf(gradInit);
  for (const same of [{ seed: 7 }, { 'train.lr': 0.1 }, { 'gradinit.eta': 0.1 }, { 'gradinit.scaled': 'weights' }])
    assert.equal(kindOf({ ...gradInit, ...same }), released, JSON.stringify(same));
  const robust = { ...gradInit, 'gradinit.variant': 'robust' };
  const others = [
    kindOf(robust), // no second derivatives, and a check
    kindOf({ ...robust, 'gradinit.gammaShare': 2 }),
    kindOf({ ...robust, 'gradinit.scaled': 'rates' }),
    kindOf({ ...robust, 'gradinit.fallBack': false }),
    kindOf({ ...gradInit, 'gradinit.pieceTokens': 99 }),
    kindOf({ ...gradInit, 'gradinit.iterations': 31 }),
    kindOf({ 'metainit.iterations': 30 }),
    kindOf({}),
  ];
  assert.equal(new Set([released, ...others]).size, 1 + others.length);
});

const folder = mkdtempSync(join(tmpdir(), 'coldstart-estimate-'));
after(() => rmSync(folder, { recursive: true }));

test('an arm that will not fit into memory is named before anything is measured, with a setting that fits', () => {
  makeRealCorpus(folder);
  const before = readdirSync(folder);
  const dryRun = (...settings: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(
      process.execPath,
      [
        limitedMemory(300 * 2 ** 20),
        fileURLToPath(new URL('../cli/main.js', import.meta.url)),
        ...['ablate', '-c', 'config.yaml', '--run', 'none', '--dry-run'],
        ...settings.flatMap((setting) => ['--set', setting]),
      ],
      { cwd: folder, encoding: 'utf8' },
    );
  const large = ['model.dModel=64', 'model.dFf=512', 'gradinit.variant=released', 'gradinit.pieceTokens=8000'];
  const arms = ['gradinit.maxTokens=8000', 'train.maxTokens=400'];
  const { status, stdout, stderr } = dryRun(...large, ...arms);
  assert.deepEqual([status, stdout], [1, ''], stderr);
  assert.match(
    stderr,
    /^coldstart: arm gradinit-adam: this run needs about \S+ GB of memory \(gradinit \S+ GB, .*\), 0\.29 GB are available\. Set gradinit\.pieceTokens=\d+, or give --ignore-memory .* \[TOO_LARGE\]\n$/,
  );
  const [pieces] = /gradinit\.pieceTokens=\d+/.exec(stderr)!;
  const fitting = dryRun(...large, ...arms, pieces, 'train.maxUpdates=2', 'gradinit.iterations=1');
  assert.equal(fitting.status, 0, fitting.stderr);
  assert.match(fitting.stdout, /gradinit-adam[^\n]* GB/);
  assert.deepEqual(readdirSync(folder), before);
});
