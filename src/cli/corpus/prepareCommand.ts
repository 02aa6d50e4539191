import { Command } from 'commander';
import type { PreparePlan, PrepareResult } from '../../corpus/prepare/prepareCorpus.js';
import { exitOnInterrupt } from '../interrupts.js';
import { atMost, configOption, jsonOption, positiveInteger, setOption } from '../options.js';

interface PrepareFlags {
  readonly config: string;
  readonly set: string[];
  readonly workers?: number;
  readonly shards?: number;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function prepareCommand(): Command {
  return new Command('prepare')
    .description(
      'Turns the text that a configuration names into ids on disk: normalise, tokenise, clean, lower-case, learn and apply subwords, vocabulary, binary datasets; a manifest with checksums for each stage.',
    )
    .addOption(configOption())
    .addOption(setOption())
    .option(
      '--workers <n>',
      'threads; the result does not depend on it (default: one per processor, at most 8)',
      atMost(512, positiveInteger),
    )
    .option(
      '--shards <n>',
      'files into which the training set is divided (default: one per million pairs)',
      positiveInteger,
    )
    .option('--dry-run', 'say which stages would run and why; write nothing')
    .option('--force', 'replace a corpus made from other inputs or settings')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Intermediate results are stored in DIR.stages: a stopped or killed run resumes where it was, and after a change only
the stages that depend on it run again. A second run with the same inputs does nothing; if inputs changed, it says which.

Examples:
  coldstart corpus prepare -c configs/multi30k-en-de.yaml
  coldstart corpus prepare -c configs/multi30k-en-de.yaml --set corpus.vocabulary.minCount=2 --force --dry-run
  coldstart corpus prepare -c configs/multi30k-en-de.yaml --set corpus.vocabulary.minCount=2 --set corpus.dir=runs/data/m30k-min2`,
    )
    .action(prepare);
}

async function prepare(flags: PrepareFlags): Promise<void> {
  const [
    { loadConfig },
    { prepareOptions },
    { planCorpus, prepareCorpus },
    { describeCorpus, describePlan, describeStages, showStages },
    { progressOutput },
  ] = await Promise.all([
    import('../../config/loadConfig.js'),
    import('../../config/prepareOptions.js'),
    import('../../corpus/prepare/prepareCorpus.js'),
    import('../../report/text/corpusReport.js'),
    import('../../report/progress/progressBar.js'),
  ]);
  const shards = flags.shards === undefined ? [] : [`corpus.shards=${flags.shards}`];
  const options = prepareOptions(loadConfig(flags.config, [...flags.set, ...shards]));
  if (flags.dryRun) {
    const plan: PreparePlan = await planCorpus(options, { force: flags.force });
    console.log(flags.json ? JSON.stringify(plan, null, 2) : describePlan(options.outDir, plan, flags.force ?? false));
    return;
  }
  exitOnInterrupt('The same command resumes it.');
  const progress = showStages(progressOutput());
  let result: PrepareResult;
  try {
    result = await prepareCorpus(options, { force: flags.force, workers: flags.workers, onProgress: progress.show });
  } finally {
    progress.finish();
  }
  const { status, manifest, stages, seconds, warnings } = result;
  for (const warning of warnings) console.error(`note: ${warning}`);
  if (flags.json) {
    console.log(
      JSON.stringify(
        {
          status,
          seconds,
          stages: stages.map(({ stage, action, reasons, seconds: each }) => ({
            stage,
            action,
            reasons,
            seconds: each,
          })),
          ...manifest,
        },
        null,
        2,
      ),
    );
  } else {
    console.log(
      `${status === 'upToDate' ? `${options.outDir} is up to date; nothing was done.` : `${options.outDir} written in ${seconds.toFixed(1)} s${describeStages(stages)}.`}\n${describeCorpus(manifest)}`,
    );
  }
}
