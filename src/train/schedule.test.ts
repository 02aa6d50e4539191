import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readModelFixture } from '../../test/modelFixture.js';
import { learningRate, type ScheduleOptions } from './schedule.js';

interface Table {
  warmup_updates: number;
  warmup_init_lr: number;
  lr: number;
  min_lr?: number;
  max_update?: number;
  steps: number[];
  values: number[];
}

const base: ScheduleOptions = {
  schedule: 'constant',
  lr: 0.5,
  warmupUpdates: 0,
  warmupInitLr: 0,
  minLr: 0,
  maxUpdates: 100,
};

describe('learning rates', () => {
  test('equal the reference tables', () => {
    const tables = readModelFixture<Record<'inverse_sqrt' | 'linear', Table[]>>('schedules.json');
    let compared = 0;
    for (const schedule of ['inverse_sqrt', 'linear'] as const) {
      for (const table of tables[schedule]) {
        const options: ScheduleOptions = {
          schedule,
          lr: table.lr,
          warmupUpdates: table.warmup_updates,
          warmupInitLr: table.warmup_init_lr,
          minLr: table.min_lr ?? 0,
          maxUpdates: table.max_update ?? 0,
        };
        table.steps.forEach((step, i) => {
          const found = learningRate(options, step);
          assert.ok(
            Math.abs(found - table.values[i]) <= 1e-9 * Math.abs(table.values[i]),
            `${schedule} at ${step}: found ${found}, expected ${table.values[i]}`,
          );
          compared++;
        });
      }
    }
    assert.ok(compared >= 40);
  });

  test('without warmup start at the full rate', () => {
    assert.deepEqual(
      [0, 1, 4].map((t) => learningRate({ ...base, schedule: 'inverse_sqrt' }, t)),
      [0.5, 0.5, 0.25],
    );
    assert.deepEqual(
      [0, 50, 100].map((t) => learningRate({ ...base, schedule: 'linear' }, t)),
      [0.5, 0.25, 0],
    );
    assert.deepEqual(
      [0, 50].map((t) => learningRate(base, t)),
      [0.5, 0.5],
    );
  });

  test('constant with a warmup of 4 rises in a straight line', () => {
    const options = { ...base, warmupUpdates: 4, warmupInitLr: 0.1 };
    assert.deepEqual(
      [0, 2, 4, 9].map((t) => Number(learningRate(options, t).toFixed(12))),
      [0.1, 0.3, 0.5, 0.5],
    );
  });

  test('with a hold the full rate lasts until the fall begins, which inverse_sqrt and linear count from its end', () => {
    const rates = (options: Partial<ScheduleOptions>, updates: readonly number[]) =>
      updates.map((t) => Number(learningRate({ ...base, ...options }, t).toFixed(12)));
    const updates = [0, 2, 4, 9, 10, 40, 90];
    const short = { warmupUpdates: 4, warmupInitLr: 0.1, holdUpdates: 6 };
    assert.deepEqual(
      rates({ ...short, schedule: 'inverse_sqrt' }, updates),
      [0.1, 0.3, 0.5, 0.5, 0.5, 0.25, 1 / 6].map((rate) => Number(rate.toFixed(12))),
    );
    // falls over the 90 updates from 10 to 100
    assert.deepEqual(rates({ ...short, schedule: 'linear' }, [0, 2, 4, 10, 55, 100]), [0.1, 0.3, 0.5, 0.5, 0.25, 0]);
    assert.deepEqual(rates(short, updates), [0.1, 0.3, 0.5, 0.5, 0.5, 0.5, 0.5]);
    // the same fall as with a warmup of all ten updates, or with only a hold
    for (const schedule of ['inverse_sqrt', 'linear'] as const)
      for (const other of [{ warmupUpdates: 10 }, { holdUpdates: 10 }])
        assert.deepEqual(
          rates({ ...short, schedule }, [10, 11, 40, 90]),
          rates({ ...other, schedule }, [10, 11, 40, 90]),
        );
    // after a lead, which comes before the warmup
    const led: Partial<ScheduleOptions> = {
      ...short,
      schedule: 'inverse_sqrt',
      lead: { shape: 'constant', updates: 10 },
    };
    assert.deepEqual(rates(led, [9, 10, 19, 20, 50]), [0.5, 0.1, 0.5, 0.5, 0.25]);
  });

  test('cosine equals PyTorch 2.15, CosineAnnealingLR(T_max=100, eta_min=1e-5), from the end of the warmup and hold on', () => {
    const golden = [
      [0, 0.002],
      [1, 0.001999509027563903],
      [10, 0.0019513012337136779],
      [25, 0.0017085712472806151],
      [50, 0.001005],
      [75, 0.0003014287527193855],
      [99, 1.049097243609706e-5],
      [100, 1e-5],
      [130, 1e-5],
    ];
    for (const [warmupUpdates, holdUpdates] of [
      [0, 0],
      [7, 0],
      [4, 3],
    ]) {
      const fallsFrom = warmupUpdates + holdUpdates;
      const cosine: ScheduleOptions = {
        ...base,
        schedule: 'cosine',
        lr: 2e-3,
        minLr: 1e-5,
        warmupUpdates,
        holdUpdates,
        maxUpdates: 100 + fallsFrom,
      };
      for (const [step, expected] of golden) {
        const found = learningRate(cosine, fallsFrom + step);
        assert.ok(
          Math.abs(found - expected) < 1e-12,
          `${warmupUpdates}, ${step}: found ${found}, expected ${expected}`,
        );
      }
      if (warmupUpdates > 0) assert.equal(learningRate(cosine, 0), 0);
    }
  });

  test('an unknown schedule is refused, not taken for another', () => {
    assert.throws(
      () => learningRate({ ...base, schedule: 'exponential' as 'linear' }, 0),
      /"exponential", expected one of inverse_sqrt, linear, cosine, constant\.$/,
    );
  });

  test('a lead comes before the schedule, which then runs as if it had just begun', () => {
    const constant: ScheduleOptions = {
      ...base,
      schedule: 'inverse_sqrt',
      warmupUpdates: 4,
      warmupInitLr: -1,
      lead: { shape: 'constant', updates: 10 },
    };
    assert.deepEqual(
      [0, 9, 10, 13, 14, 26].map((update) => learningRate(constant, update)),
      [0.5, 0.5, 0.5, 0.5, 0.5, 0.25],
    );
    const warmup: ScheduleOptions = { ...base, schedule: 'linear', lead: { shape: 'warmup', updates: 10 } };
    assert.deepEqual(
      [0, 4, 9, 10, 55, 100].map((update) => learningRate(warmup, update)),
      [0.05, 0.25, 0.5, 0.5, 0.25, 0],
    );
  });
});
