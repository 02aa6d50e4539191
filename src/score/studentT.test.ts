import assert from 'node:assert/strict';
import { test } from 'node:test';
import { studentTwoSided } from './studentT.js';

test('two-sided p-values of t: tabled critical values, closed forms, both tails, the normal limit', () => {
  // critical values of the t table to three digits
  const table: [t: number, degrees: number, p: number][] = [
    [12.706, 1, 0.05],
    [4.303, 2, 0.05],
    [3.182, 3, 0.05],
    [2.776, 4, 0.05],
    [2.571, 5, 0.05],
    [2.228, 10, 0.05],
    [2.042, 30, 0.05],
    [63.657, 1, 0.01],
    [9.925, 2, 0.01],
    [4.604, 4, 0.01],
    [2.75, 30, 0.01],
    [8.61, 4, 0.001],
    [1.533, 4, 0.2],
    [1.638, 3, 0.2],
  ];
  for (const [t, degrees, p] of table)
    assert.ok(
      Math.abs(studentTwoSided(t, degrees) - p) < 2e-4 * (1 + 5 * p),
      `t ${t}, ${degrees}: ${studentTwoSided(t, degrees)}`,
    );
  for (const t of [0, 0.3, 1, 4]) {
    assert.ok(Math.abs(studentTwoSided(t, 1) - (1 - (2 / Math.PI) * Math.atan(t))) < 1e-14); // Cauchy
    assert.ok(Math.abs(studentTwoSided(t, 2) - (1 - t / Math.sqrt(2 + t * t))) < 1e-14);
    assert.equal(studentTwoSided(-t, 5), studentTwoSided(t, 5));
  }
  assert.ok(Math.abs(studentTwoSided(1.959964, 100_000) - 0.05) < 1e-5);
  assert.deepEqual([studentTwoSided(0, 7), studentTwoSided(Infinity, 4)], [1, 0]);
});

test('p-values against the integral of the density', () => {
  for (const degrees of [1, 2, 3, 4, 7, 10]) {
    for (const t of [0.5, 2, 3.7]) {
      // Simpson's rule on the unnormalised density from 0 to t and, substituted by x = tan, over the whole half line
      const density = (x: number): number => (1 + (x * x) / degrees) ** (-(degrees + 1) / 2);
      const simpson = (f: (x: number) => number, end: number, n = 20_000): number => {
        let total = f(0) + f(end);
        for (let i = 1; i < n; i++) total += (i % 2 === 1 ? 4 : 2) * f((i * end) / n);
        return (total * end) / n / 3;
      };
      const whole = simpson((angle) => Math.sqrt(degrees) * Math.cos(angle) ** (degrees - 1), Math.PI / 2);
      assert.ok(
        Math.abs(studentTwoSided(t, degrees) - (1 - simpson(density, t) / whole)) < 1e-8,
        `t ${t}, ${degrees} degrees`,
      );
    }
  }
});
