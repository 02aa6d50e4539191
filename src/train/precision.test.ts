import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { matMul, randomUniform, tidy, type Tensor2D } from '@tensorflow/tfjs-core';
import { isAddonBuilt } from '../backend/native/addon.js';
import { nativeBackend } from '../backend/native/loadNative.js';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { withPrecision } from '../backend/precision.js';
import type { Precision } from '../backend/precisions.js';
import { selectBackend } from '../backend/select.js';
import { syntheticTask } from '../../test/syntheticRun.js';
import { tinyTask } from '../../test/tinyRun.js';
import { readLastCheckpoint } from './runFiles.js';
import { train } from './trainer.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-precision-'));
after(() => rmSync(folder, { recursive: true }));

/** Validation nll after a short run on the built-in corpus. */
async function finalNll(precision: Precision, seed: number): Promise<number> {
  const losses: number[] = [];
  const { params } = await train(
    syntheticTask(
      folder,
      `${precision}-${seed}`,
      { precision, seed, maxUpdates: 100 },
      { onEvent: (event) => void (event.event === 'valid' && losses.push(event.nll)) },
    ),
  );
  disposeParams(params);
  return losses[losses.length - 1];
}

describe(
  'training in bf16',
  {
    skip: !isAddonBuilt()
      ? 'the native engine is not built'
      : nativeBackend().hasFurtherPrecision
        ? false
        : 'this processor has no bf16 instructions',
  },
  () => {
    test('reaches the loss of fp32 within the difference between seeds', async (t) => {
      await selectBackend('native');
      const seeds = [1, 2, 3];
      const fp32: number[] = [];
      const bf16: number[] = [];
      for (const seed of seeds) {
        fp32.push(await finalNll('fp32', seed));
        bf16.push(await finalNll('bf16', seed));
      }
      t.diagnostic(
        `validation nll of ${seeds.length} seeds: fp32 ${fp32.map((x) => x.toFixed(4))}, bf16 ${bf16.map((x) => x.toFixed(4))}`,
      );
      const mean = (x: number[]): number => x.reduce((a, b) => a + b) / x.length;
      assert.ok(mean(fp32) < 5.2, 'the runs learn');
      const spread = Math.max(...fp32) - Math.min(...fp32);
      assert.ok(Math.abs(mean(bf16) - mean(fp32)) < spread / 2, `fp32 ${fp32}, bf16 ${bf16}`);
      assert.ok(
        bf16.every((nll, i) => nll !== fp32[i]),
        'bf16 was used',
      );
    });

    test('calls nest: float32 within bf16 is float32, and bf16 holds on after it', async () => {
      await selectBackend('native');
      tidy(() => {
        const [a, b] = [1, 2].map((seed) => randomUniform([128, 128], -1, 1, 'float32', seed)) as [Tensor2D, Tensor2D];
        const product = (): number[] => [...matMul(a, b).dataSync()];
        const [fp32, bf16] = [product(), withPrecision('bf16', product)];
        assert.notDeepEqual(bf16, fp32);
        const nested = withPrecision('bf16', () => [
          withPrecision('fp32', product),
          withPrecision('bf16', product),
          product(),
        ]);
        assert.deepEqual(nested, [fp32, bf16, bf16]);
        assert.throws(
          () =>
            withPrecision('bf16', () => {
              throw new Error('broken off');
            }),
          /broken off/,
        );
        assert.deepEqual(product(), fp32);
      });
    });

    test('a run resumes in the precision it was trained with', async () => {
      await selectBackend('native');
      const first = await train(tinyTask(folder, 'resume', { precision: 'bf16', maxUpdates: 3 }));
      disposeParams(first.params);
      const saved = readLastCheckpoint(join(folder, 'resume'))!;
      assert.equal(saved.training!.position.precision, 'bf16');
      await assert.rejects(
        train(tinyTask(folder, 'resume', { precision: 'fp32', maxUpdates: 5 }, { resumeFrom: saved })),
        /was trained with precision bf16, the configuration says fp32/,
      );
      const second = await train(
        tinyTask(folder, 'resume', { precision: 'bf16', maxUpdates: 5 }, { resumeFrom: saved }),
      );
      assert.equal(second.position.update, 5);
      disposeParams(second.params);
    });
  },
);
