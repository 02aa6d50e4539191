import { Command, Option } from 'commander';
import { exporterNamed } from '../export/exporters.js';
import type { DemoFlags } from './demoAction.js';
import { licenseOption } from './options.js';

export function demoCommand(): Command {
  return new Command('demo')
    .description('Writes a folder whose page translates in the browser: static files, for any web server.')
    .option('--run <dir>', 'run that translates')
    .option('--checkpoint <file>', 'checkpoint that translates')
    .requiredOption('--out <dir>', 'folder to write')
    .addOption(
      new Option('--use <which>', 'with --run: which checkpoint (default: decode.checkpoint)').choices([
        'best',
        'last',
        'average',
      ]),
    )
    .option('--text <dir>', "folder of the vocabularies and subwords (default: the run's)")
    .option('--source <code>', "language code of the source (default: the run's)")
    .option('--target <code>', "language code of the target (default: the run's)")
    .addOption(
      new Option('--dtype <name>', 'how weights are stored')
        .choices([...exporterNamed('transformers-js').dtypes])
        .default('q8'),
    )
    .option(
      '--transformers <dir>',
      'folder of the package @huggingface/transformers (default: in node_modules, from here up)',
    )
    .option('--tokenized', 'the page takes and gives text that is normalised and tokenised already')
    .addOption(licenseOption())
    .option('--force', 'replace an earlier demo')
    .addHelpText(
      'after',
      `
Needs Transformers.js 4, of which it copies what a browser loads: npm install @huggingface/transformers@4
The page searches greedily. It does what the configuration does to text (normalisation, Moses' tokenisation, letter case) and undoes it.

Examples:
  coldstart demo --run runs/builtin --out demo
  npx http-server demo`,
    )
    .action(async (flags: DemoFlags) => (await import('./demoAction.js')).demoAction(flags));
}
