import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { div, memory, tensor1d, type Scalar } from '@tensorflow/tfjs-core';
import { disposeParams, valueAndGradients, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import type { Batch } from '../data/batch.js';
import { createBatches } from '../data/batches.js';
import { pairsInMemory } from '../data/pairSource.js';
import { defaultConfig } from '../config/loadConfig.js';
import { initParams } from '../model/init.js';
import { translationLoss } from '../model/loss.js';
import { reversals, tinyConfig } from '../../test/tinyRun.js';
import { isRatioSampled, updateRatios } from '../train/updateRatios.js';
import { epochShape } from './epochShape.js';
import { measureGradients } from './gradientRecord.js';
import { gradInitUses, initCost, metaInitUses } from '../initial/initCost.js';
import { evenlySpread } from './heldOut.js';
import { unigramNll } from './unigramNll.js';

before(async () => void (await selectBackend('cpu')));

const pairs = pairsInMemory(reversals(40, 1));

test('gradients of several batches: norms, the norm of their mean, and their variance', async () => {
  const params = initParams(tinyConfig, { method: 'fairseq', seed: 1 });
  const loss = (p: Params, batch: Batch): Scalar =>
    div(translationLoss(p, batch, { config: tinyConfig, labelSmoothing: 0.1 }).lossSum, batch.trgTokens);
  const epoch = createBatches(pairs, { maxTokens: 60 }).epochBatches(1);
  const batches = [0, 1, 2].map((i) => epoch.batch(i));
  const start = memory().numTensors;
  const { loss: meanLoss, tensors } = await measureGradients(params, loss, batches);
  assert.equal(memory().numTensors, start);
  const stop = new AbortController();
  const done: number[] = [];
  await assert.rejects(
    measureGradients(params, loss, batches, {
      signal: stop.signal,
      onBatch: (count) => {
        done.push(count);
        if (count === 2) stop.abort(new Error('stopped'));
      },
    }),
    /stopped/,
  );
  assert.deepEqual([done, memory().numTensors], [[1, 2], start]);
  assert.deepEqual(
    tensors.map(({ name }) => name),
    [...params.keys()],
  );

  const each = batches.map((batch) => valueAndGradients((p) => loss(p, batch), params));
  const close = (found: number | null, expected: number, what: string): void =>
    assert.ok(
      Math.abs(found! - expected) <= 1e-4 * Math.abs(expected) + 1e-9,
      `${what}: found ${found}, expected ${expected}`,
    );
  close(meanLoss, each.reduce((total, { value }) => total + value.dataSync()[0], 0) / 3, 'loss');
  for (const name of [
    'encoder.embed_tokens.weight',
    'decoder.layers.0.fc1.weight',
    'decoder.layers.0.encoder_attn.v_proj.bias',
  ]) {
    const g = each.map(({ gradients }) => [...gradients.get(name)!.dataSync()]);
    const mean = g[0].map((_, i) => (g[0][i] + g[1][i] + g[2][i]) / 3);
    const found = tensors.find((tensor) => tensor.name === name)!;
    const norms = g.map((values) => Math.hypot(...values));
    close(found.normL2, (norms[0] + norms[1] + norms[2]) / 3, `${name} L2`);
    close(found.normL1, g.flat().reduce((total, value) => total + Math.abs(value), 0) / 3, `${name} L1`);
    close(found.meanNormL2, Math.hypot(...mean), `${name} norm of the mean`);
    close(
      found.variance,
      g.reduce((total, values) => total + values.reduce((all, value, i) => all + (value - mean[i]) ** 2, 0), 0) / 2,
      `${name} variance`,
    );
    close(found.weightNormL2, Math.hypot(...params.get(name)!.dataSync()), `${name} weights`);
    assert.equal(found.size, params.get(name)!.size);
  }
  for (const { value, gradients } of each) {
    value.dispose();
    disposeParams(gradients);
  }
  disposeParams(params);
});

test('update ratios: which updates, and the change by the norm before; nothing where that is 0', async () => {
  const sampled = Array.from({ length: 600 }, (_, i) => i + 1).filter((update) => isRatioSampled(update, 500));
  assert.deepEqual(sampled, [
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    15,
    20,
    25,
    30,
    35,
    40,
    45,
    50,
    ...Array.from({ length: 18 }, (_, i) => 75 + 25 * i),
  ]);
  assert.equal(isRatioSampled(1), false);
  const before = new Map([
    ['w', tensor1d([3, 4])],
    ['zero', tensor1d([0, 0])],
  ]);
  const after = new Map([
    ['w', tensor1d([3.3, 4.4])],
    ['zero', tensor1d([1, 0])],
  ]);
  assert.deepEqual(await updateRatios(before, after), [0.1, null]);
  [before, after].forEach(disposeParams);
});

test('sentences evenly spread over a set', () => {
  assert.deepEqual(evenlySpread(20, 3), [0, 6, 13]);
  assert.deepEqual(evenlySpread(2, 3), [0, 1]);
  assert.deepEqual(evenlySpread(5, 0), []);
});

test('entropy of target tokens', () => {
  // tokens 4, 4, 5, 2: a half, a quarter, a quarter
  assert.ok(Math.abs(unigramNll(pairsInMemory([{ src: [2], trg: [4, 4, 5, 2] }])) - 1.5 * Math.LN2) < 1e-12);
});

test('the cost of initialisation in updates', () => {
  const uses = [
    ...gradInitUses('objective', 200, 220),
    ...gradInitUses('constraint', 200, 220),
    ...metaInitUses(100, 1),
  ];
  // 200 + 220, 200 + 3 * 200, 100 + 9 * 100 gradients of one token, 500 of which are an update
  assert.deepEqual(initCost(uses, 500, 7), {
    seconds: 7,
    trgTokens: 420 + 400 + 200,
    updateEquivalents: (420 + 800 + 1000) / 500,
  });
  // a gradient and a second-order one of both parts
  const ofCosine = gradInitUses('constraint', 200, 220, 'weights', 'cosine');
  assert.ok(Math.abs(initCost(ofCosine, 500, 7).updateEquivalents - (4 * 420) / 500) < 1e-12);
  // two products with the Hessian more
  assert.equal(initCost(metaInitUses(100, 2), 500, 7).updateEquivalents, (1000 + 2 * 300) / 500);
  const { train } = defaultConfig();
  const { updatesPerEpoch, tokensPerUpdate } = epochShape(pairs, {
    seed: 1,
    train: { ...train, maxTokens: 60, updateFreq: 2 },
  });
  assert.equal(updatesPerEpoch, Math.ceil(createBatches(pairs, { maxTokens: 60, seed: 1 }).epochBatches(1).length / 2));
  assert.equal(
    tokensPerUpdate * updatesPerEpoch,
    pairs.trgLengths.reduce((a, b) => a + b, 0),
  );
});
