import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { mul } from '@tensorflow/tfjs-core';
import { reversals, tinyConfig, tinyTask } from '../../test/tinyRun.js';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { changeConfig, defaultConfig } from '../config/loadConfig.js';
import { schema, type Config } from '../config/schema.js';
import { pairsInMemory } from '../data/pairSource.js';
import { integer, real, type Section } from '../field.js';
import { cycleBatches } from '../initial/cycleBatches.js';
import { passes } from '../initial/initCost.js';
import { learnedInit, meanLoss, type LearnedReport } from '../initial/learnedInit.js';
import { initSections, learnedInits } from '../initial/learnedInits.js';
import { initParams } from '../model/init.js';
import { jsonObject } from '../storage/jsonFile.js';
import { train } from '../train/trainer.js';
import { initialParams, type InitialParamsControl } from './initialParams.js';
import { expectedUpdates, initPlan, type InitPlan } from './initPlan.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-learned-'));
after(() => rmSync(folder, { recursive: true }));
before(async () => void (await selectBackend('wasm')));

const fields = {
  steps: integer(0, 'Toy steps; 0: not used.', { min: 0, max: 9 }),
  factor: real(0.5, 'What a step multiplies a matrix by, if the loss falls.', { above: 0, below: 1 }),
} as const satisfies Section;

/** Shrinks matrices, step by step, and records the loss on a training batch. */
const toy = learnedInit<'toy', typeof fields, LearnedReport & { losses: number[] }>({
  name: 'toy',
  fields,
  switch: { on: 'toy.steps', off: '0' },
  isOn: ({ steps }) => steps > 0,
  learn({ settings, drawn, model, ...task }) {
    const nextBatch = cycleBatches(task);
    const losses: number[] = [];
    const uses = [];
    let scale = 1;
    for (let iteration = 1; iteration <= settings.steps; iteration++) {
      const batch = nextBatch();
      const loss = meanLoss(task.train, model)(drawn, batch);
      losses.push(loss.dataSync()[0]);
      loss.dispose();
      uses.push({ trgTokens: batch.trgTokens, passes: passes.forward });
      scale *= settings.factor;
      task.onIteration({ iteration, seconds: 0.5 }, `scale ${scale}`);
    }
    const isMatrix = (name: string): boolean => drawn.get(name)!.rank === 2;
    const params: Params = new Map([...drawn].map(([name, tensor]) => [name, mul(tensor, isMatrix(name) ? scale : 1)]));
    const scales = Object.fromEntries([...drawn.keys()].filter(isMatrix).map((name) => [name, scale]));
    return Promise.resolve({ params, report: { scales, losses, seconds: 0.5 * settings.steps }, uses });
  },
  uses({ settings, ...task }) {
    const nextBatch = cycleBatches(task);
    return {
      total: settings.steps,
      maxTokens: task.train.maxTokens,
      next: () => {
        const { trgTokens } = nextBatch();
        return () => [{ trgTokens, passes: passes.forward }];
      },
    };
  },
  describe: ({ losses }) => ({
    iterations: losses.map((lossBefore, i) => ({ iteration: i + 1, lossBefore, gradNorm: 0 })),
  }),
  reportShape: jsonObject({}),
});
const methods = [...learnedInits, toy];
const pairs = pairsInMemory(reversals(120, 1));
const configOf = (changes: Record<string, unknown>, settings: object): Config => ({
  ...changeConfig(defaultConfig(), { 'train.maxTokens': 60, ...changes }, 'test'),
  ...{ toy: settings },
});
const learn = (config: Config, control: InitialParamsControl = {}): ReturnType<typeof initialParams> =>
  initialParams(config, tinyConfig, pairs, { methods, ...control });

describe('the list of learned initialisations', () => {
  test('makes the sections of the schema', () => {
    assert.deepEqual(
      learnedInits.map(({ name }) => name),
      ['gradinit', 'metainit', 'admin'],
    );
    assert.deepEqual(Object.keys(initSections(learnedInits)), ['gradinit', 'metainit']);
    assert.equal(schema.gradinit, learnedInits[0].fields);
    assert.equal(schema.metainit, learnedInits[1].fields);
    assert.equal(initSections(methods).toy, fields);
  });
});

describe('a new learned initialisation is one file and one line of the list', () => {
  test('it is planned, learns, reports its cost, and training starts from its parameters', async () => {
    const config = configOf({}, { steps: 2, factor: 0.5 });
    const seen: (InitPlan | string)[] = [];
    const { params, report } = await learn(config, {
      onPlan: (plan) => seen.push(plan),
      onProgress: ({ stage, done, total, secondsHere, note }) =>
        seen.push(`${stage} ${done} of ${total} after ${secondsHere} s: ${note}`),
    });
    const plan = initPlan(config, pairs, [], methods)!;
    assert.deepEqual(seen, [plan, 'toy 1 of 2 after 0.5 s: scale 0.5', 'toy 2 of 2 after 1 s: scale 0.25']);
    assert.deepEqual([plan.stage, plan.total, plan.maxTokens], ['toy', 2, 60]);
    assert.equal(report!.method as string, 'toy');
    assert.equal(report!.cost.seconds, 1);
    assert.equal(report!.cost.updateEquivalents, expectedUpdates(plan));
    const { iterations } = toy.describe(report as unknown as LearnedReport & { losses: number[] });
    assert.deepEqual(
      iterations.map(({ lossBefore }) => lossBefore > 0),
      [true, true],
    );

    const drawn = initParams(tinyConfig, { method: config.init.method, seed: config.seed });
    for (const [name, tensor] of drawn) {
      const factor = tensor.rank === 2 ? 0.25 : 1;
      assert.deepEqual(
        params.get(name)!.dataSync(),
        tensor.dataSync().map((value) => value * factor),
        name,
      );
    }
    const updates: number[] = [];
    const trained = await train(
      tinyTask(folder, 'toy', { maxUpdates: 6 }, { params, onUpdate: ({ update }) => updates.push(update) }),
    );
    assert.deepEqual(updates, [1, 2, 3, 4, 5, 6]);
    for (const all of [drawn, trained.params]) disposeParams(all);
  });

  test('together with another one it is refused by name, and switched off it changes nothing', async () => {
    await assert.rejects(learn(configOf({ 'metainit.iterations': 1 }, { steps: 1, factor: 0.5 })), {
      message:
        'metainit.iterations and toy.steps are both set. Parameters are learned or profiled by one of them: set the other to none, 0, post-ln or 0.',
    });
    const { params, report } = await learn(configOf({}, { steps: 0, factor: 0.5 }));
    assert.equal(report, undefined);
    disposeParams(params);
  });

  test('without the line it does not exist', async () => {
    const { params, report } = await learn(configOf({}, { steps: 2, factor: 0.5 }), { methods: undefined });
    assert.equal(report, undefined);
    disposeParams(params);
  });
});
