import { Command, InvalidArgumentError, Option } from 'commander';
import { counted } from '../../counted.js';
import { DataError, UsageError } from '../../errors.js';
import {
  filterLines,
  inputOption,
  noWords,
  outputOption,
  readLines,
  readUtf8,
  type FilterFlags,
} from '../filterLines.js';
import { defaultJoiner } from '../../text/subwords/joiner.js';
import { learnBpeFields } from '../../text/subwords/learnBpe.js';
import { fieldValue, positiveInteger, share, wholeNumber } from '../options.js';

const joinerOption = () =>
  new Option('-s, --separator <mark>', 'mark of units that the next one continues')
    .default(defaultJoiner)
    .argParser(mark);
const inputsOption = () =>
  new Option('-i, --input <files...>', 'tokenised text, plain or .gz (default: standard input)');

/** subword-nmt's learn-bpe takes the number of merges as -s. */
function mark(text: string): string {
  if (/^\d+$/.test(text))
    throw new InvalidArgumentError(
      'Expected a mark such as @@. The number of merges, which is -s or --symbols in subword-nmt, is -n or --merges here.',
    );
  return text;
}

interface LearnFlags {
  input?: string[];
  codes: string;
  merges: number;
  minFrequency: number;
  totalSymbols?: boolean;
  dictInput?: boolean;
  writeVocabulary?: string[];
  separator: string;
}

export function learnBpeCommand(): Command {
  return new Command('learn-bpe')
    .description(
      "Learns byte-pair merges from one or several texts together, as subword-nmt's learn-bpe and learn-joint-bpe-and-vocab.",
    )
    .addOption(inputsOption())
    .requiredOption(
      '-o, --codes <file>',
      'merges to write, which apply-bpe and subword-nmt read; packed if it ends in .gz',
    )
    .option('-n, --merges <n>', 'merges to learn', fieldValue(learnBpeFields.numMerges), 10000)
    .option(
      '--min-frequency <n>',
      'stop where no pair is seen so often',
      fieldValue(learnBpeFields.minFrequency),
      learnBpeFields.minFrequency.default,
    )
    .option('--total-symbols', 'count the distinct characters into --merges, so that it bounds the number of units')
    .option('--dict-input', 'the input is "word count" on each line')
    .option(
      '--write-vocabulary <files...>',
      'units and their counts in each input, for apply-bpe --vocabulary: one file per input',
    )
    .addOption(joinerOption())
    .addHelpText(
      'after',
      `
Examples:
  coldstart corpus learn-bpe -i tok.de -n 8000 -o codes.de
  coldstart corpus learn-bpe -i tok.de tok.en -n 10000 -o codes --write-vocabulary vocab.de vocab.en`,
    )
    .action(learnBpeAction);
}

async function learnBpeAction({
  input,
  codes,
  merges: numMerges,
  minFrequency,
  totalSymbols,
  dictInput,
  writeVocabulary = [],
  separator,
}: LearnFlags): Promise<void> {
  const inputs: readonly (string | undefined)[] = input ?? [undefined];
  if (writeVocabulary.length > 0 && writeVocabulary.length !== inputs.length) {
    throw new UsageError(
      `--write-vocabulary names ${counted(writeVocabulary.length, 'file')} for ${counted(inputs.length, 'input')}; expected one for each.`,
    );
  }
  const [
    { learnBpe, bpeCodesText, bpeVocabularyText },
    { Bpe },
    { parseBpeCodes },
    { countUnits },
    { writeTextFile },
    { checkOutputs },
    { ProgressBar },
  ] = await Promise.all([
    import('../../text/subwords/learnBpe.js'),
    import('../../text/subwords/bpe.js'),
    import('../../text/subwords/bpeCodes.js'),
    import('../../text/subwords/unitCounts.js'),
    import('../../storage/textOutput.js'),
    import('../../storage/checkOutputs.js'),
    import('../../report/progress/progressBar.js'),
  ]);
  checkOutputs([codes, ...writeVocabulary]);
  const all = new Map<string, number>();
  const countsOfEach: Map<string, number>[] = [];
  const reading = new ProgressBar({ label: 'read', unit: 'bytes' });
  let numBytes = 0;
  for (const path of inputs) {
    const counts = dictInput
      ? await readWordCounts(path)
      : await countInputWords(path, new Map(), (bytes) => reading.update((numBytes += bytes)));
    for (const [word, count] of counts) all.set(word, (all.get(word) ?? 0) + count);
    if (writeVocabulary.length > 0) countsOfEach.push(counts);
  }
  reading.finish();
  if (all.size === 0) throw noWords(inputs);

  const progress = new ProgressBar({ label: 'learn-bpe', unit: 'merges', total: numMerges });
  const merges = learnBpe(all, { numMerges, minFrequency, totalSymbols, onMerge: (done) => progress.update(done) });
  progress.finish();
  const text = bpeCodesText(merges);
  writeTextFile(codes, text);
  if (writeVocabulary.length > 0) {
    const bpe = new Bpe(parseBpeCodes(text, codes), { joiner: separator });
    writeVocabulary.forEach((path, i) => writeTextFile(path, bpeVocabularyText(countUnits(countsOfEach[i], bpe))));
  }
  if (merges.length < numMerges && !totalSymbols)
    console.error(
      `coldstart: ${counted(merges.length, 'merge was', 'merges were')} learnt; no further pair is seen ${minFrequency} times.`,
    );
}

/** Counts the words of a file or of standard input. */
async function countInputWords(
  input: string | undefined,
  counts = new Map<string, number>(),
  onBytes: (count: number) => void = () => {},
): Promise<Map<string, number>> {
  const { WordCounter } = await import('../../text/subwords/wordCounter.js');
  const counter = new WordCounter();
  for await (const utf8 of readUtf8(input)) {
    counter.add(utf8);
    onBytes(utf8.length);
  }
  return counter.addTo(counts);
}

/** Words with their counts, "word count" on each line. */
async function readWordCounts(input: string | undefined): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  let lineNumber = 0;
  for await (const lines of readLines(input)) {
    for (const line of lines) {
      lineNumber++;
      const [, word, count] = /^([^ ]+) (\d+)$/.exec(line.replace(/^[\r ]+|[\r ]+$/g, '')) ?? [];
      if (word === undefined)
        throw new DataError(
          `${input ?? 'standard input'}:${lineNumber}: expected "word count", found ${JSON.stringify(line.slice(0, 80))}.`,
        );
      counts.set(word, (counts.get(word) ?? 0) + Number(count));
    }
  }
  return counts;
}

interface ApplyFlags extends FilterFlags {
  codes: string;
  merges?: number;
  separator: string;
  vocabulary?: string;
  vocabularyThreshold?: number;
  glossaries?: string[];
  dropout: number;
  seed?: number;
}

export function applyBpeCommand(): Command {
  return new Command('apply-bpe')
    .description("Splits the words of tokenised text into units, as subword-nmt's apply-bpe.")
    .addOption(inputOption())
    .addOption(outputOption())
    .requiredOption('-c, --codes <file>', 'merges of learn-bpe or subword-nmt, plain or .gz')
    .option('-m, --merges <n>', 'use only the first so many merges', positiveInteger)
    .addOption(joinerOption())
    .option('--vocabulary <file>', 'units and counts (learn-bpe --write-vocabulary): units outside are split further')
    .option('--vocabulary-threshold <n>', 'with --vocabulary: so are units seen less often than this', wholeNumber)
    .option('--glossaries <words...>', 'words and regular expressions that stay whole')
    .option('--dropout <p>', 'leave merges out with this probability (BPE-dropout), only for training text', share, 0)
    .option('--seed <n>', 'of --dropout (default: 1)', wholeNumber)
    .addHelpText(
      'after',
      `
Examples:
  coldstart corpus apply-bpe -c codes < tok.de > bpe.de
  coldstart corpus apply-bpe -c codes --vocabulary vocab.de --vocabulary-threshold 50 --input tok.de.gz --output bpe.de.gz
  coldstart corpus apply-bpe -c codes --dropout 0.1 --seed 7 < tok.de > bpe.epoch7.de
  coldstart corpus apply-bpe -c codes --glossaries '<tag\\d*>' USA --input tok.en`,
    )
    .action(async (flags: ApplyFlags) => {
      if (flags.vocabularyThreshold !== undefined && flags.vocabulary === undefined)
        throw new UsageError('--vocabulary-threshold needs a --vocabulary.');
      if (flags.seed !== undefined && flags.dropout === 0)
        throw new UsageError('--seed has no effect without --dropout, which alone draws at random. Remove it.');
      const [{ Bpe }, { readBpeCodes, readBpeVocabulary }, { MersenneTwister }] = await Promise.all([
        import('../../text/subwords/bpe.js'),
        import('../../text/subwords/bpeCodes.js'),
        import('../../random/pythonRandom.js'),
      ]);
      const bpe = new Bpe(readBpeCodes(flags.codes, flags.merges), {
        joiner: flags.separator,
        glossaries: flags.glossaries,
        vocabulary:
          flags.vocabulary === undefined ? undefined : readBpeVocabulary(flags.vocabulary, flags.vocabularyThreshold),
      });
      const twister = new MersenneTwister(flags.seed ?? 1);
      const dropout = flags.dropout === 0 ? undefined : { probability: flags.dropout, random: () => twister.random() };
      await filterLines(flags, (lines) => bpe.map(lines, (line) => bpe.segmentLine(line, dropout)));
    });
}

export function getVocabCommand(): Command {
  return new Command('get-vocab')
    .description("Counts the words or units of text, most frequent first, as subword-nmt's get-vocab.")
    .addOption(inputsOption())
    .option('-o, --output <file>', 'where to write, packed if it ends in .gz (default: standard output)')
    .addHelpText(
      'after',
      `
Examples:
  coldstart corpus get-vocab < train.bpe.de > vocab.de
  coldstart corpus get-vocab -i train.bpe.de train.bpe.en -o vocab`,
    )
    .action(async ({ input = [undefined], output }: { input?: (string | undefined)[]; output?: string }) => {
      const [{ bpeVocabularyText }, { writeTextFile }, { checkOutputs }] = await Promise.all([
        import('../../text/subwords/learnBpe.js'),
        import('../../storage/textOutput.js'),
        import('../../storage/checkOutputs.js'),
      ]);
      if (output !== undefined) checkOutputs([output]);
      const counts = new Map<string, number>();
      for (const path of input) await countInputWords(path, counts);
      if (counts.size === 0) throw noWords(input);
      const text = bpeVocabularyText(counts);
      if (output === undefined) process.stdout.write(text);
      else writeTextFile(output, text);
    });
}
