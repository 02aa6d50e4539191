import { UsageError } from '../errors.js';
import { suggest } from '../suggest.js';
import type { AblationPlan } from './ablationPlan.js';

/**
 * One part of a plan's runs, of `count` parts that differ by no more than a run: those whose number leaves `index` when
 * divided by `count`.
 */
export interface Shard {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

/** Which runs of a plan a command does or shows. */
export interface RunChoice {
  /** Only the runs of these arms. Default: all arms. */
  readonly arms?: readonly string[];
  /** Only this part of them: what one machine does among several that share no disk. Default: all. */
  readonly shard?: Shard;
}

/**
 * A plan with the chosen runs only, in its order; the plan itself where nothing is chosen.
 * @throws UsageError if the plan has no arm of a name
 */
export function chosenRuns(plan: AblationPlan, { arms, shard }: RunChoice): AblationPlan {
  if (arms === undefined && shard === undefined) return plan;
  if (arms !== undefined) checkNames(plan, arms);
  const ofArms = arms === undefined ? plan.runs : plan.runs.filter(({ arm }) => arms.includes(arm));
  const runs = shard === undefined ? ofArms : ofArms.filter((_, number) => number % shard.count === shard.index);
  return { ...plan, runs };
}

/** A choice in words: "shard 2/8", "the arms warmup, cold", or both with "of"; undefined where all runs are chosen. */
export function choiceText({ arms, shard }: RunChoice): string | undefined {
  const parts = [
    ...(shard === undefined ? [] : [`shard ${shard.index + 1}/${shard.count}`]),
    ...(arms === undefined ? [] : [`the ${arms.length === 1 ? 'arm' : 'arms'} ${arms.join(', ')}`]),
  ];
  return parts.length === 0 ? undefined : parts.join(' of ');
}

function checkNames(plan: AblationPlan, arms: readonly string[]): void {
  const known = plan.arms.map(({ name }) => name);
  for (const name of arms) {
    if (known.includes(name)) continue;
    const guess = suggest(name, known);
    throw new UsageError(
      `--arms has ${JSON.stringify(name)}, expected some of the configuration's arms: ${known.join(', ')}.${guess ? ` Did you mean ${guess}?` : ''}`,
    );
  }
}
