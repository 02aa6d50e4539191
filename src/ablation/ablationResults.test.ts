import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { changeConfig, defaultConfig, loadConfig } from '../config/loadConfig.js';
import { corpusBleu } from '../score/bleu.js';
import { ablationCsv } from '../report/text/ablationCsv.js';
import { ablationMarkdown, ablationText } from '../report/text/ablationReport.js';
import { writeCompleteRun, type Outcome } from '../../test/completeRun.js';
import { tensorPlace } from './ablationData.js';
import { planAblation, type AblationPlan } from './ablationPlan.js';
import { estimate } from './ablationResults.js';
import { armPresets } from './armPresets.js';
import { compareArms } from './compareArms.js';
import { checkExistingRuns } from './existingRuns.js';
import { gatherAblation } from './gatherAblation.js';
import { writePlan } from './planFile.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-ablation-'));
after(() => rmSync(folder, { recursive: true }));

const config = changeConfig(
  defaultConfig(),
  {
    'train.maxUpdates': 10,
    'ablation.seeds': [1, 2],
    'ablation.baseline': 'warmup',
    'ablation.arms': { 'no-warmup': { 'train.warmupInitLr': -1 }, warmup: {}, hot: { 'train.lr': 1 } },
  },
  'test',
);

/** A complete run of a plan. */
function finish({ runs }: AblationPlan, key: string, outcome: Outcome): void {
  writeCompleteRun(
    runs.find(({ runDir }) => runDir === join(folder, key))!,
    outcome,
  );
}

test('means, standard errors, paired differences, and failed runs', () => {
  const plan = planAblation(config, folder);
  assert.deepEqual(
    plan.runs.map(({ arm, seed }) => `${arm}/${seed}`),
    ['no-warmup/1', 'warmup/1', 'hot/1', 'no-warmup/2', 'warmup/2', 'hot/2'],
  );
  assert.deepEqual(plan.runs[3].config.seed, 2);
  assert.equal(plan.runs[0].config.train.countInit, true);
  assert.deepEqual(plan.arms[0].differences, ['train.warmupInitLr: 1e-7 → -1']);
  writePlan(folder, plan);

  finish(plan, 'warmup/seed-1', { bleu: 30 });
  finish(plan, 'warmup/seed-2', { bleu: 34 });
  finish(plan, 'no-warmup/seed-1', { bleu: 20 });
  finish(plan, 'no-warmup/seed-2', { bleu: 27, nll: 3.5 });
  finish(plan, 'hot/seed-1', {});
  checkExistingRuns(plan, folder);
  const data = gatherAblation(folder);
  const [noWarmup, warmup, hot] = data.arms.map(({ cells, selected }) => cells[selected]);
  assert.deepEqual(warmup.testBleu, { mean: 32, standardError: 2, count: 2 });
  assert.equal(warmup.testBleuDifference, undefined);
  assert.deepEqual(noWarmup.testBleuDifference, { mean: -8.5, standardError: 1.5, count: 2 });
  assert.ok(Math.abs(noWarmup.seedsPValue! - (1 - (2 / Math.PI) * Math.atan(8.5 / 1.5))) < 1e-12); // t with one degree of freedom is Cauchy
  assert.deepEqual(
    [hot.complete, hot.diverged, hot.stuck, hot.testBleu, hot.validLoss],
    [1, 1, 0, undefined, undefined],
  );
  assert.deepEqual(
    [noWarmup.diverged, noWarmup.stuck, noWarmup.firstEpochLoss!.mean, noWarmup.testChrf!.mean],
    [0, 1, 3, 60],
  );
  assert.deepEqual([noWarmup.seconds!.mean, noWarmup.initUpdates!.mean, noWarmup.trgTokens!.mean], [90, 2.5, 120]);
  assert.deepEqual(
    data.runs.map(({ key, state }) => [key, state]),
    [
      ['no-warmup/seed-1', 'finished'],
      ['warmup/seed-1', 'finished'],
      ['hot/seed-1', 'diverged'],
      ['no-warmup/seed-2', 'stuck'],
      ['warmup/seed-2', 'finished'],
      ['hot/seed-2', 'waiting'],
    ],
  );
  assert.deepEqual(data.runs[0].updateRatios, { tensors: ['a'], samples: [{ update: 1, ratios: [0.5] }] });
  assert.equal(data.budget, 10);
  assert.equal(data.samples[0].hyps['warmup/seed-2'], 'a b c d e');
  assert.equal(noWarmup.comparison!.pooled!.pValue, 1); // their translations are equal here
  assert.equal(noWarmup.comparison!.perSeed.length, 2);

  const text = ablationText(data);
  const narrow = ablationText(data, 60).split('\n\n');
  assert.ok(
    narrow.slice(0, 3).every((table) => table.split('\n').every((line) => line.length <= 60)),
    narrow.join('\n\n'),
  );
  assert.ok(narrow.slice(0, 3).every((table) => table.startsWith('arm')));
  assert.match(
    text,
    /^arm +test BLEU +vs warmup +p \(lines\) +p \(seeds\) +of average +selected +chrF +diverged +stuck$/m,
  ); // decode.checkpoint is best, so it gets no separate column
  assert.match(
    text,
    /^no-warmup +23\.50 ± 3\.50 +-8\.50 ± 1\.50 +1\.000 +0\.111 +- +23\.50 ± 3\.50 +60\.00 ± 0\.00 +0 of 2 +1$/m,
  );
  assert.match(
    text,
    /^arm +epoch 1 loss +epoch 1 BLEU +valid loss +valid BLEU +updates +init updates +trg tokens +time +of it init$/m,
  );
  assert.match(
    text,
    /^no-warmup +3\.000 ± 0\.000 +50\.00 ± 0\.00 +2\.000 ± 0\.000 +50\.00 ± 0\.00 +10 +2\.5 \(20\.0 %\) +120 +1m30s +30s$/m,
  );
  assert.match(ablationMarkdown(data), /^\| hot\/seed-2 \| waiting \|/m);
  const [header, first] = ablationCsv(data)
    .split('\r\n')
    .map((line) => line.split(','));
  assert.deepEqual([header.indexOf('test_bleu'), header.length, first.length], [12, 23, 23]);
  assert.equal(first[12], '20');
});

test('an arm that learned nothing is not tested, and small differences keep the decimals of their column', () => {
  const dir = join(folder, 'lost');
  const plan = planAblation(
    changeConfig(
      config,
      {
        'ablation.arms': { warmup: {}, lost: { 'train.lr': 1 }, near: { 'train.lr': 0.1 }, tiny: { 'train.lr': 0.2 } },
      },
      'test',
    ),
    dir,
  );
  writePlan(dir, plan);
  const finishAll = (arm: string, outcomes: readonly Outcome[]): void =>
    outcomes.forEach((outcome, i) => finish(plan, `lost/${arm}/seed-${i + 1}`, outcome));
  finishAll('warmup', [{ bleu: 30 }, { bleu: 34 }]);
  finishAll('lost', [
    { bleu: 0.003, nll: 3.5 },
    { bleu: 0.004, nll: 3.5 },
  ]);
  finishAll('near', [{ bleu: 29.9967 }, { bleu: 33.9968 }]);
  finishAll('tiny', [{ bleu: 30.02 }, { bleu: 33.94 }]);
  const data = gatherAblation(dir);
  const [, lost, near] = data.arms.map(({ cells, selected }) => cells[selected]);
  assert.deepEqual([lost.stuck, lost.seedsPValue, lost.comparison], [2, undefined, undefined]);
  assert.equal(lost.testBleuDifference!.count, 2);
  assert.ok(near.seedsPValue !== undefined && near.comparison !== undefined);
  const text = ablationText(data);
  assert.match(text, /^lost +0\.00 ± 0\.00 +-32\.00 ± 2\.00 +- /m);
  assert.match(text, /^near +32\.00 ± 2\.00 +0\.00 ± 0\.00 +1\.000 +0\.010 /m);
  assert.match(text, /^tiny +31\.98 ± 1\.96 +-0\.02 ± 0\.04 +1\.000 +0\.705 /m);
  assert.match(
    text,
    /no p where all runs of an arm or of the baseline came out stuck: no better than token frequencies/,
  );
  // nor is anything tested against a baseline that learned nothing
  finishAll('warmup', [
    { bleu: 0.1, nll: 3.5 },
    { bleu: 0.2, nll: 3.5 },
  ]);
  for (const { cells, selected } of gatherAblation(dir).arms)
    assert.deepEqual([cells[selected].seedsPValue, cells[selected].comparison], [undefined, undefined]);
});

test('a grid: cells win over arms and presets, presets see them, and each arm is shown in its best cell', () => {
  const dir = join(folder, 'grid');
  const gridConfig = changeConfig(
    config,
    {
      'ablation.seeds': [1],
      'ablation.grid': { 'train.lr': [0.1, 0.2], 'train.beta2': [0.9] },
      'ablation.arms': { warmup: {}, sgd: { preset: 'sgd-no-warmup', 'train.momentum': 0.5 } },
    },
    'test',
  );
  const plan = planAblation(gridConfig, dir);
  assert.deepEqual(
    plan.runs.map(({ runDir }) => runDir.slice(dir.length + 1)),
    [
      'warmup/train.lr=0.1,train.beta2=0.9/seed-1',
      'sgd/train.lr=0.1,train.beta2=0.9/seed-1',
      'warmup/train.lr=0.2,train.beta2=0.9/seed-1',
      'sgd/train.lr=0.2,train.beta2=0.9/seed-1',
    ],
  );
  const { optimizer, momentum, lr, warmupInitLr, beta2 } = plan.runs[3].config.train;
  assert.deepEqual([optimizer, momentum, lr, warmupInitLr, beta2], ['sgd', 0.5, 0.2, -1, 0.9]);
});

test('a value of the grid given twice is refused: it would be the same run', () => {
  assert.throws(
    () => planAblation(changeConfig(config, { 'ablation.grid': { 'train.lr': [1e-3, 0.001, 2e-3] } }, 'test'), folder),
    /ablation\.grid\.train\.lr has a value twice: 0\.001, 0\.001, 0\.002/,
  );
});

test('presets change little, and every one gives a run that can be started', () => {
  const all = changeConfig(config, { 'ablation.arms': Object.keys(armPresets), 'ablation.baseline': 'warmup' }, 'test');
  const { arms } = planAblation(all, folder);
  const changed = Object.fromEntries(
    arms.map(({ name, differences }) => [name, differences.map((line) => line.replace(/:.* → /, '='))]),
  );
  const plain = 'train.warmupInitLr=-1';
  assert.deepEqual(changed, {
    warmup: [],
    'no-warmup': [plain],
    'short-warmup': ['train.warmupUpdates=100', 'train.holdUpdates=3900'],
    'gradinit-adam': ['gradinit.algorithm="adam"', 'train.secondMomentStart="first-gradient"', plain],
    'gradinit-sgd': ['gradinit.algorithm="sgd"', 'train.secondMomentStart="first-gradient"', plain],
    'gradinit-robust': ['gradinit.algorithm="adam"', 'gradinit.variant="robust"', plain],
    cold: ['gradinit.algorithm="adam"', 'gradinit.variant="robust"', 'train.secondMomentStart="first-gradient"', plain],
    'sgd-warmup': ['train.optimizer="sgd"', 'train.lr=0.1'],
    'sgd-no-warmup': ['train.optimizer="sgd"', 'train.lr=0.1', plain],
    'sgd-gradinit': ['gradinit.algorithm="sgd"', 'train.optimizer="sgd"', 'train.lr=0.1', plain],
    kaiming: ['init.method="kaiming"', plain],
    xavier: ['init.method="xavier"', plain],
    'extra-epoch-constant': [plain, 'train.extraEpoch="constant"'],
    'extra-epoch-warmup': [plain, 'train.extraEpoch="warmup"'],
    'grad-cosine': [
      'gradinit.algorithm="sgd"',
      'gradinit.variant="released"',
      'gradinit.iterations=30',
      'gradinit.gammaShare=1',
      'gradinit.goal="cosine"',
      'gradinit.lr=0.05',
      plain,
    ],
    metainit: ['metainit.iterations=30', plain],
    't-fixup': ['model.residual="none"', 'init.method="tfixup"', plain],
    admin: ['model.residual="admin"', plain],
    deepnorm: ['model.residual="deepnorm"', 'init.method="deepnorm"', plain],
    'pre-ln-warmup': ['model.residual="pre-ln"'],
    'pre-ln': ['model.residual="pre-ln"', plain],
    radam: ['train.optimizer="radam"', plain],
    'gi-adam': ['train.secondMomentStart="first-gradient"', plain],
  });
});

test('every shipped ablation can be planned', () => {
  const configs = fileURLToPath(new URL('../../../configs', import.meta.url));
  const runs = readdirSync(configs)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => [name, loadConfig(join(configs, name))] as const)
    .filter(([, { ablation }]) => Object.keys(ablation.arms).length > 0)
    .map(([name, own]) => [name, planAblation(own, folder).runs.length]);
  assert.deepEqual(Object.fromEntries(runs), {
    'ablate-builtin.yaml': 16 * 5,
    'ablate-multi30k.yaml': 8 * 3,
    'controls-multi30k.yaml': 13 * 2,
    'depth-multi30k.yaml': 5,
    'iwslt14-de-en.yaml': 4,
    'mixed-de-en.yaml': 3,
    'mixed-tiny-de-en.yaml': 3 * 2 * 3,
    'quickstart.yaml': 5,
    'stability-builtin.yaml': 3 * 24,
    'stability-multi30k.yaml': 4 * 12,
    'wmt14-en-de.yaml': 3,
  });
});

test('bootstrap: a seed as two systems are compared, and seeds pooled by sentence', () => {
  const refs = ['the cat sat on the mat today', 'a dog ran through the green park', 'birds sing in the old oak tree'];
  const better = [...refs];
  const worse = ['the cat sat on a mat today', 'a dog went through the park', 'birds sing in an old tree'];
  const options = { tokenize: 'none' as const };
  const perfect = corpusBleu(better, [refs], options).score;
  const { perSeed, pooled } = compareArms(
    [
      { trainSeed: 1, hyps: worse },
      { trainSeed: 2, hyps: better },
    ],
    [
      { trainSeed: 1, hyps: better },
      { trainSeed: 2, hyps: better },
      { trainSeed: 3, hyps: better },
    ],
    refs,
    options,
  );
  assert.deepEqual(
    perSeed.map(({ trainSeed, bleu, baselineBleu }) => [trainSeed, bleu, baselineBleu]),
    [
      [1, corpusBleu(worse, [refs], options).score, perfect],
      [2, perfect, perfect],
    ],
  );
  // one corpus of both seeds' lines
  assert.equal(pooled!.bleu, corpusBleu([...worse, ...better], [[...refs, ...refs]], options).score);
  // translations that are the same for every seed count once: pooled and single seed draw the same samples
  const twice = compareArms(
    [1, 2].map((trainSeed) => ({ trainSeed, hyps: worse })),
    [1, 2].map((trainSeed) => ({ trainSeed, hyps: better })),
    refs,
    options,
  );
  assert.equal(twice.pooled!.pValue, perSeed[0].pValue);
});

test('the position of a tensor in the model', () => {
  assert.deepEqual(tensorPlace('decoder.layers.12.encoder_attn.v_proj.weight'), {
    name: 'decoder.layers.12.encoder_attn.v_proj.weight',
    side: 'decoder',
    layer: 12,
    part: 'encoder_attn.v_proj',
    kind: 'weight',
  });
  assert.deepEqual(tensorPlace('encoder.embed_tokens.weight'), {
    name: 'encoder.embed_tokens.weight',
    side: 'encoder',
    part: 'embed_tokens',
    kind: 'weight',
  });
});

test('arms that cannot be run are refused before anything starts', () => {
  const refused: [Record<string, unknown>, RegExp][] = [
    [{ 'ablation.arms': {} }, /has no ablation\.arms/],
    [{ 'ablation.baseline': 'warm' }, /ablation\.baseline is "warm", expected one of the arms: no-warmup, warmup, hot/],
    [{ 'ablation.seeds': [1, 1] }, /has a seed twice/],
    [{ 'ablation.arms': { a: {}, A: {} } }, /arms "a" and "A", which differ only in letter case: many file systems/],
    [
      { 'ablation.arms': { warmup: { 'train.lrr': 1 } } },
      /ablation\.arms\.warmup: unknown setting train\.lrr; did you mean train\.lr\?/,
    ],
    [
      { 'ablation.arms': { warmup: { seed: 3 } } },
      /ablation\.arms\.warmup sets seed, which belongs to the ablation as a whole/,
    ],
    [{ 'ablation.arms': { warmup: { 'train.maxUpdates': 0 } } }, /ablation\.arms\.warmup: .*training would never end/],
    [
      { 'metainit.iterations': 3, 'ablation.arms': { warmup: {}, both: { preset: 'gradinit-adam' } } },
      /ablation\.arms\.both: gradinit\.algorithm and metainit\.iterations are both set/,
    ],
    [
      { 'ablation.arms': { warmup: { preset: 'warm-up' } } },
      /ablation\.arms\.warmup has the preset "warm-up", expected one of warmup, no-warmup,.* Did you mean warmup\?$/,
    ],
    [{ 'ablation.arms': ['warmpu'] }, /ablation\.arms\.warmpu has the preset "warmpu".* Did you mean warmup\?$/],
    [
      { 'ablation.grid': { 'train.beta2': [0.9, 2] } },
      /ablation\.grid\.train\.beta2: train\.beta2 is 2, expected a number of at least 0 and below 1\./,
    ],
    [{ 'ablation.grid': { seed: [1] } }, /ablation\.grid sets seed/],
  ];
  for (const [changes, message] of refused)
    assert.throws(() => planAblation(changeConfig(config, changes, 'test'), folder), message);
});

test('runs that were made with other settings are all named before anything starts', () => {
  const plan = planAblation(changeConfig(config, { 'train.lr': 0.25, 'record.ratioUpdates': 7 }, 'test'), folder);
  assert.throws(
    () => checkExistingRuns(plan, folder),
    (error: Error) =>
      (error.message.match(/^    train\.lr: 0\.0005 → 0\.25$/gm) ?? []).length === 4 &&
      /no-warmup\/seed-1/.test(error.message),
  );
});

test('estimate', () => {
  assert.equal(estimate([undefined]), undefined);
  assert.deepEqual(estimate([3, undefined]), { mean: 3, count: 1 });
  assert.deepEqual(estimate([1, 2, 3]), { mean: 2, standardError: Math.sqrt(1 / 3), count: 3 });
});
