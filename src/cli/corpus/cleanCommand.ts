import { Command, Option } from 'commander';
import type { DuplicateKind } from '../../text/clean/rules.js';
import { UsageError } from '../../errors.js';
import { abortOnInterrupt } from '../interrupts.js';
import { duplicateKinds } from '../../text/clean/duplicates.js';
import { cleanFields } from '../../text/clean/rules.js';
import { fieldValue, jsonOption } from '../options.js';
import { heldOutOption, languageOf, pairedFiles } from './pairOptions.js';

interface CleanFlags {
  src: string;
  trg: string;
  outSrc: string;
  outTrg: string;
  srcLang?: string;
  trgLang?: string;
  removed?: string;
  heldOut?: string[];
  min: number;
  max?: number;
  ratio?: number;
  maxWordLength?: number;
  ignoreRatio?: boolean;
  ignoreXml?: boolean;
  lowercase?: boolean;
  moses?: boolean;
  controlCharacters?: boolean;
  sameText?: boolean;
  repeated?: number;
  script?: number;
  wrongLanguage?: boolean;
  duplicates?: DuplicateKind[];
  json?: boolean;
}

export function cleanCommand(): Command {
  return new Command('clean')
    .description(
      "Removes pairs of a parallel corpus by rules, each counted. Equals Moses' clean-corpus-n.perl with --moses.",
    )
    .requiredOption('--src <file>', 'source side, plain or .gz')
    .requiredOption('--trg <file>', 'target side')
    .requiredOption('--out-src <file>', 'where to write the source side, packed if it ends in .gz')
    .requiredOption('--out-trg <file>', 'where to write the target side')
    .option('--removed <file>', 'list of removed pairs: line, rule, what it found, source, target, separated by tabs')
    .optionsGroup('As clean-corpus-n.perl:')
    .option(
      '--moses',
      'write text as the script does (white space squeezed, | deleted unless the first pair has one), with its --ratio 9 and --max-word-length 1000',
    )
    .option('--min <n>', 'fewest tokens of a side', fieldValue(cleanFields.minTokens), 1)
    .option('--max <n>', 'most tokens of a side (default: no limit)', fieldValue(cleanFields.maxTokens))
    .option(
      '--ratio <x>',
      'most tokens per token of the other side (default: no limit)',
      fieldValue(cleanFields.maxRatio),
    )
    .option(
      '--max-word-length <n>',
      'longest word in characters (default: no limit)',
      fieldValue(cleanFields.maxWordLength),
    )
    .addOption(new Option('--ignore-ratio', 'no limit to the ratio, with --moses').conflicts('ratio'))
    .option('--ignore-xml', 'do not count tags as tokens')
    .option('--lowercase', 'write lower-cased text')
    .optionsGroup('Further rules:')
    .option('--control-characters', 'remove pairs with control, private or unassigned characters')
    .option('--same-text', 'remove pairs whose sides are the same but for case')
    .option(
      '--repeated <n>',
      'remove pairs with a word or phrase more than n times in a row',
      fieldValue(cleanFields.maxRepeatedTokens),
    )
    .option(
      '--script <share>',
      "remove pairs with a side of which less than this share of letters is in its language's script, e.g. 0.5",
      fieldValue(cleanFields.minScriptShare),
    )
    .option(
      '--wrong-language',
      "remove pairs with a side in the other side's language, as the corpus itself shows the two",
    )
    .addOption(
      new Option(
        '--duplicates <kind...>',
        'remove pairs of which the pair, the source or the target was there before',
      ).choices([...duplicateKinds]),
    )
    .addOption(heldOutOption('removed'))
    .option('--src-lang <code>', 'language of the source side (default: the ending of its file)')
    .option('--trg-lang <code>', 'language of the target side')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
A removed pair is counted for the first rule that it breaks. Kept text is written unchanged, except for --moses,
--lowercase and the carriage returns of Windows line ends.

Examples:
  coldstart corpus clean --src train.de --trg train.en --out-src clean.de --out-trg clean.en --moses --max 175 --ratio 1.5
  coldstart corpus clean --src train.de --trg train.en --out-src clean.de --out-trg clean.en --removed removed.tsv.gz \\
    --max 250 --ratio 3 --control-characters --same-text --repeated 4 --script 0.5 --wrong-language \\
    --duplicates pair --held-out valid.de valid.en test.de test.en`,
    )
    .action(cleanAction);
}

async function cleanAction(flags: CleanFlags): Promise<void> {
  const [{ cleanCorpus }, { describeCleaning }, { ProgressBar }, { checkSentencePerLine }] = await Promise.all([
    import('../../text/clean/cleanCorpus.js'),
    import('../../report/text/cleanReport.js'),
    import('../../report/progress/progressBar.js'),
    import('../../corpus/extract/sentencePerLine.js'),
  ]);
  checkSentencePerLine(flags, flags);
  const written = [flags.outSrc, flags.outTrg, flags.removed].filter((path) => path !== undefined);
  if (new Set(written).size < written.length)
    throw new UsageError('--out-src, --out-trg and --removed must be different files.');
  if (flags.ignoreRatio && !flags.moses)
    throw new UsageError(
      '--ignore-ratio has no effect without --moses, which alone has a limit to the ratio by default. Remove it, or add --moses.',
    );
  if (flags.max !== undefined && flags.max < flags.min)
    throw new UsageError(`--min is ${flags.min} and --max ${flags.max}: no pair would be left.`);
  const progress = new ProgressBar({ label: 'clean', unit: 'pairs' });
  const report = await cleanCorpus({
    files: { src: flags.src, trg: flags.trg },
    out: { src: flags.outSrc, trg: flags.outTrg },
    removedFile: flags.removed,
    srcLang: flags.srcLang ?? languageOf(flags.src),
    trgLang: flags.trgLang ?? languageOf(flags.trg),
    heldOut: pairedFiles(flags.heldOut),
    tidy: flags.moses,
    lowercase: flags.lowercase,
    rules: {
      minTokens: flags.min,
      maxTokens: flags.max,
      ignoreXml: flags.ignoreXml,
      maxRatio: flags.ratio ?? (flags.moses && !flags.ignoreRatio ? 9 : undefined),
      maxWordLength: flags.maxWordLength ?? (flags.moses ? 1000 : undefined),
      controlCharacters: flags.controlCharacters,
      sameText: flags.sameText,
      maxRepeatedTokens: flags.repeated,
      minScriptShare: flags.script,
      wrongLanguage: flags.wrongLanguage,
      duplicates: flags.duplicates,
    },
    signal: abortOnInterrupt('Nothing was written.'),
    onProgress: (pairs) => progress.update(pairs),
  });
  progress.finish();
  console.log(flags.json ? JSON.stringify(report, null, 2) : describeCleaning(report));
}
