import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exp, ones, sum, tidy } from '@tensorflow/tfjs-core';
import { isAddonBuilt } from '../backend/native/addon.js';
import { nativeBackend } from '../backend/native/loadNative.js';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { syntheticTask } from '../../test/syntheticRun.js';
import { train } from './trainer.js';
import type { TrainOptions } from './trainOptions.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-determinism-'));
after(() => rmSync(folder, { recursive: true }));
let runs = 0;

/** Every parameter after a few updates, dropout included. */
async function finalParameters(changes: Partial<TrainOptions> = {}): Promise<Map<string, Uint8Array>> {
  const { params } = await train(syntheticTask(folder, `run-${runs++}`, { maxUpdates: 6, ...changes }));
  const bytes = new Map([...params].map(([name, tensor]) => [name, new Uint8Array(tensor.dataSync().buffer)]));
  disposeParams(params);
  return bytes;
}

describe(
  'a training run on the native backend has the same bits',
  { skip: isAddonBuilt() ? false : 'the native engine is not built' },
  () => {
    let threadsBefore = 1;
    before(async () => {
      await selectBackend('native');
      threadsBefore = nativeBackend().addon.info().threads;
    });
    after(() => {
      nativeBackend().addon.setPoison(0);
      nativeBackend().addon.setThreads(threadsBefore);
    });

    for (const threads of [1, 2]) {
      test(`after any other work and allocations, on ${threads} thread${threads === 1 ? '' : 's'}`, async () => {
        const { addon, hasFurtherPrecision: hasBf16 } = nativeBackend();
        addon.setThreads(threads);
        const first = await finalParameters();
        assert.deepEqual(await finalParameters(), first, 'at once again');
        addon.setPoison(1);
        const held = Array.from({ length: 50 }, (_, i) => tidy(() => exp(ones([1 + 997 * i]))));
        held.forEach((tensor, i) => void (i % 2 === 0 && tensor.dispose()));
        tidy(() => sum(ones([300, 7777])).dataSync());
        if (hasBf16) assert.notDeepEqual(await finalParameters({ precision: 'bf16' }), first, 'bf16 differs');
        assert.deepEqual(await finalParameters(), first, 'after other work, in memory full of NaN');
        addon.trimMemory();
        assert.deepEqual(await finalParameters(), first, 'in fresh memory');
        addon.setPoison(0);
        held.forEach((tensor) => tensor.dispose());
      });
    }

    test(
      'in bf16 too',
      {
        skip:
          isAddonBuilt() && !nativeBackend().hasFurtherPrecision ? 'this processor has no bf16 instructions' : false,
      },
      async () => {
        nativeBackend().addon.setThreads(2);
        const first = await finalParameters({ precision: 'bf16' });
        await finalParameters();
        nativeBackend().addon.setPoison(1);
        assert.deepEqual(await finalParameters({ precision: 'bf16' }), first);
      },
    );
  },
);
