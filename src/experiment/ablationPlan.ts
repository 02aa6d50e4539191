import { join } from 'node:path';
import { changeConfig, configDifferences } from '../config/loadConfig.js';
import type { Config } from '../config/schema.js';
import { UsageError } from '../errors.js';
import { runConfig } from './runFolder.js';
import { trainOptions } from './trainOptions.js';

/** One run of an ablation: an arm with a seed. */
export interface PlannedRun {
  readonly arm: string;
  readonly seed: number;
  readonly runDir: string;
  readonly config: Config;
}

export interface AblationPlan {
  readonly baseline: string;
  /** Arms in the order of the configuration, with how each differs from the baseline. */
  readonly arms: readonly { readonly name: string; readonly differences: readonly string[] }[];
  /** Every arm with the first seed, then every arm with the second, and so on: comparisons come early. */
  readonly runs: readonly PlannedRun[];
}

/**
 * The runs that a configuration's `ablation` section asks for, each checked as far as it can be before it starts.
 *
 * @param dir folder of the ablation; each run gets `ARM/seed-N` below it
 * @throws UsageError if there are no arms, or one cannot be run
 */
export function planAblation(config: Config, dir: string): AblationPlan {
  const { arms, seeds, baseline = Object.keys(arms)[0] } = config.ablation;
  const names = Object.keys(arms);
  if (names.length === 0) throw new UsageError('the configuration has no ablation.arms. See configs/ablate-builtin.yaml for an example.');
  if (!names.includes(baseline)) throw new UsageError(`ablation.baseline is "${baseline}", expected one of the arms: ${names.join(', ')}.`);
  if (new Set(seeds).size !== seeds.length) throw new UsageError(`ablation.seeds has a seed twice: ${seeds.join(', ')}.`);

  const configs = new Map(names.map((name) => {
    for (const key of Object.keys(arms[name])) {
      if (/^(ablation\b|seed$)/.test(key)) throw new UsageError(`ablation.arms.${name} sets ${key}, which belongs to the ablation as a whole.`);
    }
    const changed = runConfig(changeConfig(config, arms[name], `ablation.arms.${name}`));
    trainOptions(changed);
    return [name, changed];
  }));
  return {
    baseline,
    arms: names.map((name) => ({ name, differences: configDifferences(configs.get(baseline)!, configs.get(name)!) })),
    runs: seeds.flatMap((seed) => names.map((arm) => ({ arm, seed, runDir: join(dir, arm, `seed-${seed}`), config: { ...configs.get(arm)!, seed } }))),
  };
}
