import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RunData, RunState } from '../../ablation/ablationData.js';
import type { AblationPlan, PlannedRun } from '../../ablation/ablationPlan.js';
import { statusText } from '../text/ablationPlanReport.js';
import { AblationProgress } from './ablationProgress.js';
import { TimeLeft } from './timeLeft.js';

describe('time left of several tasks', () => {
  const tasks = ['a/1', 'b/1', 'a/2', 'b/2'].map((name) => ({ name, kind: name[0] }));

  test('by kind, shared by those that run at once, and never less than the longest', () => {
    const left = new TimeLeft(tasks, 2);
    assert.equal(left.seconds(), undefined);
    left.start('a/1', 0, 0);
    left.start('b/1', 0, 0);
    left.advance('a/1', 0.5, 5000);
    // 5 s of a/1 and none of b/1 reported so far: half a task took 5 s, so a task takes 10 s, and 0.5 + 3 are left for
    // two at a time
    assert.equal(left.seconds(), 17.5);
    left.end('a/1', 10_000);
    left.end('b/1', 30_000);
    // an a takes 10 s, a b 30 s: together 20 s of two, but b takes 30 s
    assert.equal(left.seconds(), 30);
    left.start('a/2', 0, 30_000);
    left.start('b/2', 0, 30_000);
    left.advance('b/2', 0.5, 45_000);
    left.end('a/2', 40_000);
    assert.equal(left.seconds(), 15);
    left.end('b/2', 60_000);
    assert.equal(left.seconds(), 0);
  });

  test('work done before this process does not make the rate look faster', () => {
    const left = new TimeLeft(tasks, 1);
    left.end('a/1', 100); // complete already
    assert.equal(left.seconds(), undefined);
    left.start('b/1', 0.8, 1000);
    left.advance('b/1', 0.9, 3000);
    assert.equal(left.seconds(), undefined, 'two seconds of measuring are too few');
    left.advance('b/1', 0.9, 5000); // a tenth in 4 s
    assert.ok(Math.abs(left.seconds()! - (0.1 + 2) * 40) < 1e-9);
  });
});

const run = (arm: string, seed: number): PlannedRun => ({
  arm,
  cell: {},
  seed,
  runDir: `${arm}/seed-${seed}`,
  config: {} as PlannedRun['config'],
});

test('the line of an ablation: percent, runs, the state of each, and a time left that resumed and complete runs do not distort', () => {
  const written: string[] = [];
  const clock = { ms: 0 };
  const progress = new AblationProgress(
    { isTTY: true, columns: 200, write: (text: string) => written.push(text) },
    { parallel: 2, now: () => clock.ms },
  );
  const runs = [1, 2, 3, 4].map((seed) => run('warmup', seed));
  progress.plan({ arms: [], runs, baseline: 'warmup', axes: [], seeds: [1, 2, 3, 4] } as unknown as AblationPlan);
  const start = (seed: number, resumedFrom?: number): void =>
    progress.event(run('warmup', seed), { event: 'start', backend: 'cpu', maxUpdates: 100, resumedFrom } as never);
  const update = (seed: number, at: number): void =>
    progress.event(run('warmup', seed), { event: 'update', update: at, loss: 4 } as never);
  progress.event(run('warmup', 1), { event: 'complete', already: true });
  clock.ms = 1000;
  start(2, 50);
  start(3);
  clock.ms = 11_000;
  update(2, 60);
  clock.ms = 11_200;
  update(3, 10);
  // 1 + 0.54 + 0.09 of 4 runs; 0.18 of a run in 20.2 s, so 112 s a run, and 0.46 + 0.91 + 1 runs are left for two at a
  // time
  assert.equal(
    written.at(-1),
    `\r${'ablation  [########............]  40 %  2m13s left  1/4 runs  warmup/2: update 60 loss 4.00  warmup/3: update 10 loss 4.00'}\x1b[K`,
  );
});

test('status: every state counted, what is under way, why runs failed', () => {
  const states: RunState[] = ['waiting', 'running', 'unfinished', 'finished', 'stuck', 'diverged', 'failed'];
  const runs = states.map((state, i): RunData => ({
    key: `${i < 4 ? 'warmup' : 'hot'}/seed-${i}`,
    arm: i < 4 ? 'warmup' : 'hot',
    cell: {},
    seed: i,
    state,
    updates: 10 * i,
    maxUpdates: 100,
    lastWrittenMs: 1000,
    train: [],
    valid: [],
    ...(state === 'failed' && { failure: 'out of memory' }),
  }));
  assert.equal(
    statusText(runs, [{ name: 'warmup' }, { name: 'hot' }], 61_000),
    [
      'arm     planned  waiting  running  unfinished  finished  stuck  diverged  failed',
      '------  -------  -------  -------  ----------  --------  -----  --------  ------',
      'warmup        4        1        1           1         1      0         0       0',
      'hot           3        0        0           0         0      1         1       1',
      'all           7        1        1           1         1      1         1       1',
      '',
      'under way      state       update  valid loss  last logged',
      '-------------  ----------  ------  ----------  -----------',
      'warmup/seed-1  running     10/100                1m00s ago',
      'warmup/seed-2  unfinished  20/100                1m00s ago',
      '',
      'Failed; the same command without --status tries again:',
      '  hot/seed-6: out of memory',
    ].join('\n'),
  );
});

test('long names of runs do not collide with their states', () => {
  const written: string[] = [];
  const progress = new AblationProgress({ isTTY: false, write: (text: string) => written.push(text) } as never, {
    parallel: 1,
  });
  const long: PlannedRun = { ...run('warmup', 1), cell: { 'train.lr': 0.001, 'train.beta2': 0.98 } };
  progress.plan({
    arms: [],
    runs: [run('warmup', 2), long],
    baseline: 'warmup',
    axes: [],
    seeds: [1, 2],
  } as unknown as AblationPlan);
  progress.event(long, { event: 'complete', already: true });
  progress.event(run('warmup', 2), { event: 'complete', already: true });
  assert.match(
    written.join(''),
    /^warmup\/train\.lr=0\.001,train\.beta2=0\.98\/1 {2}complete already\nwarmup\/2 {34}complete already\n/m,
  );
});
