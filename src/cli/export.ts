import { Command, Option } from 'commander';
import { exporters } from '../export/exporters.js';
import type { ExportFlags } from './exportAction.js';
import { backendOption, jsonOption, licenseOption } from './options.js';

export function exportCommand(): Command {
  return new Command('export')
    .description('Writes a trained model in the format of another program, with a model card.')
    .option('--run <dir>', 'run to export')
    .option('--checkpoint <file>', 'checkpoint to export')
    .addOption(
      new Option('--format <name>', 'format to write').choices(exporters.map(({ name }) => name)).makeOptionMandatory(),
    )
    .requiredOption('--out <dir>', 'folder to write')
    .option('--dtype <names...>', 'how weights are stored (default: see below)')
    .addOption(
      new Option('--use <which>', 'with --run: which checkpoint (default: decode.checkpoint)').choices([
        'best',
        'last',
        'average',
      ]),
    )
    .option('--text <dir>', "folder of the vocabularies and subwords (default: the run's)")
    .addOption(licenseOption())
    .option('--no-score', 'do not translate the test set for the model card')
    .option('--force', 'replace an earlier export')
    .addOption(backendOption().default('auto'))
    .addOption(jsonOption())
    .addHelpText('after', () => `\nFormats and their dtypes:\n${exporters.map(formatHelp).join('\n')}\n\n${help}`)
    .action(async (flags: ExportFlags) => (await import('./exportAction.js')).exportAction(flags));
}

function formatHelp({ name, summary, dtypes, defaultDtypes }: (typeof exporters)[number]): string {
  return `  ${name.padEnd(17)}${summary}\n${' '.repeat(19)}${dtypes.join(', ')} (default: ${defaultDtypes.join(' ')})`;
}

const help = `The folder appears whole or not at all. Its README.md is the model card: scores, how to load it, what text it needs.
The backend is only used to translate the test set greedily for the card.

Examples:
  coldstart export --run runs/builtin --format transformers-js --out export/builtin
  coldstart export --run runs/builtin --format transformers-js --dtype fp32 q8 --license apache-2.0 --out export/builtin`;
