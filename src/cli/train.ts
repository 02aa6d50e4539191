import { Command } from 'commander';
import { backendOption, configOption, ignoreMemoryOption, jsonOption, precisionOption, setOption } from './options.js';

export interface TrainFlags {
  config: string;
  run?: string;
  set: string[];
  backend?: string;
  precision?: string;
  resume?: boolean;
  dryRun?: boolean;
  initFrom?: string;
  ignoreMemory?: boolean;
  batchPerWorker?: boolean;
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
    .option(
      '--dry-run',
      'check configuration, files, checksums and memory, say how large the model is and how long the run takes, from measured steps; nothing is written',
    )
    .addOption(ignoreMemoryOption())
    .option(
      '--batch-per-worker',
      'under mpirun: multiply train.updateFreq, and with it the batch, by the number of processes',
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
The run's folder gets config.yaml (every key resolved), log.jsonl (losses, rates, norms), checkpoints/, gradinit.json,
test.hyp and scores.json. Ctrl-C saves and stops; --resume continues exactly where it was. --resume with a larger
train.maxUpdates trains a complete run for longer; with other decode settings it translates the test set again. --resume
keeps what --set, --backend and --precision gave the run before, unless they are given again.

Under mpirun the processes share the batches of every update (train.updateFreq of them). The result is the same, bit for
bit, as that of one process (docs/guide/scaling.md).

Examples:
  coldstart train -c configs/builtin.yaml
  coldstart train -c configs/builtin.yaml --dry-run
  coldstart train -c configs/multi30k-en-de.yaml --run runs/m30k-gradinit --set gradinit.algorithm=adam
  coldstart train -c configs/multi30k-en-de.yaml --run runs/m30k-gradinit --resume
  coldstart train -c in-domain.yaml --run runs/in-domain --init-from runs/m30k-gradinit
  mpirun -n 4 coldstart train -c configs/multi30k-en-de.yaml --set train.updateFreq=4 --set train.maxTokens=2048`,
    )
    .action(async (flags: TrainFlags) => {
      if (flags.dryRun) return (await import('./trainAction.js')).previewTraining(flags);
      const { amongProcesses } = await import('./processes.js');
      const { trainLed, trainFollowing, trainConfig } = await import('./trainAction.js');
      await amongProcesses(
        () => void trainConfig(flags),
        (processes) =>
          processes !== undefined && processes.world.rank > 0
            ? trainFollowing(flags, processes)
            : trainLed(flags, processes),
      );
    });
}
