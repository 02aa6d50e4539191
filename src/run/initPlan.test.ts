import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { changeConfig, defaultConfig } from '../config/loadConfig.js';
import { pairsInMemory } from '../data/pairSource.js';
import { tinyConfig } from '../../test/tinyRun.js';
import { initialParams } from './initialParams.js';
import { trainingLength } from './epochShape.js';
import { expectedUpdates, initPlan, type InitPlan } from './initPlan.js';

before(async () => void (await selectBackend('wasm')));

/** 12 pairs of 4 + 4 tokens. */
const pairs = pairsInMemory(Array.from({ length: 12 }, (_, i) => ({ src: [4 + (i % 8), 5, 6, 2], trg: [7, 8, 9, 2] })));
const planOf = (settings: Record<string, unknown>, done?: Parameters<typeof initPlan>[2]): InitPlan | undefined =>
  initPlan(changeConfig(defaultConfig(), { 'train.maxTokens': 24, ...settings }, 'test'), pairs, done);

test('GradInit costs two gradients on two thirds of a batch, or one and a second-order one', () => {
  // an update has 6 sentences, 24 tokens; a part of GradInit's 12 sentences has 8, 32 tokens
  const released = { 'gradinit.algorithm': 'adam', 'gradinit.variant': 'released' };
  const gradInit = { ...released, 'gradinit.iterations': 6, 'gradinit.maxTokens': 48 };
  const plan = planOf({ ...gradInit, 'train.maxUpdates': 100, 'train.maxEpochs': 20, 'train.countInit': true })!;
  assert.equal(expectedUpdates(plan).toFixed(6), '24.000000');
  assert.deepEqual(
    { ...plan, least: Math.round(plan.least), most: Math.round(plan.most) },
    {
      stage: 'gradinit',
      total: 6,
      done: 0,
      spent: { updates: 0, seconds: 0 },
      least: 16,
      most: 32,
      checks: 0,
      runUpdates: 40, // 20 epochs of 2
      counted: true,
      maxTokens: 48,
    },
  );
  // the check of robust takes 4 batches: two gradients on one part, two losses on the other
  const robust = { ...gradInit, 'gradinit.variant': 'robust' };
  const { checks, least } = planOf({ ...robust, 'gradinit.fallBack': true })!;
  assert.equal(checks.toFixed(6), ((4 * 32 * (2 + 2 / 3)) / 24).toFixed(6));
  assert.equal((least - planOf({ ...robust, 'gradinit.fallBack': false })!.least).toFixed(6), checks.toFixed(6));
  const resumed = planOf(gradInit, [
    { branch: 'constraint', seconds: 4 },
    { branch: 'objective', seconds: 2 },
  ])!;
  assert.deepEqual(
    [resumed.done, resumed.spent, resumed.least.toFixed(3), resumed.most.toFixed(3), resumed.runUpdates],
    [2, { updates: 8, seconds: 6 }, '10.667', '21.333', undefined],
  );
});

test('MetaInit costs ten gradients an iteration, profiling a third of one, drawing nothing', () => {
  const { least, most, maxTokens } = planOf({ 'metainit.iterations': 3, 'train.updateFreq': 2 })!;
  assert.deepEqual([least, most, maxTokens], [15, 15, 24]); // an update is two batches
  assert.equal(planOf({ 'metainit.iterations': 3, 'train.updateFreq': 2, 'metainit.pieceTokens': 12 })!.least, 24);
  const admin = planOf({ 'model.residual': 'admin' })!;
  assert.deepEqual([admin.stage, admin.total, admin.least, admin.most], ['admin', 1, 1 / 3, 1 / 3]);
  assert.equal(planOf({}), undefined);
});

test('the plan comes before the work, and the work matches it', async () => {
  for (const settings of [
    { 'gradinit.algorithm': 'adam', 'gradinit.iterations': 3, 'gradinit.gamma': 1e-9 },
    { 'gradinit.algorithm': 'adam', 'gradinit.iterations': 3, 'gradinit.gamma': 1e9 },
    { 'metainit.iterations': 2 },
    { 'metainit.iterations': 2, 'metainit.pieceTokens': 12 },
  ]) {
    const seen: (InitPlan | number)[] = [];
    const config = changeConfig(defaultConfig(), { ...settings, 'train.maxTokens': 24 }, 'test');
    const { params, report } = await initialParams(config, tinyConfig, pairs, {
      onPlan: (plan) => seen.push(plan),
      onProgress: ({ done, secondsHere }) => seen.push(secondsHere! > 0 ? done : NaN),
    });
    disposeParams(params);
    const [plan, ...iterations] = seen;
    assert.deepEqual(iterations, [1, 2, 3].slice(0, (plan as InitPlan).total));
    const { least, most } = plan as InitPlan;
    const expected = settings['gradinit.gamma'] === 1e-9 ? most : least;
    assert.equal(report!.cost.updateEquivalents.toFixed(6), expected.toFixed(6));
  }
});

test('the cost of initialisation is subtracted from the budget of updates, not from an end by epochs', () => {
  const lengthOf = (settings: Record<string, unknown>): number | undefined =>
    trainingLength(changeConfig(defaultConfig(), settings, 'test'), 40, 99.2);
  const counted = { 'train.countInit': true };
  assert.equal(lengthOf({ ...counted, 'train.maxUpdates': 1000 }), 900);
  assert.equal(lengthOf({ ...counted, 'train.maxUpdates': 1000, 'train.maxEpochs': 10 }), 400);
  assert.equal(lengthOf({ ...counted, 'train.maxUpdates': 450, 'train.maxEpochs': 10 }), 350);
  assert.equal(lengthOf({ ...counted, 'train.maxUpdates': 100 }), 0);
  assert.equal(lengthOf({ ...counted, 'train.maxEpochs': 10 }), 400);
  assert.equal(lengthOf({ 'train.maxUpdates': 1000 }), 1000);
  assert.equal(lengthOf({ ...counted }), undefined);
});
