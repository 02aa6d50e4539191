import { Command, Option } from 'commander';
import {
  filterLines,
  filterUtf8,
  inputOption,
  noWords,
  outputOption,
  readLines,
  type FilterFlags,
} from '../filterLines.js';
import { unicodeForms, type UnicodeForm } from '../../text/moses/normalize.js';
import { withoutLineEnd } from '../../text/linePairs.js';

const languageOption = () => new Option('-l, --language <code>', 'two-letter code of the language').default('en');

/** A command with --input and --output. */
function filter(name: string, description: string): Command {
  return new Command(name).description(description).addOption(inputOption()).addOption(outputOption());
}

export function normalizeCommand(): Command {
  return filter(
    'normalize',
    "Replaces typographic punctuation with plain punctuation, as Moses' normalize-punctuation.perl; applies Unicode normal forms; removes characters that do not print.",
  )
    .addOption(languageOption())
    .addOption(new Option('--unicode <form>', 'Unicode normal form, before all else').choices([...unicodeForms]))
    .option('--no-punctuation', 'leave punctuation as it is')
    .option('--penn', "leave ` and '' as they are")
    .option(
      '--remove-non-printing',
      'control and format characters become spaces, as remove-non-printing-char.perl; after all else',
    )
    .addHelpText(
      'after',
      `
Examples:
  coldstart corpus normalize -l de < raw.de > norm.de
  coldstart corpus normalize --unicode NFKC --no-punctuation --input web.zh.gz --output nfkc.zh.gz`,
    )
    .action(
      async (
        flags: FilterFlags & {
          language: string;
          unicode?: UnicodeForm;
          punctuation: boolean;
          penn?: boolean;
          removeNonPrinting?: boolean;
        },
      ) => {
        const { createNormalizer } = await import('../../text/moses/normalize.js');
        const { language, punctuation, unicode, penn, removeNonPrinting } = flags;
        const normalize = createNormalizer({
          unicode,
          punctuation: punctuation ? language : undefined,
          penn,
          removeNonPrinting,
        });
        await filterLines(flags, (lines) => lines.map(normalize));
      },
    );
}

interface TokenizeFlags extends FilterFlags {
  language: string;
  aggressive?: boolean;
  escape: boolean;
  protected?: string;
  prefixes?: string;
  skipTags?: boolean;
}

export function tokenizeCommand(): Command {
  return filter('tokenize', "Separates words and punctuation, as Moses' tokenizer.perl.")
    .addOption(languageOption())
    .option('-a, --aggressive', 'split hyphens: a-b becomes a @-@ b')
    .option('--no-escape', 'leave & | < > \' " [ ] as they are')
    .option('--protected <file>', 'regular expressions, one a line, of stretches to keep whole')
    .option('--prefixes <file>', "list of abbreviations in Moses' format, instead of the built-in one")
    .option('-x, --skip-tags', 'pass lines through that are one tag')
    .addHelpText(
      'after',
      `
Examples:
  echo "Dr. Smith doesn't know it." | coldstart corpus tokenize -l en
  coldstart corpus normalize -l de < raw.de | coldstart corpus tokenize -l de -a > tok.de
  coldstart corpus tokenize -l sv --prefixes nonbreaking_prefix.sv --input raw.sv.gz --output tok.sv.gz`,
    )
    .action(async (flags: TokenizeFlags) => {
      const [{ createUtf8Tokenizer }, { hasNonbreakingPrefixes }, { readNonbreakingPrefixes }, { readTextFile }] =
        await Promise.all([
          import('../../text/moses/tokenize.js'),
          import('../../text/moses/nonbreakingPrefixes.js'),
          import('../../text/moses/languageFiles.js'),
          import('../../storage/textFile.js'),
        ]);
      if (flags.prefixes === undefined && !hasNonbreakingPrefixes(flags.language)) {
        console.error(
          `coldstart: no abbreviations of language "${flags.language}" are known, the English ones are used. --prefixes FILE reads a list.`,
        );
      }
      const patterns =
        flags.protected === undefined
          ? []
          : readTextFile(flags.protected, 'list of protected patterns')
              .split(/\r?\n/)
              .filter((line) => line !== '');
      const tokenize = createUtf8Tokenizer(flags.language, {
        aggressive: flags.aggressive,
        escape: flags.escape,
        protectedPatterns: patterns,
        skipTags: flags.skipTags,
        ...(flags.prefixes === undefined ? {} : { prefixes: readNonbreakingPrefixes(flags.prefixes) }),
      });
      await filterUtf8(flags, tokenize);
    });
}

export function detokenizeCommand(): Command {
  return filter('detokenize', "Joins tokens to running text, as Moses' detokenizer.perl.")
    .addOption(languageOption())
    .option('-u, --upper-case-first', 'write the first letter of each line as a capital')
    .addHelpText(
      'after',
      `
Examples:
  coldstart corpus detokenize -l en < test.hyp > test.txt`,
    )
    .action(async (flags: FilterFlags & { language: string; upperCaseFirst?: boolean }) => {
      const { createDetokenizer } = await import('../../text/moses/detokenize.js');
      const detokenize = createDetokenizer(flags.language, { upperCaseFirst: flags.upperCaseFirst });
      // Moses' script would treat a carriage return as part of the last token, and not split off a full stop
      await filterLines(flags, (lines) => lines.map((line) => detokenize(withoutLineEnd(line))));
    });
}

export function lowercaseCommand(): Command {
  return filter('lowercase', "Lower case, as Moses' lowercase.perl.")
    .addHelpText(
      'after',
      `
Examples:
  coldstart corpus lowercase < tok.de > low.de`,
    )
    .action(async (flags: FilterFlags) => {
      const { lowercase } = await import('../../text/moses/normalize.js');
      await filterLines(flags, (lines) => lines.map(lowercase));
    });
}

export function trainTruecaserCommand(): Command {
  return new Command('train-truecaser')
    .description(
      "Learns from tokenised text how words are written within sentences; the model is that of Moses' train-truecaser.perl.",
    )
    .requiredOption('--model <file>', 'model to write, packed if it ends in .gz')
    .option('--input <files...>', 'tokenised text, plain or .gz (default: standard input)')
    .option(
      '--possibly-use-first-token',
      'count first words without a capital, with a low weight if they are the only word of their line',
    )
    .addHelpText(
      'after',
      `
Examples:
  coldstart corpus train-truecaser --model truecase.en --input tok.en
  coldstart corpus truecase --model truecase.en < tok.en > true.en`,
    )
    .action(
      async ({
        model,
        input,
        possiblyUseFirstToken,
      }: {
        model: string;
        input?: string[];
        possiblyUseFirstToken?: boolean;
      }) => {
        const [{ TruecaserTrainer }, { writeTextFile }, { checkOutputs }] = await Promise.all([
          import('../../text/moses/truecase.js'),
          import('../../storage/textOutput.js'),
          import('../../storage/checkOutputs.js'),
        ]);
        checkOutputs([model]);
        const trainer = new TruecaserTrainer({ possiblyUseFirstToken });
        const inputs = input ?? [undefined];
        for (const file of inputs)
          for await (const lines of readLines(file)) for (const line of lines) trainer.add(line);
        const text = trainer.modelText();
        if (text === '') throw noWords(inputs);
        writeTextFile(model, text);
      },
    );
}

export function truecaseCommand(): Command {
  return filter('truecase', "Writes the words of tokenised text in their usual case, as Moses' truecase.perl.")
    .requiredOption('--model <file>', 'model of train-truecaser, or of Moses')
    .addHelpText(
      'after',
      `
Examples:
  coldstart corpus truecase --model truecase.en < tok.en > true.en`,
    )
    .action(async (flags: FilterFlags & { model: string }) => {
      const [{ createTruecaser }, { readTruecaseModel }] = await Promise.all([
        import('../../text/moses/truecase.js'),
        import('../../text/moses/languageFiles.js'),
      ]);
      const truecase = createTruecaser(readTruecaseModel(flags.model));
      await filterLines(flags, (lines) => lines.map(truecase));
    });
}

export function detruecaseCommand(): Command {
  return filter('detruecase', "Capitals at the start of sentences, as Moses' detruecase.perl.")
    .addHelpText(
      'after',
      `
Examples:
  coldstart corpus detruecase < test.hyp | coldstart corpus detokenize -l en > test.txt`,
    )
    .action(async (flags: FilterFlags) => {
      const { detruecase } = await import('../../text/moses/truecase.js');
      await filterLines(flags, (lines) => lines.map(detruecase));
    });
}
