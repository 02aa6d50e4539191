import { Command } from 'commander';
import { shellWord } from '../format.js';
import { setOption } from './options.js';

/** The places of the built-in corpus and the runs, in the current folder. */
const corpusDir = 'runs/data/builtin';
const runDir = 'runs/quickstart';
const configFile = 'configs/quickstart.yaml';
/** What `configFile` extends: the corpus, and a model. */
const corpusConfig = 'configs/builtin.yaml';

export function quickstartCommand(): Command {
  return new Command('quickstart')
    .description(
      'Warmup, no warmup, GradInit and the preset cold on the built-in corpus, compared in a table: makes the text and the ids, then trains five runs.',
    )
    .addOption(setOption())
    .addHelpText(
      'after',
      `
Takes 1 to 4 minutes on 2 cores with the native engine, about ten times as long without it. What is done already is kept; Ctrl-C saves,
and the same command resumes. Everything is written into ${corpusDir} and ${runDir} of the current folder;
--set corpus.dir=DIR prepares the ids in another folder.

Examples:
  coldstart quickstart
  coldstart quickstart --set ablation.seeds=[1,2,3]`,
    )
    .action(async ({ set }: { set: string[] }) => {
      const [{ loadConfig, settingKey }, { prepareOptions }, { planAblation }] = await Promise.all([
        import('../config/loadConfig.js'),
        import('../config/prepareOptions.js'),
        import('../ablation/ablationPlan.js'),
      ]);
      // a wrong setting is refused before the first step, not in the last one
      const config = loadConfig(configFile, set);
      const prepared = prepareOptions(config).outDir;
      planAblation(config, runDir);
      const given = (changes: readonly string[]): string[] => changes.flatMap((change) => ['--set', change]);
      const ofCorpus = set.filter((change) => settingKey(change).startsWith('corpus.'));
      const started = Date.now();
      const steps: [string, string[]][] = [
        ['text of the built-in corpus', ['corpus', 'synth', '--out', `${corpusDir}/text`]],
        ['text to ids', ['corpus', 'prepare', '-c', corpusConfig, ...given(ofCorpus)]],
        [
          'five ways to start training (Ctrl-C saves, the same command resumes)',
          ['ablate', '-c', configFile, '--run', runDir, ...given(set)],
        ],
      ];
      for (const [i, [what, args]] of steps.entries()) {
        console.log(`${i + 1}/${steps.length} ${what}`);
        const status = await runCommand(args);
        if (status !== 0) {
          process.exitCode = status;
          return;
        }
      }
      console.log(
        `quickstart took ${Math.round((Date.now() - started) / 1000)} s. Learning curves and all numbers as a page: npx coldstart report ${runDir}`,
      );
      console.log(
        `To start again from nothing: rm -r ${[runDir, corpusDir, ...(ofCorpus.length > 0 ? [shellWord(prepared)] : [])].join(' ')}`,
      );
    });
}

/** Runs another command in a separate process, which saves when it is interrupted. @returns its exit status */
async function runCommand(args: readonly string[]): Promise<number> {
  const [{ spawn }, { constants }, { fileURLToPath }] = await Promise.all([
    import('node:child_process'),
    import('node:os'),
    import('node:url'),
  ]);
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, main, ...args], { stdio: 'inherit' });
  // a terminal sends Ctrl-C to the command too; other signals reach only this process
  const passOn = (signal: NodeJS.Signals): void => void (signal === 'SIGINT' || child.kill(signal));
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, passOn);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status, signal) => resolve(status ?? 128 + constants.signals[signal ?? 'SIGTERM']));
    });
  } finally {
    for (const signal of signals) process.off(signal, passOn);
  }
}
