import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { selectBackend } from '../backend/select.js';
import { changeConfig, defaultConfig } from '../config/loadConfig.js';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { pairsInMemory } from '../data/dataset.js';
import { reversals, tinyConfig } from '../../test/tinyRun.js';
import { initialParams } from './initialParams.js';

before(async () => void (await selectBackend('wasm')));

const learn = (settings: Record<string, unknown>) =>
  initialParams(changeConfig(defaultConfig(), settings, 'test'), tinyConfig, pairsInMemory(reversals(12, 1)));

test('GradInit cuts batches in thirds, and says which setting leaves too few sentences', async () => {
  const gradInit = { 'gradinit.algorithm': 'adam', 'gradinit.iterations': 1 };
  await assert.rejects(learn({ ...gradInit, 'train.maxSentences': 2 }), {
    code: 'USAGE',
    message: 'train.maxSentences is 2, but GradInit cuts its batches in thirds. Expected at least 3.',
  });
  await assert.rejects(
    learn({ ...gradInit, 'gradinit.maxTokens': 8 }),
    /batches of 8 tokens hold fewer than 3 sentences each, .* Raise gradinit\.maxTokens/,
  );
});

test('MetaInit takes batches as small as training has', async () => {
  const { params, report } = await learn({ 'metainit.iterations': 2, 'train.maxSentences': 1 });
  assert.equal(report?.method, 'metainit');
  disposeParams(params);
});
