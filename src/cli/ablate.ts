import { Command } from 'commander';
import { backendOption, configOption, jsonOption, positiveInteger, setOption } from './options.js';

interface AblateFlags {
  config: string;
  run?: string;
  set: string[];
  backend?: string;
  parallel?: number;
  json?: boolean;
}

export function ablateCommand(): Command {
  return new Command('ablate')
    .description('Trains every arm of a configuration with every seed and compares them in a table: BLEU, loss, perplexity, divergence, time.')
    .addOption(configOption())
    .option('--run <dir>', 'folder of the ablation (default: runs/ and the name of the configuration)')
    .addOption(setOption())
    .addOption(backendOption())
    .option('--parallel <n>', 'runs at the same time (default: ablation.parallel)', positiveInteger)
    .addOption(jsonOption())
    .addHelpText('after', `
Arms stand in the configuration: a name and the keys it changes. Runs that are complete are not repeated and unfinished
ones go on, so an interrupted ablation is continued by the same command. A run that diverges is a result, not an error.
The folder gets results.json, results.md and one run per arm and seed.

Examples:
  coldstart ablate -c configs/ablate-builtin.yaml
  coldstart ablate -c configs/ablate-builtin.yaml --set ablation.seeds=[1,2,3] --run runs/three-seeds`)
    .action(async (flags: AblateFlags) => {
      const [{ basename, join }, { loadConfig }, { ablate, resultsOf }, { ablationMarkdown, ablationText }, { AblationProgress }, { writeFileAtomic }, { abortOnInterrupt }] = await Promise.all([
        import('node:path'), import('../config/loadConfig.js'), import('../experiment/ablate.js'), import('../report/ablationReport.js'),
        import('../report/ablationProgress.js'), import('../storage/atomicFile.js'), import('./interrupts.js'),
      ]);
      const config = loadConfig(flags.config, [...flags.set, ...(flags.backend ? [`backend=${flags.backend}`] : [])]);
      const dir = flags.run ?? `runs/${basename(flags.config).replace(/\.ya?ml$/, '')}`;
      const progress = new AblationProgress(process.stderr);
      const results = await ablate({
        config, dir, parallel: flags.parallel,
        signal: abortOnInterrupt('The runs under way have saved; the same command goes on.'),
        onPlan: (plan) => progress.plan(plan),
        onEvent: (run, event) => progress.event(run, event),
        onResults: (current) => writeFileAtomic(join(dir, 'results.md'), ablationMarkdown(current)),
      });
      progress.finish();
      if (flags.json) console.log(JSON.stringify(resultsOf(results), null, 2));
      else console.log(`\n${ablationText(results)}\nresults: ${join(dir, 'results.md')}, ${join(dir, 'results.json')}`);
    });
}
