import { Command, Option } from 'commander';
import { bleuFields } from '../score/bleu.js';
import { bleuTokenizerNames } from '../score/bleuTokenizers.js';
import { chrfFields } from '../score/chrf.js';
import { significanceFields } from '../score/significance.js';
import { defaultJoiner } from '../text/subwords/joiner.js';
import { atMost, fieldOption, fieldValue, finiteNumber, jsonOption, wholeNumber } from './options.js';

const { bs, ar } = significanceFields;
import type { ScoreFlags } from './scoreAction.js';

export function scoreCommand(): Command {
  return new Command('score')
    .description(
      "BLEU, chrF and TER of translations, equal to sacreBLEU's, with signatures, confidence and tests of significance.",
    )
    .requiredOption('--ref <file...>', 'references, one sentence a line, plain or .gz')
    .option(
      '--hyp <file...>',
      'translations; several are compared, the first is the baseline (default: standard input)',
    )
    .addOption(
      new Option(
        '-m, --metrics <name...>',
        'tokenised-bleu: as multi-bleu.perl and fairseq, for text that is tokenised already',
      )
        .choices(['bleu', 'chrf', 'ter', 'tokenised-bleu'])
        .default(['bleu'], 'bleu'),
    )
    .option('--sentence-level', 'a score for each line; one system, one metric')
    .option('--diagnosis <file>', 'where the first two systems differ: .html, or text (- prints it)')
    .option('--src <file>', 'source text, for the diagnosis by rare words')
    .option('--train-src <file>', 'source side of the training text, whose words are counted (default: --src itself)')
    .optionsGroup('BLEU:')
    .addOption(
      new Option('--tokenize <name>', 'tokeniser')
        .choices([...bleuTokenizerNames, 'flores101', 'flores200', 'spm'])
        .default(bleuFields.tokenize.default),
    )
    .option('--spm-model <file>', 'SentencePiece model of flores101, flores200 and spm')
    .option('--lowercase', 'ignore case')
    .addOption(
      fieldOption('--smooth-method <name>', 'what to do with an order without matches', bleuFields.smoothMethod),
    )
    .option('--smooth-value <number>', 'default 0.1 for floor, 1 for add-k', finiteNumber)
    .option('--joiner <mark>', 'tokenised-bleu: mark of subword units, removed first', defaultJoiner)
    .option('--force', 'no warning about tokenised text')
    .optionsGroup('chrF:')
    .option(
      '--chrf-char-order <n>',
      'longest character n-grams',
      fieldValue(chrfFields.charOrder),
      chrfFields.charOrder.default,
    )
    .option(
      '--chrf-word-order <n>',
      'longest word n-grams; 2 is chrF++',
      fieldValue(chrfFields.wordOrder),
      chrfFields.wordOrder.default,
    )
    .option('--chrf-beta <n>', 'weight of recall', fieldValue(chrfFields.beta), chrfFields.beta.default)
    .option('--chrf-whitespace', 'keep white space in character n-grams')
    .option('--chrf-lowercase', 'ignore case')
    .option('--chrf-eps-smoothing', 'smooth as chrF++.py does')
    .optionsGroup('TER:')
    .option('--ter-case-sensitive', 'distinguish upper and lower case')
    .option('--ter-asian-support', 'separate East Asian characters')
    .option('--ter-no-punct', 'remove punctuation')
    .option('--ter-normalized', 'separate punctuation')
    .optionsGroup('Significance:')
    .option('--confidence', '95 % confidence by bootstrap resampling')
    .option('--confidence-n <n>', 'resamples', fieldValue(bs.numSamples), bs.numSamples.default)
    .addOption(
      new Option('--paired-bs', 'paired bootstrap resampling against the first system').conflicts([
        'pairedAr',
        'confidence',
      ]),
    )
    .option('--paired-bs-n <n>', 'resamples', fieldValue(bs.numSamples), bs.numSamples.default)
    .addOption(
      new Option('--paired-ar', 'paired approximate randomisation against the first system').conflicts('confidence'),
    )
    .option('--paired-ar-n <n>', 'shuffles', fieldValue(ar.numSamples), ar.numSamples.default)
    .option(
      '--paired-ar-confidence-n <n>',
      'resamples for confidence with --paired-ar',
      fieldValue(ar.numConfidenceSamples),
      ar.numConfidenceSamples.default,
    )
    .option('--seed <n>', 'of resampling', fieldValue(bs.seed), bs.seed.default)
    .optionsGroup('Output:')
    .addOption(
      new Option('-f, --format <name>', 'form of the output').choices(['text', 'json', 'latex']).default('text'),
    )
    .addOption(jsonOption())
    .option('-w, --width <n>', 'decimals, at most 15', atMost(15, wholeNumber), 2)
    .option('--short', 'short signatures')
    .option('--score-only', 'print only the numbers')
    .option('--quiet', 'no warnings')
    .addHelpText(
      'after',
      `
Examples:
  coldstart score --ref test.de --hyp test.hyp
  coldstart score --ref test.de --hyp warmup.hyp gradinit.hyp --metrics bleu chrf ter --paired-bs
  coldstart score --ref test.bpe-free.de --hyp test.bpe.hyp --metrics tokenised-bleu
  coldstart score --ref test.de --hyp a.hyp b.hyp --src test.en --train-src train.en --diagnosis a-b.html`,
    )
    .action(async (flags: ScoreFlags, command: Command) => {
      const { scoreFiles } = await import('./scoreAction.js');
      await scoreFiles(flags, (flag) => command.getOptionValueSource(flag) === 'cli');
    });
}
