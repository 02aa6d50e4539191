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
      const [
        { availableParallelism, cpus, totalmem },
        { probeBackends, selectBackend },
        { version },
        { availableMemory },
        { typicalBatch, typicalMemory },
        { formatGigabytes },
        { builtMpi },
        { findMpi, installMpi },
      ] = await Promise.all([
        import('node:os'),
        import('../backend/select.js'),
        import('../package.js'),
        import('../run/availableMemory.js'),
        import('../run/typicalMemory.js'),
        import('../format.js'),
        import('../parallel/mpiFiles.js'),
        import('../parallel/buildMpi.js'),
      ]);
      const backends = await probeBackends();
      const gigabytes = (bytes: number): number => Math.round((bytes / 2 ** 30) * 10) / 10;
      const auto = backends.some(({ passed }) => passed) ? await selectBackend('auto') : null;
      const available = availableMemory();
      const typical = auto === null ? [] : await typicalMemory(auto);
      const report = {
        coldstart: version,
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
        cores: availableParallelism(),
        processor: cpus()[0]?.model ?? 'unknown',
        memoryGb: gigabytes(totalmem()),
        availableMemoryGb: gigabytes(available),
        memoryOfRunsGb: typical.map(({ arch, train, gradinit }) => ({
          arch,
          train: gigabytes(train),
          gradinit: gigabytes(gradinit),
        })),
        backends,
        auto,
        mpi: { compiler: findMpi() ?? null, addon: builtMpi() ?? null },
      };
      if (flags.json) console.log(JSON.stringify(report, null, 2));
      else {
        console.log(`coldstart ${report.coldstart}, Node ${report.node}, ${report.platform}`);
        console.log(
          `${report.cores} cores (${report.processor}), ${report.memoryGb} GB memory, ${report.availableMemoryGb} GB available to a run`,
        );
        for (const { name, passed, missing, detail, matmulGflops } of backends) {
          console.log(
            `${passed ? 'PASS' : missing ? ' -- ' : 'FAIL'}  ${name.padEnd(11)}${detail.replaceAll('\n', '\n                 ')}${matmulGflops === undefined ? '' : `; ${matmulGflops.toFixed(1)} GFLOP/s`}`,
          );
        }
        console.log(mpiLine(report.mpi, installMpi));
        if (typical.length > 0)
          console.log(
            `Memory of a run with batches of ${typicalBatch.maxTokens} tokens and ${typicalBatch.vocabulary} words: ${typical
              .map(
                ({ arch, train, gradinit }) =>
                  `${arch} ${formatGigabytes(train)}, with GradInit ${formatGigabytes(Math.max(train, gradinit))}${gradinit > available ? ' (too much)' : ''}`,
              )
              .join('; ')}.`,
          );
        console.log(
          report.auto === null
            ? 'No backend passes: nothing can be trained here.'
            : `--backend auto takes ${report.auto}.`,
        );
      }
      if (report.auto === null) process.exitCode = 1;
    });
}

/**
 * Whether several processes can train one model, and if not, what to do.
 *
 * @param installMpi command that installs MPI
 */
export function mpiLine(
  { compiler, addon }: { readonly compiler: string | null; readonly addon: string | null },
  installMpi: string,
): string {
  if (addon !== null) return 'mpirun: the addon for MPI is built; several processes can train one model.';
  return compiler !== null
    ? 'mpirun: MPI is installed; run "coldstart build-native" to build the addon for it.'
    : `mpirun: one process only. To train with several: ${installMpi}, then "coldstart build-native".`;
}
