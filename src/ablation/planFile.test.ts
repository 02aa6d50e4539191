import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readPlan, withFound } from './planFile.js';
import type { PlanRecord } from './planRecord.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-plan-'));
after(() => rmSync(folder, { recursive: true }));

/** Every arm with every rate and seed. */
function planOf(arms: readonly string[], rates: readonly number[], seeds: readonly number[]): PlanRecord {
  return {
    baseline: arms[0],
    seeds,
    axes: [{ key: 'train.lr', values: rates }],
    arms: arms.map((name) => ({ name, differences: [`of ${name}`] })),
    runs: seeds.flatMap((seed) =>
      arms.flatMap((arm) =>
        rates.map((rate) => ({ key: `${arm}/train.lr=${rate}/seed-${seed}`, arm, cell: { 'train.lr': rate }, seed })),
      ),
    ),
  };
}

test('a plan adds found runs that it lacks, and nothing else', () => {
  const everything = planOf(['warmup', 'admin'], [1, 2], [1, 2]);
  const now = planOf(['warmup', 'deepnorm'], [2, 3], [1]);
  const complete = new Set(['admin/train.lr=1/seed-1', 'warmup/train.lr=2/seed-2', 'warmup/train.lr=2/seed-1']);
  const found = { ...everything, runs: everything.runs.filter(({ key }) => complete.has(key)) };
  const merged = withFound(now, found);
  assert.deepEqual(merged.arms, [...now.arms, { name: 'admin', differences: ['of admin'] }]);
  assert.deepEqual(
    [merged.baseline, merged.seeds, merged.axes],
    ['warmup', [1, 2], [{ key: 'train.lr', values: [2, 3, 1] }]],
  );
  assert.deepEqual(
    merged.runs.map(({ key }) => key),
    [...now.runs.map(({ key }) => key), 'admin/train.lr=1/seed-1', 'warmup/train.lr=2/seed-2'],
  );
  assert.equal(withFound(now, { ...found, runs: [] }), now);
  assert.equal(withFound(now, { ...found, runs: [now.runs[0]] }), now);
});

test('plans that cannot be used are refused by name', () => {
  const path = join(folder, 'plan.json');
  const read = (plan: object): PlanRecord => {
    writeFileSync(path, JSON.stringify({ formatVersion: 1, ...plan }));
    return readPlan(folder);
  };
  const plan = planOf(['warmup'], [1], [1]);
  assert.deepEqual(read(plan).runs, plan.runs);
  for (const broken of [
    { ...plan, runs: [] },
    { ...plan, baseline: 'other' },
    { ...plan, formatVersion: 2 },
    { ...plan, runs: [{ ...plan.runs[0], key: '../elsewhere' }] },
    { ...plan, runs: [{ ...plan.runs[0], seed: '<img src=x>' }] },
  ]) {
    assert.throws(
      () => read(broken),
      /plan\.json: (runs|baseline|formatVersion|runs\[0\]\.(key|seed)) is .*, expected .*\. Run the ablation's command again/,
    );
  }
});
