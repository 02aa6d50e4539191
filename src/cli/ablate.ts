import { Command } from 'commander';
import { schema, type Config } from '../config/schema.js';
import { counted } from '../counted.js';
import { ablationFiles } from '../ablation/ablationFiles.js';
import type { RunChoice, Shard } from '../ablation/runChoice.js';
import { armPresets } from '../ablation/armPresets.js';
import { parseShard } from './shard.js';
import { backendOption, configOption, fieldValue, ignoreMemoryOption, jsonOption, setOption } from './options.js';

interface AblateFlags {
  config: string;
  run?: string;
  set: string[];
  backend?: string;
  parallel?: number;
  arms?: string[];
  shard?: Shard;
  ignoreMemory?: boolean;
  dryRun?: boolean;
  status?: boolean;
  json?: boolean;
}

const presetLines = Object.entries(armPresets)
  .map(([name, { summary }]) => `  ${name.padEnd(22)}${summary}`)
  .join('\n');

export function ablateCommand(): Command {
  return new Command('ablate')
    .description(
      'Trains every arm of a configuration with every seed, in every cell of its grid, and compares them: BLEU, significance, loss, divergence, time.',
    )
    .addOption(configOption())
    .option('--run <dir>', 'folder of the ablation (default: runs/ and the name of the configuration)')
    .addOption(setOption())
    .addOption(backendOption())
    .option(
      '--parallel <n>',
      'runs at the same time (default: ablation.parallel)',
      fieldValue(schema.ablation.parallel),
    )
    .option('--arms <names>', 'do only the runs of these arms, separated by commas', (text: string) => [
      ...new Set(text.split(',').map((name) => name.trim())),
    ])
    .option(
      '--shard <i/n>',
      'do only part i of n of the runs, on one of n machines; "slurm" takes both numbers from the job array',
      parseShard,
    )
    .option(
      '--dry-run',
      'say what would run, how long it takes, from measured steps, and the memory; nothing is written',
    )
    .option('--status', 'say which runs are done; start nothing')
    .addOption(ignoreMemoryOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
The configuration lists the arms: a name and the keys it changes, or presets by name (docs/reference/experiments.md):
${presetLines}
Complete runs are kept and unfinished ones resume, so the same command continues an interrupted ablation.
A run that diverges is a result, not an error. The folder gets results.json, results.md and one run per arm, cell and seed.

Examples:
  coldstart ablate -c configs/ablate-builtin.yaml --dry-run
  coldstart ablate -c configs/ablate-builtin.yaml
  coldstart ablate -c configs/ablate-builtin.yaml --status
  coldstart ablate -c configs/ablate-builtin.yaml --set ablation.seeds=[1,2,3] --run runs/three-seeds
  coldstart ablate -c configs/ablate-builtin.yaml --arms warmup,no-warmup     the others stay in the plan
  coldstart ablate -c configs/ablate-builtin.yaml --shard 2/8     the second of eight machines; copy the folders together afterwards`,
    )
    .action(async (flags: AblateFlags) => {
      const [
        { basename },
        { loadConfig },
        { ablate, resultsOf },
        { ablationMarkdown, ablationText },
        { AblationProgress },
        { progressOutput },
        { writeFileAtomic },
        { abortOnInterrupt },
      ] = await Promise.all([
        import('node:path'),
        import('../config/loadConfig.js'),
        import('../ablation/ablate.js'),
        import('../report/text/ablationReport.js'),
        import('../report/progress/ablationProgress.js'),
        import('../report/progress/progressBar.js'),
        import('../storage/atomicFile.js'),
        import('./interrupts.js'),
      ]);
      const config = loadConfig(flags.config, [...flags.set, ...(flags.backend ? [`backend=${flags.backend}`] : [])]);
      const dir = flags.run ?? `runs/${basename(flags.config).replace(/\.ya?ml$/, '')}`;
      if (flags.status) return showStatus(config, dir, flags);
      if (flags.dryRun) return showPlan(config, dir, flags);
      const progress = new AblationProgress(progressOutput(), { parallel: flags.parallel ?? config.ablation.parallel });
      const results = await ablate({
        config,
        dir,
        parallel: flags.parallel,
        choice: choiceOf(flags),
        ignoreMemory: flags.ignoreMemory,
        signal: abortOnInterrupt('The current runs are saved; the same command resumes them.'),
        onPlan: (plan) => progress.plan(plan),
        onEvent: (run, event) => progress.event(run, event),
        onResults: (current) => writeFileAtomic(ablationFiles(dir).table, ablationMarkdown(current)),
      });
      progress.finish();
      if (flags.json) console.log(JSON.stringify(resultsOf(results), null, 2));
      else
        console.log(
          `\n${ablationText(results, process.stdout.columns || undefined)}\nresults: ${ablationFiles(dir).table}, ${ablationFiles(dir).results}`,
        );
    });
}

const choiceOf = ({ arms, shard }: AblateFlags): RunChoice => ({ arms, shard });

async function showStatus(config: Config, dir: string, { json, ...flags }: AblateFlags): Promise<void> {
  const [
    { planAblation },
    { chosenRuns },
    { planRecord },
    { runsWithOtherSettings },
    { gatherRun },
    { readRunFailures },
    { statusText },
  ] = await Promise.all([
    import('../ablation/ablationPlan.js'),
    import('../ablation/runChoice.js'),
    import('../ablation/planFile.js'),
    import('../ablation/existingRuns.js'),
    import('../ablation/gatherRun.js'),
    import('../ablation/runFailures.js'),
    import('../report/text/ablationPlanReport.js'),
  ]);
  const plan = chosenRuns(planAblation(config, dir), choiceOf(flags));
  const failures = readRunFailures(dir);
  const runs = planRecord(dir, plan).runs.map((planned, i) =>
    gatherRun(plan.runs[i].runDir, planned, failures[planned.key]?.message),
  );
  if (json)
    console.log(
      JSON.stringify(
        runs.map(({ key, arm, cell, seed, state, failure, updates, maxUpdates }) => ({
          key,
          arm,
          cell,
          seed,
          state,
          failure,
          updates,
          maxUpdates,
        })),
        null,
        2,
      ),
    );
  else console.log(statusText(runs, plan.arms, Date.now()));
  const others = runsWithOtherSettings(plan);
  if (others.length > 0)
    console.error(
      `coldstart: ${counted(others.length, 'of these runs was', 'of these runs were')} made with other settings than this configuration has, the first in ${others[0]}. Give the same --set as they were made with, or another --run.`,
    );
}

async function showPlan(config: Config, dir: string, flags: AblateFlags): Promise<void> {
  const { parallel = config.ablation.parallel, ignoreMemory } = flags;
  const [
    { planAblation },
    { chosenRuns },
    { planEstimateRecord },
    { checkExistingRuns },
    { estimatePlan },
    { limitThreads },
    { dryRunText },
  ] = await Promise.all([
    import('../ablation/ablationPlan.js'),
    import('../ablation/runChoice.js'),
    import('../ablation/planFile.js'),
    import('../ablation/existingRuns.js'),
    import('../ablation/estimateTime.js'),
    import('../ablation/runProcess.js'),
    import('../report/text/ablationPlanReport.js'),
  ]);
  const plan = planAblation(config, dir);
  checkExistingRuns(plan, dir);
  Object.assign(process.env, limitThreads(parallel)); // before a backend starts its threads
  const choice = choiceOf(flags);
  const own = chosenRuns(plan, choice);
  const estimate = await estimatePlan(own, ({ arm }) => process.stderr.write(`measuring ${arm}\n`), ignoreMemory);
  if (flags.json) console.log(JSON.stringify(planEstimateRecord(dir, own, estimate), null, 2));
  else console.log(dryRunText(plan, estimate, parallel, choice));
}
