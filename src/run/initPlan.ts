import type { Config } from '../config/schema.js';
import type { PairSource } from '../data/pairSource.js';
import type { Branch } from '../gradinit/scaleOptimizer.js';
import { initCost } from '../initial/initCost.js';
import type { InitTask, LearnedInit } from '../initial/learnedInit.js';
import { chosenInit, settingsOf } from '../initial/learnedInits.js';
import { defaultsByGradInit, optimizerOptions } from '../config/trainOptions.js';
import { epochShape, runLength, scheduleLead } from './epochShape.js';

/** The expected cost of learning or profiling initial parameters, in updates of training like `initCost`. */
export interface InitPlan {
  /** Name of the learned initialisation. */
  readonly stage: string;
  /** Iterations; 1 for profiling. */
  readonly total: number;
  /** Iterations finished before an interruption. */
  readonly done: number;
  /** The cost of the iterations. */
  readonly spent: { readonly updates: number; readonly seconds: number };
  /**
   * The cost of the remaining iterations; GradInit's cost more when they serve the constraint, which is known only
   * afterwards.
   */
  readonly least: number;
  readonly most: number;
  /** The part of these that GradInit's check after its iterations costs. */
  readonly checks: number;
  /** Updates of the run, including those that `counted` subtracts; undefined if only patience ends it. */
  readonly runUpdates?: number;
  /** `train.countInit`: the cost is subtracted from the run's updates. */
  readonly counted: boolean;
  /** Batch size of an iteration. */
  readonly maxTokens: number;
}

/** A finished iteration, of GradInit with its branch. */
interface Finished {
  readonly seconds: number;
  readonly branch?: Branch;
}

/**
 * The cost of a configuration's learning or profiling, computed from its batches; undefined if it does neither.
 * @param done iterations finished before an interruption
 */
export function initPlan(
  config: Config,
  trainPairs: PairSource,
  done: readonly Finished[] = [],
  methods?: readonly LearnedInit[],
): InitPlan | undefined {
  const method = chosenInit(config, methods);
  if (method === undefined) return undefined;
  const { total, checks = 0, maxTokens, next } = method.uses(initTask(config, method, trainPairs));
  const { updatesPerEpoch, tokensPerUpdate } = epochShape(trainPairs, config);
  let [spent, least, most, checked] = [0, 0, 0, 0];
  for (let i = 0; i < total + checks; i++) {
    const uses = next(i);
    const updates = (branch: Branch): number => initCost(uses(branch), tokensPerUpdate, 0).updateEquivalents;
    if (i < done.length) spent += updates(done[i].branch ?? 'objective');
    else {
      const costs = [updates('objective'), updates('constraint')];
      least += Math.min(...costs);
      most += Math.max(...costs);
      if (i >= total) checked += Math.min(...costs);
    }
  }
  return {
    stage: method.name,
    total,
    done: done.length,
    spent: { updates: spent, seconds: done.reduce((sum, { seconds }) => sum + seconds, 0) },
    least,
    most,
    checks: checked,
    runUpdates: runLength(config, updatesPerEpoch),
    counted: config.train.countInit,
    maxTokens,
  };
}

/** The parts of a configuration for a method. */
export function initTask(config: Config, method: LearnedInit, trainPairs: PairSource): InitTask<never> {
  const { seed, train } = config;
  const lead = train.extraEpoch === 'none' ? {} : scheduleLead(config, epochShape(trainPairs, config).updatesPerEpoch);
  return {
    settings: settingsOf(config, method),
    seed,
    train: { ...train, ...optimizerOptions(config), warmupInitLr: defaultsByGradInit(config).warmupInitLr, ...lead },
    trainPairs,
  };
}

/** The remaining cost, if half of GradInit's iterations serve the constraint. */
export function expectedUpdates({ least, most }: InitPlan): number {
  return (least + most) / 2;
}
