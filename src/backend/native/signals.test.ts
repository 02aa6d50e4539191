import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAddonBuilt } from './addon.js';

/** Products of ones for two seconds; every element must be the number of terms. */
const products = `
  import { matMul, ones, tidy } from '@tensorflow/tfjs-core';
  import { selectBackend } from ${JSON.stringify(new URL('../select.js', import.meta.url).href)};
  await selectBackend('native');
  let count = 0;
  for (const end = Date.now() + 2000; Date.now() < end; count++) {
    tidy(() => {
      for (const transposed of [false, true]) {
        const a = ones(transposed ? [96, 1024] : [1024, 96]);
        const wrong = matMul(a, ones([96, 256]), transposed).dataSync().findIndex((value) => value !== 96);
        if (wrong >= 0) throw new Error('product ' + count + ' is wrong at ' + wrong);
      }
    });
  }
  console.log('products', count > 0);
`;

// V8's profiler interrupts the thread that multiplies, thousands of times a second
for (const instructionSet of ['ALL', 'AVX2']) {
  test(`signals do not disturb products: oneDNN's kernels for ${instructionSet === 'ALL' ? 'this processor' : instructionSet}`, { skip: isAddonBuilt() ? false : 'the native engine is not built' }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'coldstart-signals-'));
    try {
      const { NODE_TEST_CONTEXT: _, ...env } = process.env;
      const args = ['--cpu-prof', '--cpu-prof-interval', '150', '--cpu-prof-dir', folder, '--input-type=module', '--eval', products];
      const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: new URL('../../..', import.meta.url), env: { ...env, ONEDNN_MAX_CPU_ISA: instructionSet } });
      assert.deepEqual([status, signal, stdout], [0, null, 'products true\n'], stderr);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
