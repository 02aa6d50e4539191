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
import { ColdstartError } from '../errors.js';
import { hasEndedWork } from '../parallel/agree.js';
import { shareOut } from '../parallel/sharedWork.js';
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

  const multipliers = {
    scales: { 'decoder.embed_tokens.weight': 0.5, 'encoder.layers.0.fc1.weight': 0.3 },
    releaseUpdates: 4,
  };
  for (const [name, own, size] of [
    ['SGD', { optimizer: 'sgd', momentum: 0.9, lr: 0.1 }, 3],
    ['SGD without momentum', { optimizer: 'sgd', momentum: 0, lr: 0.1 }, 2],
    ['RAdam', { optimizer: 'radam' }, 4],
    ["Adam from the first gradient's square", { secondMomentStart: 'first-gradient' }, 3],
    ['processes of which some have no share of the parameters', {}, 50],
  ] as [string, Partial<TrainOptions>, number][])
    test(`${name}: the same with multipliers and after their release`, async () => {
      const short = { ...settings, ...own, maxUpdates: 6 } as Settings;
      const [several, one] = [await trained(size, short, { multipliers }), await trained(1, short, { multipliers })];
      assert.deepEqual(several.params, one.params);
      assert.deepEqual(several.log, one.log);
      assert.deepEqual(checkpointOf(several.runDir), checkpointOf(one.runDir));
    });

  test('resume a run of another number of processes', async () => {
    const whole = await trained(1, settings);
    const sgd = { optimizer: 'sgd', momentum: 0.9, lr: 0.1 } as const;
    const wholeSgd = await trained(1, { ...settings, ...sgd });
    for (const [own, end, sizes] of [
      [{}, whole, [4, 2, 1]],
      [sgd, wholeSgd, [1, 4, 2]],
    ] as const) {
      let next: Awaited<ReturnType<typeof trained>> | undefined;
      for (const [i, size] of sizes.entries()) {
        const resumed = next && { runDir: next.runDir, resumeFrom: readLastCheckpoint(next.runDir) };
        next = await trained(size, { ...settings, ...own, maxUpdates: [4, 9, 14][i] }, resumed);
      }
      assert.deepEqual(next!.params, end.params);
      assert.deepEqual(checkpointOf(next!.runDir), checkpointOf(end.runDir));
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
  });

  test('diverge together, in the tensor that one process names', async () => {
    const diverging = { ...settings, lr: 1e30, clipNorm: 0, warmupUpdates: 0 };
    const messages: string[] = [];
    for (const size of [1, 3])
      await assert.rejects(trained(size, diverging), (error: Error) => {
        assert.ok(error instanceof DivergenceError);
        messages.push(error.message);
        return true;
      });
    assert.equal(messages[1], messages[0]);
  });

  test('end together when decoding the validation set fails on all, or saving on the leader', async () => {
    const broken = { code: 'NOT_FINITE', message: 'scores are not finite' };
    for (const failsIn of ['decoding', 'saving'] as const) {
      const task = tinyTask(folder, `run-${runs++}`, { ...settings, validateEveryUpdates: 1 });
      const worlds = memoryWorlds(3);
      const { config, trainBatches, validBatches } = task;
      const evaluate = (world: World) => async (): Promise<Evaluation> => {
        await shareOut(world, 7, (item) => {
          if (failsIn === 'decoding' && item === 4) throw new ColdstartError('NOT_FINITE', broken.message);
          return item;
        });
        return { bleu: 1 };
      };
      const followers = worlds
        .slice(1)
        .map((world) => follow({ world, config, trainBatches, validBatches, evaluate: evaluate(world) }));
      const onEvent = ({ event }: TrainEvent): void => {
        if (event === 'checkpoint') throw new ColdstartError('NOT_FINITE', broken.message);
      };
      await assert.rejects(train({ ...task, world: worlds[0], evaluate: evaluate(worlds[0]), onEvent }), broken);
      await Promise.all(followers);
      assert.ok(hasEndedWork(worlds[0]));
    }
  });

  for (const [received, call] of [
    ['at the start', 'broadcast'],
    ['after an update', 'allGather'],
  ] as const)
    test(`notice parameters that differ ${received}`, async () => {
      const task = tinyTask(folder, `run-${runs++}`, { ...settings, validateEveryUpdates: 1 });
      const [leading, second] = memoryWorlds(2);
      const { config, trainBatches, validBatches } = task;
      let flips = 0;
      // a machine whose memory flips a bit of the parameters that it receives
      const flip = (bytes: Uint8Array): void => {
        if (bytes.length > 20_000 && flips++ === 0) bytes[2] ^= 1;
      };
      const faulty: World = {
        ...second,
        async broadcast(bytes, root) {
          await second.broadcast(bytes, root);
          if (call === 'broadcast') flip(bytes);
        },
        async allGather(own) {
          const all = (await second.allGather(own)).map((bytes) => bytes.slice());
          if (call === 'allGather') flip(all[0]);
          return all;
        },
      };
      const differ = { code: 'PROCESSES_DIFFER', message: /process 1 on memory has other parameters than process 0/ };
      await Promise.all([
        assert.rejects(train({ ...task, world: leading }), differ),
        assert.rejects(follow({ world: faulty, config, trainBatches, validBatches }), differ),
      ]);
      assert.ok(flips > 0);
    });

  test('leave no tensor in memory, whichever call between them fails', async () => {
    /** A world whose calls fail from this number on. */
    const failing = (world: World, from: number, onCall: () => void): World => {
      let count = 0;
      const guarded =
        <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
        (...args: A): Promise<R> => {
          onCall();
          return count++ < from ? call(...args) : Promise.reject(new Error('the network is down'));
        };
      return {
        ...world,
        broadcast: guarded(world.broadcast),
        allGather: guarded(world.allGather),
        exchange: guarded(world.exchange),
      };
    };
    const short: Settings = { ...settings, maxUpdates: 2, updateFreq: 3, validateEveryUpdates: 1, keepEpochs: 0 };
    for (let from = 0, isDone = false; !isDone; from++) {
      const task = tinyTask(folder, `run-${runs++}`, short);
      let numCalls = 0;
      const [leading, second] = memoryWorlds(2).map((world) => failing(world, from, () => numCalls++));
      const { config, trainBatches, validBatches } = task;
      const params = [...task.params.values()].length;
      const tensors = memory().numTensors - params; // training takes them over
      const [led, followed] = await Promise.allSettled([
        train({ ...task, world: leading }),
        follow({ world: second, config, trainBatches, validBatches }),
      ]);
      isDone = led.status === 'fulfilled';
      assert.equal(followed.status, led.status);
      if (led.status === 'fulfilled') disposeParams(led.value.params);
      assert.equal(memory().numTensors, tensors, `leaked tensors when call ${from} of ${numCalls} fails`);
    }
  });
});

const checkpointOf = (runDir: string): unknown => {
  const { params, training } = readLastCheckpoint(runDir)!;
  const position = JSON.stringify(training!.position, (key, value: unknown) => (key === 'seconds' ? 0 : value));
  return { params, slots: training!.slots, position };
};
