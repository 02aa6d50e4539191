import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gather, matMul, ones, reshape, tensor1d, tidy } from '@tensorflow/tfjs-core';
import { selectBackend } from '../select.js';
import { isAddonBuilt } from './addon.js';
import { nativeBackend } from './loadNative.js';

/**
 * Products of ones for two seconds; every element must be the number of terms. 256 terms: from 85 on AVX-512 and from
 * 253 on AVX2 the defective kernels of oneDNN 2.6 leave the stack.
 */
const products = `
  import { matMul, ones, tidy } from '@tensorflow/tfjs-core';
  import { selectBackend } from ${JSON.stringify(new URL('../select.js', import.meta.url).href)};
  await selectBackend('native');
  let count = 0;
  for (const end = Date.now() + 2000; Date.now() < end; count++) {
    tidy(() => {
      for (const transposed of [false, true]) {
        const a = ones(transposed ? [256, 1024] : [1024, 256]);
        const wrong = matMul(a, ones([256, 256]), transposed).dataSync().findIndex((value) => value !== 256);
        if (wrong >= 0) throw new Error('product ' + count + ' is wrong at ' + wrong);
      }
    });
  }
  console.log('products', count > 0);
`;

describe('signals during kernels', { skip: isAddonBuilt() ? false : 'the native engine is not built' }, () => {
  // V8's profiler interrupts the thread that multiplies, thousands of times a second
  for (const instructionSet of ['AVX512_CORE', 'AVX2']) {
    test(`do not disturb oneDNN's products for ${instructionSet} or less`, () => {
      const folder = mkdtempSync(join(tmpdir(), 'coldstart-signals-'));
      try {
        const { NODE_TEST_CONTEXT: _, ...env } = process.env;
        const args = [
          '--cpu-prof',
          '--cpu-prof-interval',
          '150',
          '--cpu-prof-dir',
          folder,
          '--input-type=module',
          '--eval',
          products,
        ];
        const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
          encoding: 'utf8',
          timeout: 120_000,
          cwd: new URL('../../../..', import.meta.url),
          env: { ...env, ONEDNN_MAX_CPU_ISA: instructionSet },
        });
        assert.deepEqual([status, signal, stdout], [0, null, 'products true\n'], stderr);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  test(
    'wait on the threads that multiply, and on no other once the kernel is done',
    { skip: process.platform === 'linux' ? false : 'needs /proc' },
    async () => {
      await selectBackend('native');
      const blocked = (task: string): bigint =>
        BigInt(`0x${/^SigBlk:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/self/task/${task}/status`, 'utf8'))![1]}`);
      const own = (): bigint => blocked(String(process.pid));
      const { addon } = nativeBackend();
      const { threads } = addon.info();
      const before = own();
      const known = new Set(readdirSync('/proc/self/task'));
      addon.setThreads(5);
      try {
        tidy(() => matMul(ones([512, 512]), ones([512, 512])).dataSync());
        assert.equal(own(), before);
        const interrupt = 1n << BigInt(constants.signals.SIGINT - 1),
          fault = 1n << BigInt(constants.signals.SIGSEGV - 1);
        const started = readdirSync('/proc/self/task')
          .filter((task) => !known.has(task))
          .map(blocked);
        assert.ok(started.length >= 3, `${started.length} threads started`);
        assert.ok(
          started.every((mask) => (mask & interrupt) !== 0n && (mask & fault) === 0n),
          started.map((mask) => mask.toString(16)).join(' '),
        );
        assert.throws(() => addon.run(-1));
        assert.throws(() => tidy(() => reshape(gather(ones([3, 2]), tensor1d([7], 'int32')), [2]).dataSync()), /index/);
        assert.equal(own(), before);
      } finally {
        addon.setThreads(threads);
      }
    },
  );
});
