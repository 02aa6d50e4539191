import assert from 'node:assert/strict';
import { test } from 'node:test';
import { learningRate } from '../train/schedule.js';
import { changeConfig, defaultConfig } from './loadConfig.js';
import { defaultsByGradInit, trainOptions } from './trainOptions.js';

test("Adam's second moment begins with the first gradient's square after the variant robust, unless it is set", () => {
  for (const [settings, expected] of [
    [{}, 'zeros'],
    [{ 'gradinit.algorithm': 'adam' }, 'first-gradient'],
    [{ 'gradinit.algorithm': 'adam', 'train.secondMomentStart': 'zeros' }, 'zeros'],
    [{ 'gradinit.algorithm': 'adam', 'gradinit.variant': 'released' }, 'zeros'],
    [{ 'gradinit.algorithm': 'sgd' }, 'first-gradient'],
    [{ 'gradinit.algorithm': 'sgd', 'gradinit.variant': 'released' }, 'zeros'],
    [{ 'gradinit.variant': 'robust' }, 'zeros'],
    [{ 'gradinit.algorithm': 'adam', 'train.optimizer': 'radam' }, 'zeros'],
    [{ 'train.secondMomentStart': 'first-gradient' }, 'first-gradient'],
  ] as const) {
    const config = changeConfig(defaultConfig(), { ...settings, 'train.maxUpdates': 10 }, 'test');
    assert.equal(defaultsByGradInit(config).secondMomentStart, expected, JSON.stringify(settings));
    const options: { optimizer: string; secondMomentStart?: string } = trainOptions(config);
    if (options.optimizer === 'adam') assert.equal(options.secondMomentStart, expected);
    else assert.ok(!('secondMomentStart' in options));
  }
});

test("the warmup's updates run at the full rate after GradInit, unless the first rate is set", () => {
  for (const [settings, first] of [
    [{}, 1e-7],
    [{ 'gradinit.algorithm': 'adam' }, 5e-4],
    [{ 'gradinit.algorithm': 'sgd', 'gradinit.variant': 'released' }, 5e-4],
    [{ 'gradinit.algorithm': 'adam', 'train.warmupInitLr': 1e-7 }, 1e-7],
    [{ 'train.warmupInitLr': -1 }, 5e-4],
  ] as const) {
    const options = trainOptions(changeConfig(defaultConfig(), { ...settings, 'train.maxUpdates': 10 }, 'test'));
    assert.equal(learningRate(options, 0), first, JSON.stringify(settings));
  }
});
