import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { shownRuns } from '../report/text/shownRuns.js';
import { changeConfig, defaultConfig } from '../config/loadConfig.js';
import { ablationCsv } from '../report/text/ablationCsv.js';
import { ablationMarkdown } from '../report/text/ablationReport.js';
import { writeCompleteRun } from '../../test/completeRun.js';
import type { ColdstartError } from '../errors.js';
import { ablate, carryOut } from './ablate.js';
import { planAblation, type AblationPlan } from './ablationPlan.js';
import { checkExistingRuns, findRuns, runsWithOtherSettings } from './existingRuns.js';
import { gatherAblation } from './gatherAblation.js';
import { readPlan, writePlan } from './planFile.js';
import { runPaths } from '../run/runFolder.js';
import { writeJsonFile } from '../storage/jsonFile.js';
import { sha256Of } from '../storage/recordedFiles.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-existing-'));
after(() => rmSync(folder, { recursive: true }));

/** An ablation of two arms and two rates, as on a machine whose corpus is in a folder of that name. */
function ablation(
  name: string,
  machine: string,
  seeds: readonly number[],
  changes: Record<string, unknown> = {},
): AblationPlan {
  return planAblation(
    changeConfig(
      defaultConfig(),
      {
        'corpus.dir': join(folder, machine, 'prepared'),
        'train.maxUpdates': 10,
        'ablation.seeds': seeds,
        'ablation.arms': { 'no-warmup': { preset: 'no-warmup' }, warmup: {} },
        'ablation.baseline': 'warmup',
        'ablation.grid': { 'train.lr': [1e-3, 5e-4] },
        ...changes,
      },
      'test',
    ),
    join(folder, name),
  );
}

test('runs copied from other machines count, whether or not the plan names them', () => {
  const dir = join(folder, 'here');
  const [here, there] = [ablation('here', 'a', [2]), ablation('there', 'b', [1])];
  for (const plan of [here, there]) plan.runs.forEach((run, i) => writeCompleteRun(run, { bleu: 30 + i }));
  assert.deepEqual(
    findRuns(dir).map(({ key }) => key),
    [
      'no-warmup/train.lr=0.0005/seed-2',
      'no-warmup/train.lr=0.001/seed-2',
      'warmup/train.lr=0.0005/seed-2',
      'warmup/train.lr=0.001/seed-2',
    ],
  );

  // without a plan: all that there is
  const unplanned = gatherAblation(dir);
  assert.deepEqual(
    [unplanned.baseline, unplanned.seeds, unplanned.axes],
    ['warmup', [2], [{ key: 'train.lr', values: [5e-4, 1e-3] }]],
  );
  assert.deepEqual(
    unplanned.arms.map(({ name, differences }) => [name, differences]),
    [
      ['warmup', []],
      ['no-warmup', ['train.warmupInitLr: 1e-7 → -1']],
    ],
  );

  // with one: what was copied comes after it
  checkExistingRuns(here, dir);
  writePlan(dir, here);
  cpSync(join(folder, 'there'), dir, { recursive: true });
  for (const again of [false, true]) {
    if (again) writePlan(dir, here);
    const { runs, seeds, arms } = gatherAblation(dir);
    assert.deepEqual(seeds, [2, 1]);
    assert.equal(runs.length, 8);
    assert.deepEqual(
      arms.map(({ name, cells }) => [
        name,
        cells.map(({ name: cell, testBleu }) => [cell, testBleu!.count, testBleu!.mean]),
      ]),
      [
        [
          'no-warmup',
          [
            ['train.lr=0.001', 2, 30],
            ['train.lr=0.0005', 2, 32],
          ],
        ],
        [
          'warmup',
          [
            ['train.lr=0.001', 2, 31],
            ['train.lr=0.0005', 2, 33],
          ],
        ],
      ],
    );
  }
  assert.equal(readPlan(dir).runs.length, 8);
  checkExistingRuns(ablation('here', 'elsewhere', [1, 2]), dir);
});

test('runs may be links to folders elsewhere', () => {
  const dir = join(folder, 'linked');
  ablation('on-another-disk', 'a', [1]).runs.forEach((run) => writeCompleteRun(run, { bleu: 30 }));
  mkdirSync(join(dir, 'warmup', 'train.lr=0.001'), { recursive: true });
  symlinkSync(join(folder, 'on-another-disk', 'no-warmup'), join(dir, 'no-warmup'));
  symlinkSync(
    join(folder, 'on-another-disk', 'warmup', 'train.lr=0.001', 'seed-1'),
    join(dir, 'warmup', 'train.lr=0.001', 'seed-1'),
  );
  symlinkSync(join(folder, 'nowhere'), join(dir, 'broken'));
  assert.deepEqual(
    findRuns(dir).map(({ key }) => key),
    ['no-warmup/train.lr=0.0005/seed-1', 'no-warmup/train.lr=0.001/seed-1', 'warmup/train.lr=0.001/seed-1'],
  );
});

test('another baseline: arms of the earlier plan say what they change in it, and that budgets differ', () => {
  const dir = join(folder, 'rebased');
  const before = ablation('rebased', 'a', [1], { 'ablation.grid': {} });
  before.runs.forEach((run) => writeCompleteRun(run, { bleu: 30 }));
  writePlan(dir, before);
  const now = ablation('rebased', 'a', [1], {
    'ablation.grid': {},
    'ablation.arms': { 'no-warmup': { preset: 'no-warmup' }, long: { preset: 'no-warmup', 'train.maxUpdates': 90 } },
    'ablation.baseline': 'no-warmup',
  });
  writePlan(dir, now);
  now.runs.filter(({ arm }) => arm === 'long').forEach((run) => writeCompleteRun(run, { bleu: 30 }));
  const data = gatherAblation(dir);
  assert.deepEqual(
    data.arms.map(({ name, summary, differences }) => [name, summary !== undefined, differences]),
    [
      ['no-warmup', true, []],
      ['long', true, ['train.maxUpdates: 10 → 90']],
      ['warmup', false, ['train.warmupInitLr: -1 → 1e-7']],
    ],
  );
  writeCompleteRun(
    { config: { ...before.runs[0].config, seed: 2 }, runDir: join(dir, 'no-warmup', 'seed-2') },
    { bleu: 40 },
  );
  assert.match(
    ablationMarkdown(gatherAblation(dir)),
    /^\| no-warmup \| 2 \| 35\.00 ± 5\.00 \|[^]*as many of them as "seeds" says/m,
  );
  assert.match(ablationMarkdown(data), /^the runs do not have the same budget: 10, 90 updates {2}$/m);
});

test('runs from before there was a grid stay apart from its cells', () => {
  const dir = join(folder, 'grid-later');
  const before = ablation('grid-later', 'a', [1], { 'ablation.grid': {} });
  before.runs.forEach((run) => writeCompleteRun(run, { bleu: 10 }));
  writePlan(dir, before);
  const now = ablation('grid-later', 'a', [1], { 'ablation.grid': { 'train.lr': [2e-3] } });
  now.runs.forEach((run) => writeCompleteRun(run, { bleu: 40 }));
  writePlan(dir, now);
  const data = gatherAblation(dir);
  assert.deepEqual(
    shownRuns(data).map((runs) => runs.length),
    [1, 1],
  );
  assert.match(ablationMarkdown(data), /^\| before there was a grid \|/m);
  assert.match(ablationCsv(data), /^no-warmup\/seed-1,no-warmup,0,,1,/m);
});

test('a damaged file among complete runs is named before any other run starts', async () => {
  const dir = join(folder, 'damaged');
  const settings = { 'ablation.grid': {} };
  const plan = ablation('damaged', 'a', [1], settings);
  writeCompleteRun(plan.runs[0], { bleu: 10 });
  writeFileSync(join(plan.runs[0].runDir, 'gradients.json'), '{');
  mkdirSync(join(folder, 'a', 'prepared'), { recursive: true });
  await assert.rejects(carryOut(plan, { config: defaultConfig(), dir }), /gradients\.json/);
  assert.ok(!existsSync(plan.runs[1].runDir));
});

test('without a plan the baseline is the first arm in the order of the presets, whichever seeds there are of it', () => {
  for (const [arm, seed] of [
    ['no-warmup', 1],
    ['mine', 1],
    ['also-mine', 2],
    ['warmup', 2],
  ] as const) {
    const plan = ablation('orders', 'a', [seed], {
      'ablation.grid': {},
      'ablation.baseline': undefined,
      'ablation.arms': { [arm]: {} },
    });
    plan.runs.forEach((run) => writeCompleteRun(run, { bleu: 30 }));
  }
  const { baseline, arms, seeds } = gatherAblation(join(folder, 'orders'));
  assert.deepEqual(
    [baseline, arms.map(({ name }) => name), seeds],
    ['warmup', ['warmup', 'no-warmup', 'also-mine', 'mine'], [1, 2]],
  );
});

test('a copied seed of an arm that was trained with other settings is refused', () => {
  const dir = join(folder, 'mixed');
  ablation('mixed', 'b', [7], { 'model.dropout': 0.3 }).runs.forEach((run) => writeCompleteRun(run, { bleu: 1 }));
  assert.deepEqual(
    [7, 1].map((seed) => runsWithOtherSettings(ablation('mixed', 'a', [seed])).length),
    [4, 0],
  );
  assert.throws(
    () => checkExistingRuns(ablation('mixed', 'a', [1]), dir),
    /made with other settings than the configuration now has:\n {2}.*no-warmup\/train\.lr=0\.0005\/seed-7\n {4}model\.dropout: 0\.3 → 0\.1\n/,
  );
  checkExistingRuns(ablation('mixed', 'a', [1], { 'ablation.grid': { 'train.lr': [2e-3] } }), dir); // another cell may differ
});

test('the folder of a single run is refused, before anything is written into it', async () => {
  const dir = join(folder, 'single');
  const config = changeConfig(defaultConfig(), { 'ablation.arms': { warmup: {} }, 'train.maxUpdates': 10 }, 'test');
  writeCompleteRun({ config, runDir: dir }, { bleu: 1 });
  const before = readdirSync(dir).sort();
  await assert.rejects(ablate({ config, dir }), (error: Error) => {
    assert.equal(
      error.message,
      `${dir} is the folder of a single run, so an ablation cannot use it. Choose another folder with --run.`,
    );
    return (error as ColdstartError).code === 'RUN_EXISTS';
  });
  assert.deepEqual(readdirSync(dir).sort(), before);
});

test('a folder whose name differs from what its configuration says is not a run of an ablation', () => {
  const dir = join(folder, 'misnamed');
  const [run] = ablation('misnamed', 'a', [1], { 'ablation.grid': {} }).runs;
  writeCompleteRun({ ...run, runDir: join(dir, 'warmup', 'seed-3') }, { bleu: 1 });
  writeCompleteRun({ ...run, runDir: join(dir, 'warmup', 'train.lr=0.25', 'seed-1') }, { bleu: 1 });
  writeCompleteRun({ ...run, runDir: join(dir, 'warmup', '__proto__=[object Object]', 'seed-1') }, { bleu: 1 });
  mkdirSync(join(dir, 'warmup', 'seed-1'), { recursive: true });
  writeFileSync(join(dir, 'warmup', 'seed-1', 'scores.json'), '{}');
  assert.deepEqual(findRuns(dir), []);
  assert.throws(
    () => gatherAblation(dir),
    /misnamed holds no ablation \(no plan\.json\) and no run \(no config\.yaml\)/,
  );
});

test('a run that was copied without its translations has its scores, and nothing is compared', () => {
  const plan = ablation('bare', 'a', [1, 2], { 'ablation.grid': {} });
  plan.runs.forEach((run, i) => writeCompleteRun(run, { bleu: 30 + i, hyp: `a b c ${i} f\n` }));
  const dir = join(folder, 'bare');
  rmSync(join(dir, 'warmup', 'seed-2', 'test.hyp'));
  const data = gatherAblation(dir, { bootstrapSamples: 10 });
  const { arms, samples } = data;
  assert.deepEqual(
    arms.map(({ cells: [{ testBleu, comparison }] }) => [
      testBleu!.count,
      comparison?.perSeed.map(({ trainSeed }) => trainSeed),
    ]),
    [
      [2, undefined],
      [2, [1]],
    ],
  );
  assert.match(
    ablationMarkdown(data),
    /^warmup\/seed-2: not compared, not shown, because test\.hyp or test\.ref is missing /m,
  );
  assert.deepEqual(Object.keys(samples[0].hyps), ['warmup/seed-1', 'no-warmup/seed-1', 'no-warmup/seed-2']);
});

test('a model to start from is compared by its content, wherever each machine has it', () => {
  const source = (machine: string, content: string): string => {
    mkdirSync(join(folder, machine), { recursive: true });
    const path = join(folder, machine, 'model.safetensors');
    writeFileSync(path, content);
    return path;
  };
  const arms = (from: string) => ({
    'ablation.grid': {},
    'ablation.arms': { warmup: {}, tuned: { 'init.from': from } },
  });
  const write = (plan: AblationPlan, content: string): void => {
    for (const run of plan.runs) {
      writeCompleteRun(run, { bleu: 30 });
      if (run.config.init.from !== undefined)
        writeJsonFile(runPaths(run.runDir).initFrom, {
          checkpoint: run.config.init.from,
          bytes: content.length,
          sha256: sha256Of(Buffer.from(content)),
          vocabularies: { src: { kept: 1, drawn: 0, dropped: 0 }, trg: { kept: 1, drawn: 0, dropped: 0 } },
        });
    }
  };
  const first = arms(source('first', 'weights'));
  write(ablation('tuned', 'first', [1], first), 'weights');
  const other = ablation('tuned', 'other', [1], arms(source('other', 'weights')));
  assert.deepEqual(runsWithOtherSettings(other), []);
  for (const content of ['changed', 'longer than it was'])
    assert.deepEqual(runsWithOtherSettings(ablation('tuned', 'other', [1], arms(source('other', content)))), [
      join(folder, 'tuned', 'tuned', 'seed-1'),
    ]);

  // arms that start from one model do not differ in it
  const both = (from: string) => ({
    'ablation.grid': {},
    'ablation.arms': { warmup: { 'init.from': from }, 'no-warmup': { preset: 'no-warmup', 'init.from': from } },
  });
  write(ablation('both', 'first', [1], both(source('first', 'weights'))), 'weights');
  write(ablation('both', 'other', [2], both(source('other', 'weights'))), 'weights');
  rmSync(join(folder, 'both', 'warmup', 'seed-2'), { recursive: true });
  rmSync(join(folder, 'both', 'no-warmup', 'seed-1'), { recursive: true });
  const { arms: found } = gatherAblation(join(folder, 'both'));
  assert.deepEqual(
    found.map(({ name, differences }) => [name, differences.map((line) => line.slice(0, line.indexOf(':')))]),
    [
      ['warmup', []],
      ['no-warmup', ['train.warmupInitLr']],
    ],
  );
});
