import { Command } from 'commander';
import { schema } from '../config/schema.js';
import { counted } from '../counted.js';
import { fieldValue, jsonOption } from './options.js';

export function averageCommand(): Command {
  return new Command('average')
    .description("Averages the parameters of a run's last epoch checkpoints into one.")
    .requiredOption('--run <dir>', 'the run')
    .option(
      '--last <n>',
      'how many epoch checkpoints; all if the run kept fewer',
      fieldValue(schema.decode.averageLast),
      schema.decode.averageLast.default,
    )
    .requiredOption('--out <file>', 'checkpoint to write')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
The run keeps train.keepEpochs of them, one each epoch or every train.keepEveryUpdates updates.

Example:
  coldstart average --run runs/multi30k-en-de --last 10 --out runs/multi30k-en-de/checkpoints/average10.safetensors`,
    )
    .action(async (flags: { run: string; last: number; out: string; json?: boolean }) => {
      const [{ averageCheckpoints, lastEpochCheckpoints }, { basename }, { readRunConfig }, { checkOutputs }] =
        await Promise.all([
          import('../train/average.js'),
          import('node:path'),
          import('../run/runFolder.js'),
          import('../storage/checkOutputs.js'),
        ]);
      checkOutputs([flags.out]);
      readRunConfig(flags.run); // says so if it is no run
      const paths = lastEpochCheckpoints(flags.run, flags.last);
      averageCheckpoints(paths, flags.out);
      if (flags.json) console.log(JSON.stringify({ out: flags.out, checkpoints: paths }, null, 2));
      else
        console.log(
          `${flags.out}: mean of ${paths.length === 1 ? `1 checkpoint, ${basename(paths[0])}` : `${paths.length} checkpoints, ${basename(paths[0])} to ${basename(paths[paths.length - 1])}`}.`,
        );
      if (paths.length < flags.last)
        console.error(
          `${flags.run} holds checkpoints of ${counted(paths.length, 'epoch')}, fewer than the ${flags.last} of --last; train.keepEpochs keeps more.`,
        );
    });
}
