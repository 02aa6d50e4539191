import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { memory } from '@tensorflow/tfjs-core';
import { isAddonBuilt } from '../backend/native/addon.js';
import { selectBackend } from '../backend/select.js';
import { changeConfig, defaultConfig } from '../config/loadConfig.js';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { pairsInMemory } from '../data/pairSource.js';
import { StoppedByOther } from '../parallel/agree.js';
import type { World } from '../parallel/world.js';
import { memoryWorlds } from '../../test/memoryWorlds.js';
import { reversals, tinyConfig } from '../../test/tinyRun.js';
import { initialParams } from './initialParams.js';
import { learnAlong, SharedLearning } from './sharedLearning.js';

before(async () => void (await selectBackend(isAddonBuilt() ? 'native' : 'wasm')));

const pairs = pairsInMemory(reversals(40, 1));
const configOf = (settings: Record<string, unknown>) =>
  changeConfig(
    defaultConfig(),
    { 'gradinit.algorithm': 'adam', 'gradinit.iterations': 2, 'gradinit.maxTokens': 60, ...settings },
    'test',
  );

/** What all processes learn: the leader's parameters and report without times. */
async function learned(settings: Record<string, unknown>, worlds: readonly World[]) {
  const config = configOf(settings);
  const [leading, ...following] = worlds;
  const followers = following.map((world) => learnAlong(world, config, tinyConfig, pairs, undefined));
  const learning = leading && new SharedLearning(leading);
  const { params, report } = await initialParams(config, tinyConfig, pairs, { learning });
  await learning?.end();
  assert.deepEqual(
    await Promise.all(followers),
    following.map(() => 'trains'),
  );
  const values = [...params].map(([name, tensor]) => [name, new Uint8Array(tensor.dataSync().slice().buffer)]);
  disposeParams(params);
  return { values, report: JSON.stringify(report, (key, value: unknown) => (key === 'seconds' ? 0 : value)) };
}

describe('learning by several processes', () => {
  const bounds: readonly Record<string, unknown>[] = [{ 'gradinit.gamma': 1e-3 }, { 'gradinit.gamma': 1e6 }];
  for (const [scaled, sizes] of [
    ['weights', [3]],
    ['rates', [2]],
    ['both', [2, 3, 4]],
  ] as const)
    test(`GradInit, scaling ${scaled}: every bit that one process learns, in both branches and in the check afterwards`, async () => {
      for (const bound of bounds) {
        const settings = { 'gradinit.scaled': scaled, 'gradinit.pieceTokens': 12, ...bound };
        const one = await learned(settings, []);
        for (const size of sizes) {
          const tensors = memory().numTensors;
          assert.deepEqual(await learned(settings, memoryWorlds(size)), one, `${size} processes`);
          assert.equal(memory().numTensors, tensors, 'leaked tensors');
        }
      }
    });

  test('MetaInit: every bit that one process learns', async () => {
    const settings = {
      'gradinit.algorithm': 'none',
      'metainit.iterations': 2,
      'metainit.maxTokens': 60,
      'metainit.pieceTokens': 12,
    };
    const one = await learned(settings, []);
    for (const size of [2, 3, 4]) {
      const tensors = memory().numTensors;
      assert.deepEqual(await learned(settings, memoryWorlds(size)), one, `${size} processes`);
      assert.equal(memory().numTensors, tensors, 'leaked tensors');
    }
  });

  test('batches of one piece are the leader’s, and the others do not learn', async () => {
    let sent = 0;
    const [leading, second] = memoryWorlds(2);
    const counting = {
      ...leading,
      broadcast: (bytes: Uint8Array, root: number) => (sent++, leading.broadcast(bytes, root)),
    };
    assert.deepEqual(await learned({}, [counting, second]), await learned({}, []));
    assert.equal(sent, 2); // that there is nothing to do: a length and a text
  });

  test('a signal to one process stops all after the same iteration', async () => {
    const config = configOf({ 'gradinit.pieceTokens': 12 });
    const [leading, second] = memoryWorlds(2);
    const asked = new AbortController();
    const following = learnAlong(second, config, tinyConfig, pairs, asked.signal);
    const notes: number[] = [];
    const leads = initialParams(config, tinyConfig, pairs, {
      learning: new SharedLearning(leading),
      onProgress: ({ done }) => (notes.push(done), asked.abort()),
    });
    await assert.rejects(leads, StoppedByOther);
    assert.equal(await following, 'stopped');
    assert.ok(notes.length <= 2 && notes.length >= 1, String(notes));
  });
});
