import { test } from 'node:test';
import assert from 'node:assert/strict';
import { architectures } from './config.js';
import { trainingFlops } from './trainingFlops.js';

test('a training step of the tiny architecture costs 6 operations per weight and token', () => {
  const config = {
    ...architectures.tiny,
    srcVocabSize: 9800,
    trgVocabSize: 9800,
    sharing: 'tied' as const,
    layerNormEps: 1e-5,
    dropout: 0,
    attentionDropout: 0,
    reluDropout: 0,
  };
  const tokens = 256 * 16;
  const weights = 4 * (4 * 128 ** 2 + 2 * 128 * 256) + 4 * (8 * 128 ** 2 + 2 * 128 * 256) + 9800 * 128;
  const attention = 12 * 2 * 256 * 16 * 16 * 128;
  assert.equal(
    trainingFlops(config, { numSentences: 256, srcLength: 16, trgLength: 16 }),
    6 * (weights * tokens + attention),
  );
});
