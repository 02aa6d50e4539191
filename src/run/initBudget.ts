import type { Config } from '../config/schema.js';
import { counted } from '../counted.js';
import type { PairSource } from '../data/pairSource.js';
import { UsageError } from '../errors.js';
import type { LearnedInit } from '../initial/learnedInit.js';
import { initPlan } from './initPlan.js';

/**
 * The number of updates that initialisation subtracts from the run's.
 * @param costs the verb for the message: before the work, or after it
 * @throws UsageError if nothing is left
 */
export function checkBudget({ train }: Pick<Config, 'train'>, costs: string, updates: number): number {
  const { countInit, maxUpdates } = train;
  const cost = countInit && maxUpdates > 0 ? Math.ceil(updates) : 0;
  if (cost > 0 && cost >= maxUpdates) {
    throw new UsageError(
      `initialisation ${costs} as much as ${counted(cost, 'update')}, train.maxUpdates is ${maxUpdates}: nothing is left for training. Raise it, learn for fewer iterations or on smaller batches, or set train.countInit to false.`,
    );
  }
  return cost;
}

/** @throws UsageError if even the least cost of learning leaves nothing for training, before anything is learned */
export function checkPlannedBudget(config: Config, trainPairs: PairSource, methods?: readonly LearnedInit[]): void {
  if (!config.train.countInit || config.train.maxUpdates === 0) return; // the plan reads the lengths of all pairs
  const plan = initPlan(config, trainPairs, [], methods);
  if (plan !== undefined) checkBudget(config, 'will cost at least', plan.least);
}
