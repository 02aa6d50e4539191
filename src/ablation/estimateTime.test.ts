import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeConfig, defaultConfig } from '../config/loadConfig.js';
import { timeKind } from './estimateTime.js';

const kindOf = (settings: Record<string, unknown>): string => timeKind(changeConfig(defaultConfig(), settings, 'test'));

test('runs share a measurement where they take the same time, and no other runs do', () => {
  const gradInit = { 'gradinit.algorithm': 'adam', 'gradinit.variant': 'released', 'gradinit.iterations': 30 };
  const released = kindOf(gradInit);
  for (const same of [{ seed: 7 }, { 'train.lr': 0.1 }, { 'gradinit.eta': 0.1 }, { 'gradinit.scaled': 'weights' }])
    assert.equal(kindOf({ ...gradInit, ...same }), released, JSON.stringify(same));
  const robust = { ...gradInit, 'gradinit.variant': 'robust' };
  const others = [
    kindOf(robust), // no second derivatives, and a check
    kindOf({ ...robust, 'gradinit.gammaShare': 2 }),
    kindOf({ ...robust, 'gradinit.scaled': 'rates' }),
    kindOf({ ...robust, 'gradinit.fallBack': false }),
    kindOf({ ...gradInit, 'gradinit.pieceTokens': 99 }),
    kindOf({ ...gradInit, 'gradinit.iterations': 31 }),
    kindOf({ 'metainit.iterations': 30 }),
    kindOf({}),
  ];
  assert.equal(new Set([released, ...others]).size, 1 + others.length);
});
