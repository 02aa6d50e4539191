import { Command } from 'commander';
import { schema } from '../config/schema.js';
import { defaultMaxSourceTokens, maxSourceTokensField, streamFields } from '../translator/limits.js';
import { translateFields } from '../decode/decodeOptions.js';
import { backendOption, fieldValue, jsonOption, severalOption } from './options.js';
import type { TranslateFlags } from './translateFlags.js';

export function translateCommand(): Command {
  return new Command('translate')
    .description('Translates lines of text with a run or a checkpoint: one line out per line in, in the same order.')
    .addOption(severalOption('--run <dir>', 'run that translates, with its decode settings; several make an ensemble'))
    .addOption(severalOption('--checkpoint <file>', 'checkpoint that translates; several make an ensemble'))
    .option('--text <dir>', "folder of the vocabularies and subwords (default: the run's)")
    .option('--use <which>', 'with --run: best, last or average (default: decode.checkpoint)')
    .option(
      '--beam <n>',
      `beam size (default: the run's, or ${schema.decode.beamSize.default})`,
      fieldValue(schema.decode.beamSize),
    )
    .option(
      '--lenpen <x>',
      `length penalty (default: the run's, or ${schema.decode.lengthPenalty.default})`,
      fieldValue(schema.decode.lengthPenalty),
    )
    .option(
      '--nbest <k>',
      `print K translations of each line as "line number ||| text ||| score" (default: ${translateFields.nbest.default})`,
      fieldValue(translateFields.nbest),
    )
    .option('--tokenized', 'lines are normalised and tokenised already, as the training text; so are the translations')
    .option(
      '--score-target <file>',
      'do not translate: print how probable the model finds the lines of FILE as translations, one score per line',
    )
    .option(
      '--max-source-tokens <n>',
      `longer lines are cut to as many tokens, and counted at the end (default: ${defaultMaxSourceTokens})`,
      fieldValue(maxSourceTokensField),
    )
    .option(
      '--buffer <lines>',
      `lines read before they are translated together and written (default: ${streamFields.bufferLines.default}; 1 from a terminal)`,
      fieldValue(streamFields.bufferLines),
    )
    .option('--input <file>', 'lines to translate, plain or .gz (default: standard input)')
    .option('--output <file>', 'where to write (default: standard output)')
    .addOption(backendOption().default('auto'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Give text like the training text before "corpus prepare": the run normalises, tokenises and segments it as its
configuration says, and writes running text. Text that is tokenised already needs --tokenized. Text may have any length:
translations are written as soon as --buffer lines are done, in the order of the input. A file given with --output
appears whole, at the end. --buffer 1 answers every line at once.

Several runs or checkpoints of one prepared corpus translate together: the probability of a token is the mean of theirs.
Scores are log-probabilities (natural logarithm) divided by the number of tokens to the power --lenpen; --lenpen 0 gives the sum.
--json adds the log-probability of every token.

Examples:
  echo "wir kommen am dritten Mai um halb acht zurück ." | coldstart translate --run runs/builtin
  coldstart translate --run runs/multi30k-en-de --input test.en --output test.hyp --beam 5 --lenpen 1
  coldstart translate --checkpoint average.safetensors --text runs/multi30k-en-de/text --nbest 5 < test.en
  coldstart translate --run runs/seed-1 --run runs/seed-2 < test.en
  coldstart translate --run runs/multi30k-en-de --score-target test.de < test.en`,
    )
    .action(async (flags: TranslateFlags) => (await import('./translateAction.js')).translateAction(flags));
}
