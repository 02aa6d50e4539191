import { Command } from 'commander';
import { atMost, wholeNumber } from './options.js';

interface WatchFlags {
  port: number;
}

export function watchCommand(): Command {
  return new Command('watch')
    .description(
      'Shows the report of a folder in a browser and keeps it up to date during the runs. Only this machine can see it.',
    )
    .argument('<dir>', 'folder that "ablate" or "train" makes')
    .option('--port <number>', 'port on 127.0.0.1; 0: a free one', atMost(65_535, wholeNumber), 0)
    .addHelpText(
      'after',
      `
Examples:
  coldstart watch runs/ablate-builtin
  coldstart watch runs/ablate-builtin --port 8080`,
    )
    .action(async (dir: string, { port }: WatchFlags) => {
      const [{ serveReport }, { abortOnInterrupt }, { gatherAblation }] = await Promise.all([
        import('../report/serve/serveReport.js'),
        import('./interrupts.js'),
        import('../ablation/gatherAblation.js'),
      ]);
      gatherAblation(dir, { samples: 0, bootstrapSamples: 0 }); // says what is wrong with the folder before a browser is opened
      const signal = abortOnInterrupt('The page is closed; runs continue.');
      const server = await serveReport(dir, { port });
      console.log(`${server.url} shows ${dir}; Ctrl-C ends it.`);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      await server.close();
    });
}
