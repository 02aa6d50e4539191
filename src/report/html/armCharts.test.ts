import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logTicks } from './armCharts.js';

test('ticks of a logarithmic axis have distinct labels, however narrow it is', () => {
  const names = (values: readonly number[], ticks: readonly number[]): string[] => ticks.map(logTicks(values));
  assert.deepEqual(names([0.298, 0.317], [0.3, 0.30500000000000005, 0.31, 0.315]), ['0.3', '0.305', '0.31', '0.315']);
  assert.deepEqual(names([1.02e-4, 1.13e-4], [1.05e-4, 1.1e-4]), ['1.05e-4', '1.1e-4']);
  assert.deepEqual(names([0.1, 1], [0.1, 0.2, 0.3, 0.5, 1]), ['0.1', '0.2', '', '0.5', '1']);
  assert.deepEqual(names([1e-5, 1], [1e-5, 2e-5, 1e-4, 0.01, 0.05]), ['1e-5', '', '1e-4', '0.01', '']);
});
