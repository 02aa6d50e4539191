import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeConfig, defaultConfig } from './loadConfig.js';
import { secondMomentStart, trainOptions } from './trainOptions.js';

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
    assert.equal(secondMomentStart(config), expected, JSON.stringify(settings));
    const options: { optimizer: string; secondMomentStart?: string } = trainOptions(config);
    if (options.optimizer === 'adam') assert.equal(options.secondMomentStart, expected);
    else assert.ok(!('secondMomentStart' in options));
  }
});
