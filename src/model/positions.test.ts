import { test } from 'node:test';
import assert from 'node:assert/strict';
import { sinusoidalPositions } from './positions.js';

test('the first token is at position 2; sines fill the first half, cosines the second', () => {
  // d = 4: frequencies 1 and 1/10000
  const expected = [
    Math.sin(2),
    Math.sin(2e-4),
    Math.cos(2),
    Math.cos(2e-4),
    Math.sin(3),
    Math.sin(3e-4),
    Math.cos(3),
    Math.cos(3e-4),
  ];
  sinusoidalPositions(2, 4).forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-7, `${i}: ${value}`));
});

test('a later start gives the later rows', () => {
  assert.deepEqual(sinusoidalPositions(2, 6, 3), sinusoidalPositions(5, 6).slice(18));
});
