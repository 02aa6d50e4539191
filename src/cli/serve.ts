import { Command } from 'commander';
import { schema } from '../config/schema.js';
import { atMost, backendOption, fieldValue, positiveInteger, severalOption, wholeNumber } from './options.js';
import type { ServeFlags } from './serveAction.js';

export function serveCommand(): Command {
  return new Command('serve')
    .description('Translates over HTTP, as LibreTranslate does, with a page to try it.')
    .addOption(severalOption('--run <dir>', 'run that translates, with its decode settings; several make an ensemble'))
    .addOption(severalOption('--checkpoint <file>', 'checkpoint that translates; several make an ensemble'))
    .option('--text <dir>', "folder of the vocabularies and subwords (default: the run's)")
    .option('--use <which>', 'with --run: best, last or average (default: decode.checkpoint)')
    .option('--source <code>', "language code of the source (default: the run's)")
    .option('--target <code>', "language code of the target (default: the run's)")
    .option('--host <address>', 'address to listen on; 0.0.0.0 for every network of this machine', '127.0.0.1')
    .option('--port <number>', 'port to listen on; 0: a free one', atMost(65_535, wholeNumber), 8080)
    .option('--beam <n>', "beam size (default: the run's)", fieldValue(schema.decode.beamSize))
    .option('--max-chars <n>', 'longest text of a request', atMost(10_000_000, positiveInteger), 10_000)
    .option(
      '--max-queue <n>',
      'requests that may wait; more are refused with 429',
      atMost(100_000, positiveInteger),
      256,
    )
    .option(
      '--timeout <seconds>',
      'time for a request to arrive, to be translated, and for its answer to be read',
      atMost(3600, positiveInteger),
      60,
    )
    .option(
      '--window <ms>',
      'time that a first line waits for others to be translated with',
      atMost(1000, wholeNumber),
      5,
    )
    .option('--threads <n>', 'threads of the native engine (default: one for each core)', atMost(1024, positiveInteger))
    .option('--api-key-file <file>', 'keys, one a line: requests to translate need one of them')
    .addOption(severalOption('--cors <origin>', 'pages of this origin may use the service from a browser; * for all'))
    .addOption(backendOption().default('auto'))
    .addHelpText(
      'after',
      `
POST /translate and GET /languages are LibreTranslate's; GET /health and GET /metrics (Prometheus) are for operators; / is a page.
The first Ctrl-C or SIGTERM answers what was accepted, refuses what comes, and ends. See docs/guide/serving.md.

Examples:
  coldstart serve --run runs/builtin
  coldstart serve --run runs/seed-1 --run runs/seed-2 --port 5000
  curl http://127.0.0.1:8080/translate -d q="ein Hund" -d source=de -d target=en`,
    )
    .action(async (flags: ServeFlags) => (await import('./serveAction.js')).serveAction(flags));
}
