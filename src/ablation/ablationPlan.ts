import { join } from 'node:path';
import { changeConfig, configDifferences } from '../config/loadConfig.js';
import type { Config } from '../config/schema.js';
import { UsageError } from '../errors.js';
import { isAblationFile } from './ablationFiles.js';
import { armPresets } from './armPresets.js';
import { checkSettings } from '../run/checkSettings.js';
import { runConfig } from '../run/runFolder.js';
import { suggest } from '../suggest.js';

/** A value of a grid's axis. */
export type AxisValue = string | number | boolean;

/** One combination of the grid's values, by setting; empty without a grid. */
export type Cell = Readonly<Record<string, AxisValue>>;

export interface PlannedArm {
  readonly name: string;
  readonly preset?: string;
  /** What the preset does and where it was published. */
  readonly summary?: string;
  readonly source?: string;
  /** How it differs from the baseline, as `key: a → b`; in the grid's first cell. */
  readonly differences: readonly string[];
}

/** One run of an ablation: an arm in a cell of the grid with a seed. */
export interface PlannedRun {
  readonly arm: string;
  readonly cell: Cell;
  readonly seed: number;
  readonly runDir: string;
  readonly config: Config;
}

export interface AblationPlan {
  readonly baseline: string;
  readonly seeds: readonly number[];
  readonly axes: readonly { readonly key: string; readonly values: readonly AxisValue[] }[];
  /** In the order of the configuration. */
  readonly arms: readonly PlannedArm[];
  /** Every arm in every cell with the first seed, then with the second, and so on: comparisons come early. */
  readonly runs: readonly PlannedRun[];
}

/**
 * The runs of a configuration's `ablation` section, each checked as far as possible before it starts.
 *
 * A run's settings take precedence in this order: its cell's, its arm's, its preset's, the configuration's.
 * Presets see the cell's values.
 *
 * @param dir folder of the ablation; each run gets `ARM/seed-N` below it, with a grid `ARM/CELL/seed-N`
 * @throws UsageError if there are no arms, or one cannot be run
 */
export function planAblation(config: Config, dir: string): AblationPlan {
  const { arms, seeds, grid, baseline = Object.keys(arms)[0] } = config.ablation;
  const names = Object.keys(arms);
  if (names.length === 0)
    throw new UsageError('the configuration has no ablation.arms. See configs/ablate-builtin.yaml for an example.');
  for (const name of names) {
    if (isAblationFile(name))
      throw new UsageError(
        `ablation.arms has an arm "${name}", the name of a file of the ablation. Give it another name.`,
      );
    const like = names.find((other) => other !== name && other.toLowerCase() === name.toLowerCase());
    if (like !== undefined)
      throw new UsageError(
        `ablation.arms has the arms "${name}" and "${like}", which differ only in letter case: many file systems take their folders for one. Give one another name.`,
      );
    checkPreset(name, arms[name].preset);
  }
  if (!names.includes(baseline))
    throw new UsageError(`ablation.baseline is "${baseline}", expected one of the arms: ${names.join(', ')}.`);
  if (new Set(seeds).size !== seeds.length)
    throw new UsageError(`ablation.seeds has a seed twice: ${seeds.join(', ')}.`);
  for (const name of names) refuseOwnKeys(Object.keys(arms[name]), `ablation.arms.${name}`);
  refuseOwnKeys(Object.keys(grid), 'ablation.grid');

  const axes = Object.entries(grid).map(([key, values]) => ({
    key,
    values: values.map((value) => axisValue(key, value)),
  }));
  for (const { key, values } of axes) {
    if (new Set(values).size !== values.length)
      throw new UsageError(`ablation.grid.${key} has a value twice: ${values.join(', ')}.`);
  }
  const cells = combinations(axes);
  const configs = new Map(names.map((name) => [name, cells.map((cell) => armConfig(config, name, cell))]));
  return {
    baseline,
    seeds,
    axes,
    arms: names.map((name) => {
      const preset = arms[name].preset as string | undefined;
      const { summary, source } = preset === undefined ? {} : armPresets[preset];
      return {
        name,
        preset,
        summary,
        source,
        differences: configDifferences(configs.get(baseline)![0], configs.get(name)![0]),
      };
    }),
    runs: seeds.flatMap((seed) =>
      cells.flatMap((cell, c) =>
        names.map((arm) => ({
          arm,
          cell,
          seed,
          runDir: join(dir, arm, cellName(cell), `seed-${seed}`),
          config: { ...configs.get(arm)![c], seed },
        })),
      ),
    ),
  };
}

/** A cell as the name of a folder and of a row: `train.lr=0.001,train.beta2=0.98`; empty without a grid. */
export function cellName(cell: Cell): string {
  return Object.entries(cell)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function armConfig(config: Config, name: string, cell: Cell): Config {
  const { preset, ...own } = config.ablation.arms[name];
  const inCell = changeConfig(config, cell, 'ablation.grid');
  const changes = { ...(preset !== undefined && armPresets[preset as string].changes(inCell)), ...own, ...cell };
  const changed = changeConfig(
    inCell,
    { ...changes, ...(config.ablation.equalBudget && { 'train.countInit': true }) },
    `ablation.arms.${name}`,
  );
  const result = runConfig(changed);
  try {
    // contradictions are reported before anything runs
    checkSettings(result);
  } catch (cause) {
    throw new UsageError(`ablation.arms.${name}: ${(cause as Error).message}`, { cause });
  }
  return result;
}

function checkPreset(arm: string, preset: unknown): void {
  if (preset === undefined || Object.hasOwn(armPresets, preset as string)) return;
  const known = Object.keys(armPresets);
  const guess = suggest(String(preset), known);
  throw new UsageError(
    `ablation.arms.${arm} has the preset ${JSON.stringify(preset)}, expected one of ${known.join(', ')}.${guess ? ` Did you mean ${guess}?` : ''}`,
  );
}

function refuseOwnKeys(keys: readonly string[], where: string): void {
  for (const key of keys) {
    if (/^(ablation\b|seed$)/.test(key))
      throw new UsageError(`${where} sets ${key}, which belongs to the ablation as a whole.`);
  }
}

/** Values become names of folders. */
function axisValue(key: string, value: unknown): AxisValue {
  if (
    (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') &&
    /^[\w.+-]+$/.test(String(value))
  )
    return value;
  throw new UsageError(
    `ablation.grid.${key} has the value ${JSON.stringify(value)}, expected a number, true, false or a word.`,
  );
}

function combinations(axes: AblationPlan['axes']): Cell[] {
  return axes.reduce<Cell[]>(
    (cells, { key, values }) => cells.flatMap((cell) => values.map((value) => ({ ...cell, [key]: value }))),
    [{}],
  );
}
