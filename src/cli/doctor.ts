import { Command } from 'commander';
import { jsonOption } from './options.js';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'Says what this machine can train on: Node, cores, memory, and each backend with a product and a gradient checked on it.',
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Exit status 1 if no backend passes.

Example:
  coldstart doctor`,
    )
    .action(async (flags: { json?: boolean }) => {
      const [{ availableParallelism, cpus, freemem, totalmem }, { probeBackends }, { version }] = await Promise.all([
        import('node:os'),
        import('../backend/select.js'),
        import('../package.js'),
      ]);
      const backends = await probeBackends();
      const gigabytes = (bytes: number): number => Math.round((bytes / 2 ** 30) * 10) / 10;
      const report = {
        coldstart: version,
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
        cores: availableParallelism(),
        processor: cpus()[0]?.model ?? 'unknown',
        memoryGb: gigabytes(totalmem()),
        freeMemoryGb: gigabytes(freemem()),
        backends,
        auto: backends.find(({ passed }) => passed)?.name ?? null,
      };
      if (flags.json) console.log(JSON.stringify(report, null, 2));
      else {
        console.log(`coldstart ${report.coldstart}, Node ${report.node}, ${report.platform}`);
        console.log(
          `${report.cores} cores (${report.processor}), ${report.memoryGb} GB memory, ${report.freeMemoryGb} GB free`,
        );
        for (const { name, passed, missing, detail, matmulGflops } of backends) {
          console.log(
            `${passed ? 'PASS' : missing ? ' -- ' : 'FAIL'}  ${name.padEnd(11)}${detail.replaceAll('\n', '\n                 ')}${matmulGflops === undefined ? '' : `; ${matmulGflops.toFixed(1)} GFLOP/s`}`,
          );
        }
        console.log(
          report.auto === null
            ? 'No backend passes: nothing can be trained here.'
            : `--backend auto takes ${report.auto}.`,
        );
      }
      if (report.auto === null) process.exitCode = 1;
    });
}
