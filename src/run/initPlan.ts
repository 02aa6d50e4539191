import { boundsNorm, gradInitSettings } from '../config/gradInitSettings.js';
import type { Config } from '../config/schema.js';
import { gradInitParts } from '../data/batch.js';
import type { PairSource } from '../data/dataset.js';
import type { Branch } from '../gradinit/scaleOptimizer.js';
import { cycleBatches } from './cycleBatches.js';
import { epochShape, runLength } from './epochShape.js';
import { checkedBatches } from './gradInitCheck.js';
import { checkUses, gradInitUses, initCost, metaInitUses, passes, type BatchUse } from './initCost.js';

/** What learning or profiling initial parameters costs, before it is done. Costs are in updates of training, as `initCost` counts. */
export interface InitPlan {
  readonly stage: 'gradinit' | 'metainit' | 'admin';
  /** Iterations; 1 for Admin's profiling. */
  readonly total: number;
  /** Iterations finished before an interruption. */
  readonly done: number;
  /** What they cost. */
  readonly spent: { readonly updates: number; readonly seconds: number };
  /** What the iterations left cost; GradInit's cost more when they serve the constraint, which only they show. */
  readonly least: number;
  readonly most: number;
  /** Updates of the run, those that `counted` takes off included; undefined if only patience ends it. */
  readonly runUpdates?: number;
  /** `train.countInit`: the cost is taken off the run's updates. */
  readonly counted: boolean;
  /** Batch size of an iteration. */
  readonly maxTokens: number;
}

/** A finished iteration, of GradInit with its branch. */
interface Finished {
  readonly seconds: number;
  readonly branch?: Branch;
}

/** One of the two methods' iterations, or profiling: what each next one uses, by the branch that it takes. */
interface Work {
  readonly stage: InitPlan['stage'];
  readonly total: number;
  readonly maxTokens: number;
  /** Batches of GradInit's check after the iterations. */
  readonly checks?: number;
  readonly next: (index: number) => (branch: Branch) => BatchUse[];
}

/**
 * The cost of what a configuration learns or profiles, by the batches that it will take; undefined if it does neither.
 * @param done iterations finished before an interruption
 */
export function initPlan(config: Config, trainPairs: PairSource, done: readonly Finished[] = []): InitPlan | undefined {
  const work = workOf(config, trainPairs);
  if (work === undefined) return undefined;
  const { stage, total, checks = 0, maxTokens, next } = work;
  const { updatesPerEpoch, tokensPerUpdate } = epochShape(trainPairs, config);
  let [spent, least, most] = [0, 0, 0];
  for (let i = 0; i < total + checks; i++) {
    const uses = next(i);
    const updates = (branch: Branch): number => initCost(uses(branch), tokensPerUpdate, 0).updateEquivalents;
    if (i < done.length) spent += updates(done[i].branch ?? 'objective');
    else {
      const costs = [updates('objective'), updates('constraint')];
      least += Math.min(...costs);
      most += Math.max(...costs);
    }
  }
  return {
    stage,
    total,
    done: done.length,
    spent: { updates: spent, seconds: done.reduce((sum, { seconds }) => sum + seconds, 0) },
    least,
    most,
    runUpdates: runLength(config, updatesPerEpoch),
    counted: config.train.countInit,
    maxTokens,
  };
}

/** What is left, if half of GradInit's iterations serve the constraint. */
export function expectedUpdates({ least, most }: InitPlan): number {
  return (least + most) / 2;
}

function workOf(config: Config, trainPairs: PairSource): Work | undefined {
  const { metainit, model, train } = config;
  const gradinit = gradInitSettings(config.gradinit);
  if (gradinit.algorithm !== 'none') {
    const { iterations, maxTokens = train.maxTokens, scaled } = gradinit;
    const isBounded = boundsNorm(config.gradinit);
    const nextBatch = cycleBatches(trainPairs, config, { maxTokens, leastSentences: 3 });
    const next = (index: number): ((branch: Branch) => BatchUse[]) => {
      const { first, second } = gradInitParts(nextBatch());
      const tokens = [first.trgTokens, second.trgTokens] as const;
      return index < iterations
        ? (branch) => gradInitUses(isBounded ? branch : 'objective', ...tokens, scaled)
        : () => checkUses(...tokens);
    };
    return { stage: 'gradinit', total: iterations, checks: gradinit.fallBack ? checkedBatches : 0, maxTokens, next };
  }
  const each = (
    stage: InitPlan['stage'],
    total: number,
    maxTokens: number,
    uses: (trgTokens: number) => BatchUse[],
  ) => {
    const nextBatch = cycleBatches(trainPairs, config, { maxTokens });
    const next = (): (() => BatchUse[]) => {
      const { trgTokens } = nextBatch();
      return () => uses(trgTokens);
    };
    return { stage, total, maxTokens, next };
  };
  if (metainit.iterations > 0)
    return each('metainit', metainit.iterations, metainit.maxTokens ?? train.maxTokens, metaInitUses);
  if (model.residual === 'admin')
    return each('admin', 1, train.maxTokens, (trgTokens) => [{ trgTokens, passes: passes.forward }]);
  return undefined;
}
