import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { changeConfig, defaultConfig } from '../config/loadConfig.js';
import { ablationMarkdown, ablationText } from '../report/ablationReport.js';
import { planAblation } from './ablationPlan.js';
import { estimate, summarizeAblation } from './ablationResults.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-ablation-'));
after(() => rmSync(folder, { recursive: true }));

const config = changeConfig(defaultConfig(), {
  'train.maxUpdates': 10, 'ablation.seeds': [1, 2], 'ablation.baseline': 'warmup',
  'ablation.arms': { 'no-warmup': { 'train.warmupInitLr': -1 }, warmup: {}, hot: { 'train.lr': 1 } },
}, 'test');

function finish(arm: string, seed: number, bleu: number | undefined): void {
  const dir = join(folder, arm, `seed-${seed}`);
  mkdirSync(dir, { recursive: true });
  const best = { update: 10, epoch: 1, loss: 2, perplexity: 4, bleu: 50 };
  writeFileSync(join(dir, 'scores.json'), JSON.stringify({
    status: bleu === undefined ? 'diverged' : 'finished', backend: 'wasm', updates: 10, epochs: 1, trgTokens: 100, trainSeconds: 60, initSeconds: 30, best,
    ...(bleu !== undefined && { test: { bleu, signature: 'sig', precisions: [], bp: 1, sysLen: 1, refLen: 1, checkpoint: 'best', seconds: 1 } }),
  }));
}

test('means, standard errors and paired differences', () => {
  const plan = planAblation(config, folder);
  assert.deepEqual(plan.runs.map(({ arm, seed }) => `${arm}/${seed}`), ['no-warmup/1', 'warmup/1', 'hot/1', 'no-warmup/2', 'warmup/2', 'hot/2']);
  assert.deepEqual(plan.runs[3].config.seed, 2);
  assert.deepEqual(plan.arms[0], { name: 'no-warmup', differences: ['train.warmupInitLr: 1e-7 → -1'] });

  finish('warmup', 1, 30);
  finish('warmup', 2, 34);
  finish('no-warmup', 1, 20);
  finish('no-warmup', 2, 27);
  finish('hot', 1, undefined);
  const results = summarizeAblation(plan);
  const [noWarmup, warmup, hot] = results.arms;
  assert.deepEqual(warmup.testBleu, { mean: 32, standardError: 2, count: 2 });
  assert.equal(warmup.testBleuDifference, undefined);
  assert.deepEqual(noWarmup.testBleuDifference, { mean: -8.5, standardError: 1.5, count: 2 });
  assert.deepEqual([hot.complete, hot.diverged, hot.testBleu, hot.validLoss], [1, 1, undefined, undefined]);
  assert.equal(noWarmup.seconds!.mean, 90);

  const text = ablationText(results);
  assert.match(text, /^no-warmup +23\.50 ± 3\.50 +-8\.50 ± 1\.50 +50\.00 ± 0\.00 +2\.000 ± 0\.000 +4 +0 of 2 +1m30s +30s$/m);
  assert.match(text, /^hot +- +- +- +1 of 1 +1m30s +30s$/m);
  assert.match(ablationMarkdown(results), /^\| hot\/seed-2 \| not complete \|/m);
});

test('arms that cannot be run are refused before anything starts', () => {
  const refused: [Record<string, unknown>, RegExp][] = [
    [{ 'ablation.arms': {} }, /has no ablation\.arms/],
    [{ 'ablation.baseline': 'warm' }, /ablation\.baseline is "warm", expected one of the arms: no-warmup, warmup, hot/],
    [{ 'ablation.seeds': [1, 1] }, /has a seed twice/],
    [{ 'ablation.arms': { warmup: { 'train.lrr': 1 } } }, /ablation\.arms\.warmup: unknown setting train\.lrr; did you mean train\.lr\?/],
    [{ 'ablation.arms': { warmup: { seed: 3 } } }, /ablation\.arms\.warmup sets seed, which belongs to the ablation as a whole/],
    [{ 'ablation.arms': { warmup: { 'train.maxUpdates': 0 } } }, /training would never end/],
  ];
  for (const [changes, message] of refused) assert.throws(() => planAblation(changeConfig(config, changes, 'test'), folder), message);
});

test('estimate', () => {
  assert.equal(estimate([undefined]), undefined);
  assert.deepEqual(estimate([3, undefined]), { mean: 3, count: 1 });
  assert.deepEqual(estimate([1, 2, 3]), { mean: 2, standardError: Math.sqrt(1 / 3), count: 3 });
});
