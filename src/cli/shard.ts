import { InvalidArgumentError } from 'commander';
import type { Shard } from '../ablation/runChoice.js';

/**
 * The part of the runs that `--shard` names.
 * @param text "2/8": the second of eight parts; "slurm": this task's among those of Slurm's job array
 */
export function parseShard(text: string, _previous?: unknown, env: NodeJS.ProcessEnv = process.env): Shard {
  if (text === 'slurm') return slurmShard(env);
  const [, part, count] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (part === undefined || Number(part) < 1 || Number(part) > Number(count))
    throw new InvalidArgumentError(`Expected i/n with i from 1 to n, e.g. 2/8, or slurm.`);
  return { index: Number(part) - 1, count: Number(count) };
}

function slurmShard(env: NodeJS.ProcessEnv): Shard {
  const [task, least, count] = ['ID', 'MIN', 'COUNT'].map((name) => Number(env[`SLURM_ARRAY_TASK_${name}`] ?? NaN));
  const step = Number(env['SLURM_ARRAY_TASK_STEP'] ?? 1);
  const index = (task - least) / step;
  if (!Number.isInteger(index) || !(count >= 1) || index < 0 || index >= count)
    throw new InvalidArgumentError(
      'SLURM_ARRAY_TASK_ID, _MIN and _COUNT name no task of a job array: submit with sbatch --array=1-8, or give i/n.',
    );
  return { index, count };
}
