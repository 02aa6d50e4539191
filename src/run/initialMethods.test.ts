import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../config/loadConfig.js';
import { learnsInitialParams } from './initialParams.js';

test('two ways to initial parameters are rejected with file and line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coldstart-methods-'));
  try {
    const path = join(folder, 'two.yaml');
    writeFileSync(path, 'model: { residual: admin }\n\ngradinit: { algorithm: adam }\n');
    assert.throws(() => learnsInitialParams(loadConfig(path)), {
      name: 'UsageError',
      message: `${path}:3: gradinit.algorithm and model.residual admin are both set. Parameters are learned or profiled by one of them: set the other to none, 0 or post-ln.`,
    });
    assert.equal(learnsInitialParams(loadConfig(path, ['gradinit.algorithm=none'])), true);
    assert.equal(learnsInitialParams(loadConfig(path, ['gradinit.algorithm=none', 'model.residual=post-ln'])), false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
