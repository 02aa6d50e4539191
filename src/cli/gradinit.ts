import { Command } from 'commander';
import { backendOption, configOption, ignoreMemoryOption, jsonOption, setOption } from './options.js';

interface GradInitFlags {
  config: string;
  out: string;
  set: string[];
  backend?: string;
  resume?: boolean;
  ignoreMemory?: boolean;
  json?: boolean;
}

export function gradinitCommand(): Command {
  return new Command('gradinit')
    .description(
      'Draws initial parameters, learns a scale for each tensor, and saves the parameters with a report of the scales.',
    )
    .addOption(configOption())
    .requiredOption('--out <file>', 'checkpoint to write, *.safetensors; the report gets the same name with .json')
    .addOption(setOption())
    .addOption(backendOption())
    .option(
      '--resume',
      'continue after an interruption; finished iterations are in *.learning.jsonl next to the checkpoint',
    )
    .addOption(ignoreMemoryOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Where the configuration learns or profiles nothing, GradInit with adam is used. "train" runs the same before training; this command is for
looking at the scales.

Examples:
  coldstart gradinit -c configs/builtin.yaml --out runs/initial.safetensors
  coldstart gradinit -c configs/builtin.yaml --out runs/sgd.safetensors --set gradinit.algorithm=sgd --set gradinit.iterations=50`,
    )
    .action(async (flags: GradInitFlags) => {
      const [
        { existsSync },
        { UsageError },
        { checkOutputs },
        { changeConfig, loadConfig },
        { saveInitialParams },
        { learnsInitialParams },
        { progressOutput },
        { showRun },
        { scaleTable },
        { abortOnInterrupt },
      ] = await Promise.all([
        import('node:fs'),
        import('../errors.js'),
        import('../storage/checkOutputs.js'),
        import('../config/loadConfig.js'),
        import('../run/saveInitialParams.js'),
        import('../run/initialParams.js'),
        import('../report/progress/progressBar.js'),
        import('../report/progress/runProgress.js'),
        import('../report/text/scaleReport.js'),
        import('./interrupts.js'),
      ]);
      const reportFile = `${flags.out.replace(/\.safetensors$/, '')}.json`;
      const learningLog = `${flags.out.replace(/\.safetensors$/, '')}.learning.jsonl`;
      checkOutputs([flags.out, reportFile]);
      if (!flags.resume && existsSync(learningLog))
        throw new UsageError(
          `${learningLog} holds finished iterations of an interrupted command. Continue with --resume, choose another --out, or remove the file.`,
        );
      let config = loadConfig(flags.config, [...flags.set, ...(flags.backend ? [`backend=${flags.backend}`] : [])]);
      if (!learnsInitialParams(config))
        config = changeConfig(config, { 'gradinit.algorithm': 'adam' }, 'the default of "coldstart gradinit"');
      const report = await saveInitialParams(config, {
        out: flags.out,
        reportFile,
        learningLog,
        ignoreMemory: flags.ignoreMemory,
        signal: abortOnInterrupt('The same command with --resume continues.'),
        onEvent: showRun(progressOutput()),
      });
      if (flags.json) console.log(JSON.stringify(report, null, 2));
      else console.log(`${scaleTable(report.scales)}\nparameters: ${flags.out}, report: ${reportFile}`);
    });
}
