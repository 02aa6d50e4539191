import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InitPlan } from '../../run/initPlan.js';
import type { RunEvent } from '../../run/runEvents.js';
import { showRun } from '../progress/runProgress.js';
import { initPlanLines } from './initPlanText.js';

const paper: InitPlan = {
  stage: 'gradinit',
  total: 780,
  done: 0,
  spent: { updates: 0, seconds: 0 },
  least: 1523.1,
  most: 3046.2,
  checks: 0,
  runUpdates: 100_000,
  counted: false,
  maxTokens: 6000,
};

test('the cost of initialisation in updates, with its share of the run', () => {
  assert.deepEqual(initPlanLines(paper), [
    "gradinit  780 iterations cost about as much as 2,285 updates of training (1,523 to 3,046), 2.3 % of this run's 100,000",
  ]);
  assert.deepEqual(initPlanLines({ ...paper, counted: true, runUpdates: 30_000, total: 1, least: 3, most: 3 }), [
    "gradinit  1 iteration costs about as much as 3.0 updates of training, 0.0 % of this run's 30,000; train.countInit takes it off them",
  ]);
  assert.deepEqual(
    initPlanLines({ ...paper, stage: 'metainit', total: 50, least: 500, most: 500, runUpdates: undefined }),
    ['metainit  50 iterations cost about as much as 500 updates of training'],
  );
  assert.deepEqual(initPlanLines({ ...paper, stage: 'admin', total: 1, least: 0.33, most: 0.33, runUpdates: 2 }), [
    "admin  profiling costs about as much as 0.3 updates of training, 17 % of this run's 2",
  ]);
});

test('more than a tenth of the run is a warning with the setting that would be a tenth', () => {
  assert.deepEqual(initPlanLines({ ...paper, runUpdates: 5000 }), [
    "gradinit  780 iterations cost about as much as 2,285 updates of training (1,523 to 3,046), 46 % of this run's 5,000",
    'gradinit  warning: this is more than a tenth of the run. gradinit.iterations 170 (now 780) would be a tenth, a smaller gradinit.maxTokens (now 6000) makes each iteration cheaper.',
  ]);
  const metaInit: InitPlan = { ...paper, stage: 'metainit', total: 2, least: 20, most: 20, runUpdates: 30 };
  assert.equal(
    initPlanLines(metaInit)[1],
    'metainit  warning: this is more than a tenth of the run. Lower metainit.iterations (now 2) and metainit.maxTokens (now 6000), or train for longer.',
  );
  assert.equal(initPlanLines({ ...metaInit, runUpdates: 200 }).length, 1);
  assert.equal(initPlanLines({ ...metaInit, runUpdates: 199 }).length, 2);
});

test('resumed learning shows the rest, also in time, and does not warn again', () => {
  assert.deepEqual(
    initPlanLines({
      ...paper,
      done: 580,
      spent: { updates: 1700, seconds: 5800 },
      least: 390,
      most: 780,
      runUpdates: 5000,
    }),
    [
      "gradinit  200 of 780 iterations are left, which cost about as much as 585 updates of training (390 to 780), 12 % of this run's 5,000; about 33m20s at the rate so far",
    ],
  );
});

test('the first updates say how long the run takes, where no line of the log comes before', () => {
  const shownOf = (seconds: number, events: number[], isTTY = false): string[] => {
    let text = '';
    const show = showRun({ isTTY, write: (part: string) => (text += part) });
    const numbers = { epoch: 1, loss: 5, perplexity: 50, lr: 1e-3, gradNormL2: 1, trgTokens: 100 };
    show({ event: 'preparing' });
    for (const update of events) show({ event: 'update', update, ...numbers, seconds, maxUpdates: 1000 });
    return text.split(/[\r\n]+/).filter((line) => /^(prepare|train .*so far)/.test(line));
  };
  const prepare = 'prepare   loads the backend and counts the memory that the run needs';
  assert.deepEqual(shownOf(12, [1, 2, 3]), [
    prepare,
    'train     12s an update so far, about 3h19m for the 999 updates left',
  ]);
  assert.deepEqual(shownOf(1, [11, 12, 13, 14, 15]), [
    prepare,
    'train     1.0s an update so far, about 16m27s for the 987 updates left',
  ]);
  assert.deepEqual(shownOf(0.1, [1, 2, 3]), [prepare]);
  assert.deepEqual(shownOf(12, [1, 2], true), [prepare]); // a terminal has the bar
});

/** The output for a plan and for iterations with these times. */
function shown(plan: InitPlan, secondsEach: number, iterations: number): string[] {
  let text = '';
  const show = showRun({ write: (part: string) => (text += part) });
  const send = (event: RunEvent): void => show(event);
  send({ event: 'initPlan', ...plan });
  for (let i = 1; i <= iterations; i++)
    send({
      event: 'progress',
      stage: 'gradinit',
      done: plan.done + i,
      total: plan.total,
      secondsHere: i * secondsEach,
    });
  return text.trimEnd().split('\n').slice(1);
}

test('the time is shown once, as soon as it is measured', () => {
  assert.deepEqual(shown(paper, 25, 5), [
    'gradinit  about 5h24m for the 779 iterations left, at the rate of the first one',
  ]);
  assert.deepEqual(shown(paper, 1, 5), [
    'gradinit  about 12m57s for the 777 iterations left, at the rate of the first 3',
  ]);
  assert.deepEqual(shown({ ...paper, total: 30 }, 0.1, 30), [
    'gradinit  about 2.7s for the 27 iterations left, at the rate of the first 3',
  ]);
  assert.deepEqual(shown({ ...paper, total: 1 }, 25, 1), []); // nothing is left
  assert.deepEqual(shown({ ...paper, done: 5 }, 25, 5), []); // it was in the first line
});
