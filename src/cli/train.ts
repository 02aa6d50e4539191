import type { LearningSaved } from '../run/runEvents.js';
import { Command } from 'commander';
import { ColdstartError } from '../errors.js';
import { backendOption, configOption, ignoreMemoryOption, jsonOption, precisionOption, setOption } from './options.js';

interface TrainFlags {
  config: string;
  run?: string;
  set: string[];
  backend?: string;
  precision?: string;
  resume?: boolean;
  initFrom?: string;
  ignoreMemory?: boolean;
  json?: boolean;
}

export function trainCommand(): Command {
  return new Command('train')
    .description(
      'One run from start to finish: initial parameters, GradInit if the configuration says so, training, translation of the test set, scores.',
    )
    .addOption(configOption())
    .option('--run <dir>', 'folder of the run (default: runs/ and the name of the configuration)')
    .option(
      '--init-from <run|checkpoint>',
      'start from parameters of another run: its best checkpoint, or the checkpoint named (sets init.from)',
    )
    .addOption(setOption())
    .addOption(backendOption())
    .addOption(precisionOption())
    .option('--resume', 'resume the run in the folder; its length, decoding, validation and logging may change')
    .addOption(ignoreMemoryOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
The run's folder gets config.yaml (every key resolved), log.jsonl (losses, rates, norms), checkpoints/, gradinit.json,
test.hyp and scores.json. Ctrl-C saves and stops; --resume continues exactly where it was. A complete run is prolonged
by --resume with a larger train.maxUpdates, and translated again with other decode settings. --resume keeps what --set,
--backend and --precision gave the run before, unless they are given again.

Examples:
  coldstart train -c configs/builtin.yaml
  coldstart train -c configs/multi30k-en-de.yaml --run runs/m30k-gradinit --set gradinit.algorithm=adam --set train.warmupInitLr=-1
  coldstart train -c configs/multi30k-en-de.yaml --run runs/m30k-gradinit --resume
  coldstart train -c in-domain.yaml --run runs/in-domain --init-from runs/m30k-gradinit`,
    )
    .action(async (flags: TrainFlags) => {
      const [
        { basename },
        { loadConfig, settingKey },
        { run },
        { keptSettings },
        { progressOutput },
        { showRun, whatIsSaved },
        { abortOnInterrupt },
      ] = await Promise.all([
        import('node:path'),
        import('../config/loadConfig.js'),
        import('../run/run.js'),
        import('../run/runFolder.js'),
        import('../report/progress/progressBar.js'),
        import('../report/progress/runProgress.js'),
        import('./interrupts.js'),
      ]);
      const given = [
        ...flags.set,
        ...(flags.initFrom === undefined ? [] : [`init.from=${JSON.stringify(flags.initFrom)}`]),
        ...(flags.backend ? [`backend=${flags.backend}`] : []),
        ...(flags.precision ? [`train.precision=${flags.precision}`] : []),
      ];
      const runDir = flags.run ?? `runs/${basename(flags.config).replace(/\.ya?ml$/, '')}`;
      const kept = flags.resume ? keptSettings(runDir, given) : [];
      const config = loadConfig(flags.config, [...kept, ...given]);
      if (kept.length > 0)
        console.error(`kept      ${kept.join(', ')}: set for this run earlier; --set KEY=VALUE changes it`);
      let learning: LearningSaved | undefined;
      let hasStarted = false;
      const signal = abortOnInterrupt(() =>
        hasStarted ? `${whatIsSaved(learning)}; the same command with --resume continues.` : 'Nothing was started.',
      );
      const show = showRun(progressOutput());
      const { scores, alreadyComplete } = await run({
        config,
        runDir,
        resume: flags.resume === true,
        set: given.map(settingKey),
        ignoreMemory: flags.ignoreMemory,
        signal,
        onEvent: (event) => {
          if (event.event === 'learningSaved') learning = event;
          hasStarted ||= event.event === 'start';
          show(event);
        },
      });
      if (alreadyComplete && scores.status === 'diverged')
        throw new ColdstartError(
          'DIVERGED',
          `${runDir} holds this run, and it diverged at update ${scores.diverged?.update ?? scores.updates}: ` +
            `${scores.diverged?.message ?? 'its loss was not finite'} Choose other settings and another folder with --run.`,
        );
      if (alreadyComplete) console.error(`${runDir} holds this run, complete already; nothing was done.`);
      if (flags.json) console.log(JSON.stringify(scores, null, 2));
      else if (scores.test)
        console.log(
          `BLEU ${scores.test.bleu.toFixed(2)} (${scores.test.signature}), ${scores.test.checkpoint}; ${runDir}/scores.json`,
        );
    });
}
