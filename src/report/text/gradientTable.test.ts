import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ablationSample } from '../../../test/ablationSample.js';
import { gradientTable } from './gradientTable.js';
import { shownRuns } from './shownRuns.js';

test('gradients before training: norms, variance, and the variance measure that smaller weights do not lower', () => {
  const data = ablationSample(['warmup', 'learned']);
  // three tensors with norms 1, 2, 3, variance 1 and a mean gradient of norm 1 each; as drawn twice as large
  assert.deepEqual(gradientTable(data, shownRuns(data)), [
    [
      'arm',
      'norm as drawn',
      'norm',
      'variance as drawn',
      'variance',
      'lower in seeds',
      'relative as drawn',
      'relative variance',
    ],
    ['warmup', '', '3.74', '', '3', '', '', '1'],
    ['learned', '7.48', '3.74', '12', '3', '2 of 2', '1', '1'],
  ]);
  const without = { ...data, runs: data.runs.map(({ gradients: _, ...run }) => run) };
  assert.deepEqual(gradientTable(without, shownRuns(without)), []);
});
