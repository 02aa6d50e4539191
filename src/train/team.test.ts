import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { memory } from '@tensorflow/tfjs-core';
import { isAddonBuilt } from '../backend/native/addon.js';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { memoryWorlds } from '../../test/memoryWorlds.js';
import { reversals, tinyConfig, tinyTask } from '../../test/tinyRun.js';
import { createBatches } from '../data/batches.js';
import { pairsInMemory } from '../data/pairSource.js';
import { translate } from '../decode/translate.js';
import type { World } from '../parallel/world.js';
import { DivergenceError } from './divergence.js';
import { follow } from './team.js';
import { readLastCheckpoint } from './runFiles.js';
import { train, type Evaluation, type TrainEvent, type TrainTask } from './trainer.js';
import type { TrainOptions } from './trainOptions.js';

before(async () => void (await selectBackend(isAddonBuilt() ? 'native' : 'wasm')));
const folder = mkdtempSync(join(tmpdir(), 'coldstart-team-'));
after(() => rmSync(folder, { recursive: true }));
let runs = 0;

type Settings = Partial<TrainOptions> & { maxUpdates: number };

/** What training gives: its parameters, what it logs but for times, and its checkpoint. */
async function trained(
  size: number,
  settings: Settings,
  parts: Partial<TrainTask> = {},
): Promise<{ params: Map<string, Uint8Array>; log: TrainEvent[]; status: string; runDir: string }> {
  const log: TrainEvent[] = [];
  const validBatches = createBatches(pairsInMemory(reversals(20, 2)), { maxTokens: 20, shuffle: false }).epochBatches(
    1,
  );
  assert.ok(validBatches.length > 4);
  const task = tinyTask(folder, parts.runDir ?? `run-${runs++}`, settings, {
    validBatches,
    onEvent: (event) => log.push(withoutTimes(event)),
    ...parts,
  });
  const [leading, ...following] = memoryWorlds(size);
  const { config, trainBatches } = task;
  const followers = following.map((world) =>
    follow({ world, config, trainBatches, validBatches, evaluate: (p) => translated(p, world) }),
  );
  const world = size > 1 ? leading : undefined;
  const { params, status } = await train({ evaluate: (p) => translated(p, world), ...task, world });
  await Promise.all(followers);
  const bytes = bytesOf(params);
  disposeParams(params);
  return { params: bytes, log, status, runDir: task.runDir };
}

/** Translations of batches of several sizes, some of them of one sentence, with all numbers of their search. */
async function translated(params: Params, world: World | undefined): Promise<Evaluation> {
  const sources = reversals(17, 4).map(({ src }) => Int32Array.from(src));
  const options = { beamSize: 2, lengthPenalty: 1, maxLenA: 1, maxLenB: 2, maxTokens: 14, maxSentences: 3, world };
  const { hypotheses } = await translate(params, tinyConfig, sources, options);
  const samples = hypotheses.map(([best], i) => ({ src: String(i), ref: '', hyp: JSON.stringify(best) }));
  return { bleu: hypotheses.reduce((sum, [{ score }]) => sum + score, 0), samples };
}

const bytesOf = (params: Params): Map<string, Uint8Array> =>
  new Map([...params].map(([name, tensor]) => [name, new Uint8Array(tensor.dataSync().slice().buffer)]));

function withoutTimes(event: TrainEvent): TrainEvent {
  const timed = ['seconds', 'trgTokensPerSecond', 'path'];
  return Object.fromEntries(Object.entries(event).filter(([key]) => !timed.includes(key))) as unknown as TrainEvent;
}

/** Two epochs of about 41 batches, whose last update is short. */
const settings: Settings = {
  maxUpdates: 14,
  updateFreq: 7,
  lr: 5e-3,
  clipNorm: 0.5,
  logEveryUpdates: 3,
  validateEveryUpdates: 5,
  keepEpochs: 1,
};

describe('several processes', () => {
  test('give every bit that one gives, whatever their number, over short updates and epochs', async () => {
    const one = await trained(1, settings);
    assert.ok(one.log.filter(({ event }) => event === 'epoch').length >= 2, 'the run is to go over the ends of epochs');
    for (const size of [2, 3, 4, 9]) {
      const tensors = memory().numTensors;
      const several = await trained(size, settings);
      assert.equal(memory().numTensors, tensors, 'leaked tensors');
      assert.deepEqual(several.params, one.params, `${size} processes`);
      assert.deepEqual(several.log, one.log);
      assert.deepEqual(checkpointOf(several.runDir), checkpointOf(one.runDir));
    }
  });

  test('with SGD and with multipliers, too', async () => {
    for (const [own, parts] of [
      [{ optimizer: 'sgd', momentum: 0.9, lr: 0.1 }, {}],
      [
        {},
        {
          multipliers: {
            scales: { 'decoder.embed_tokens.weight': 0.5, 'encoder.layers.0.fc1.weight': 0.3 },
            releaseUpdates: 8,
          },
        },
      ],
    ] as [Partial<TrainOptions>, Partial<TrainTask>][]) {
      const short = { ...settings, ...own, maxUpdates: 5 } as Settings;
      assert.deepEqual((await trained(3, short, parts)).params, (await trained(1, short, parts)).params);
    }
  });

  test('resume a run of another number of processes', async () => {
    const whole = await trained(1, settings);
    const first = await trained(4, { ...settings, maxUpdates: 4 });
    let runDir = first.runDir;
    for (const [size, maxUpdates] of [
      [2, 9],
      [1, 14],
    ]) {
      const next = await trained(size, { ...settings, maxUpdates }, { runDir, resumeFrom: readLastCheckpoint(runDir) });
      runDir = next.runDir;
      if (maxUpdates === 14) assert.deepEqual(next.params, whole.params);
    }
  });

  test('stop together when one of them is asked to, and divergence ends all', async () => {
    const asked = new AbortController();
    const stop = new AbortController();
    const task = tinyTask(folder, `run-${runs++}`, { ...settings, maxUpdates: 12 });
    const [leading, second] = memoryWorlds(2);
    const { config, trainBatches, validBatches } = task;
    const following = follow({ world: second, config, trainBatches, validBatches, signal: asked.signal });
    const { status, position, params } = await train({
      ...task,
      world: leading,
      signal: stop.signal,
      onStopAsked: () => stop.abort(),
      onUpdate: ({ update }) => void (update === 3 && asked.abort()),
    });
    await following;
    disposeParams(params);
    assert.equal(status, 'interrupted');
    assert.equal(position.update, 4);
    assert.ok(stop.signal.aborted);

    await assert.rejects(trained(3, { ...settings, lr: 1e30, clipNorm: 0, warmupUpdates: 0 }), DivergenceError);
  });

  test('notice parameters that differ', async () => {
    const task = tinyTask(folder, `run-${runs++}`, { ...settings, validateEveryUpdates: 1 });
    const [leading, second] = memoryWorlds(2);
    const { config, trainBatches, validBatches } = task;
    let calls = 0;
    // a machine whose memory flips a bit of the parameters that it receives
    const faulty = {
      ...second,
      async broadcast(bytes: Uint8Array, root: number) {
        await second.broadcast(bytes, root);
        if (bytes.length > 20_000 && calls++ === 0) bytes[2] ^= 1;
      },
    };
    const differ = { code: 'PROCESSES_DIFFER', message: /process 1 on memory has other parameters than process 0/ };
    await Promise.all([
      assert.rejects(train({ ...task, world: leading }), differ),
      assert.rejects(follow({ world: faulty, config, trainBatches, validBatches }), differ),
    ]);
  });
});

const checkpointOf = (runDir: string): unknown => {
  const { params, training } = readLastCheckpoint(runDir)!;
  const position = JSON.stringify(training!.position, (key, value: unknown) => (key === 'seconds' ? 0 : value));
  return { params, slots: training!.slots, position };
};
