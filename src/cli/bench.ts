import { Command, Option } from 'commander';
import type { Precision } from '../backend/precisions.js';
import type { BenchmarkTask } from '../benchmark/benchmarks.js';
import type { ArchitectureName } from '../model/config.js';
import { schema } from '../config/schema.js';
import {
  atMost,
  backendOption,
  fieldOption,
  fieldValue,
  jsonOption,
  positiveInteger,
  precisionOption,
} from './options.js';

interface BenchFlags {
  readonly arch: ArchitectureName;
  readonly sentences: number;
  readonly length: number;
  readonly repeats: number;
  readonly beam: number;
  readonly backend?: string;
  readonly precision?: Precision;
  readonly json?: boolean;
}

const what = {
  train: 'whole training steps: loss, gradients, Adam',
  gradinit: "GradInit's iterations, and the saving from first derivatives only in the objective branch",
  translate: 'beam search',
} as const;

export function benchCommand(): Command {
  const command = new Command('bench')
    .description('Measures this machine on a synthetic batch; times are medians.')
    .addHelpText(
      'after',
      `
Examples:
  coldstart bench train --arch tiny --sentences 256 --length 16
  coldstart bench gradinit --arch tiny --backend wasm --json`,
    );
  for (const name of ['train', 'gradinit', 'translate'] as const) {
    const subcommand = new Command(name)
      .description(`Measures ${what[name]}.`)
      .addOption(fieldOption('--arch <name>', 'sizes of the model', schema.model.arch))
      .addOption(
        new Option('--sentences <n>', 'sentence pairs')
          .argParser(atMost(100_000, positiveInteger))
          .default(name === 'translate' ? 64 : 256),
      )
      .addOption(
        new Option('--length <n>', 'tokens of each side').argParser(atMost(10_000, positiveInteger)).default(16),
      )
      .addOption(new Option('--repeats <n>', 'timed repetitions').argParser(atMost(10_000, positiveInteger)).default(5))
      .addOption(backendOption())
      .addOption(jsonOption())
      .action((flags: BenchFlags) => bench(name, flags));
    if (name === 'translate')
      subcommand.addOption(
        new Option('--beam <n>', 'beam size')
          .argParser(fieldValue(schema.decode.beamSize))
          .default(schema.decode.beamSize.default),
      );
    if (name === 'train') subcommand.addOption(precisionOption());
    command.addCommand(subcommand);
  }
  return command;
}

async function bench(name: keyof typeof what, flags: BenchFlags): Promise<void> {
  const [{ selectBackend }, benchmarks] = await Promise.all([
    import('../backend/select.js'),
    import('../benchmark/benchmarks.js'),
  ]);
  const backend = await selectBackend(flags.backend ?? 'auto');
  const task: BenchmarkTask = {
    arch: flags.arch,
    numSentences: flags.sentences,
    length: flags.length,
    repeats: flags.repeats,
    precision: flags.precision,
  };
  const result = {
    bench: name,
    backend,
    ...(name === 'train' && { precision: flags.precision ?? 'fp32' }),
    arch: flags.arch,
    parameters: benchmarks.benchmarkParameters(flags.arch),
    sentences: flags.sentences,
    length: flags.length,
    ...(await measure(name, task, flags.beam, benchmarks)),
    peak_memory_mb: Math.round(process.resourceUsage().maxRSS / 1024),
  };
  if (flags.json) console.log(JSON.stringify(result));
  else for (const [key, value] of Object.entries(result)) console.log(`${key.padEnd(36)}${value}`);
}

/** Keys are those of bench/'s peers, so that results can be compared. */
async function measure(
  name: keyof typeof what,
  task: BenchmarkTask,
  beam: number,
  benchmarks: typeof import('../benchmark/benchmarks.js'),
): Promise<Record<string, number>> {
  switch (name) {
    case 'train': {
      const found = await benchmarks.benchmarkTraining(task);
      const { targetTokensPerSecond, secondsPerStep, cpuSecondsPerStep, gflops, matmulGflops, shareOfMatmul } = found;
      return {
        target_tokens_per_s: rounded(targetTokensPerSecond, 1),
        s_per_step: rounded(secondsPerStep, 4),
        cpu_s_per_step: rounded(cpuSecondsPerStep, 4),
        gflops: rounded(gflops, 1),
        matmul_gflops: rounded(matmulGflops, 1),
        share_of_matmul: rounded(shareOfMatmul, 3),
        ...(found.programsPerStep !== undefined && { programs_per_step: rounded(found.programsPerStep, 1) }),
      };
    }
    case 'gradinit': {
      const found = await benchmarks.benchmarkGradInit(task);
      return {
        objective_s: rounded(found.objectiveSeconds, 4),
        objective_always_second_order_s: rounded(found.objectiveAlwaysSecondOrderSeconds, 4),
        objective_speedup: rounded(found.objectiveSpeedup, 2),
        constraint_s: rounded(found.constraintSeconds, 4),
        objective_mb: Math.round(found.objectiveMegabytes),
        objective_always_second_order_mb: Math.round(found.objectiveAlwaysSecondOrderMegabytes),
        // one gradient on the first part and one on the second: training tokens that an iteration sees
        target_tokens_per_s: rounded((task.numSentences * task.length) / found.objectiveSeconds, 1),
        s_per_step: rounded(found.objectiveSeconds, 4),
      };
    }
    case 'translate': {
      const { sentencesPerSecond, targetTokensPerSecond, seconds } = await benchmarks.benchmarkTranslation(task, beam);
      return {
        sentences_per_s: rounded(sentencesPerSecond, 2),
        target_tokens_per_s: rounded(targetTokensPerSecond, 1),
        s_per_step: rounded(seconds, 4),
      };
    }
  }
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
