import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFixed } from './formatFixed.js';

test('numbers are rounded as Python rounds them', () => {
  // each as Python's f'{x:.{d}f}' prints it
  const cases: [number, number, string][] = [
    [0.125, 2, '0.12'],
    [0.375, 2, '0.38'],
    [31.25, 1, '31.2'],
    [68.75, 1, '68.8'],
    [2.5, 0, '2'],
    [3.5, 0, '4'],
    [0.5, 0, '0'],
    [99.5, 0, '100'],
    [-0.125, 2, '-0.12'],
    [-0.375, 2, '-0.38'],
    [2.675, 2, '2.67'],
    [1.005, 2, '1.00'],
    [0, 2, '0.00'],
    [100, 2, '100.00'],
    [9.96, 1, '10.0'],
  ];
  for (const [value, decimals, expected] of cases)
    assert.equal(formatFixed(value, decimals), expected, `${value} with ${decimals}`);
});
