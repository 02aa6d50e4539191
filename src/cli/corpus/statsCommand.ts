import { basename } from 'node:path';
import { Command } from 'commander';
import { abortOnInterrupt } from '../interrupts.js';
import { jsonOption } from '../options.js';
import { heldOutOption, pairedFiles } from './pairOptions.js';

interface StatsFlags {
  src: string;
  trg: string;
  heldOut?: string[];
  separator: string;
  codes?: string;
  html?: string;
  json?: boolean;
}

export function statsCommand(): Command {
  return new Command('stats')
    .description(
      'Counts a parallel corpus: lengths, vocabulary and its coverage, unknown words, subword units per word, duplicates, leakage.',
    )
    .requiredOption('--src <file>', 'source side, plain or .gz')
    .requiredOption('--trg <file>', 'target side')
    .addOption(heldOutOption('counted'))
    .option('-s, --separator <mark>', 'mark of subword units in the text; ▁ for SentencePiece pieces', '@@')
    .option('--codes <file>', 'byte-pair merges: count the units that words are split into')
    .option('--html <file>', 'also write a page')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  coldstart corpus stats --src train.de --trg train.en
  coldstart corpus stats --src train.tok.de --trg train.tok.en --held-out test.tok.de test.tok.en --codes codes --html corpus.html`,
    )
    .action(statsAction);
}

async function statsAction(flags: StatsFlags): Promise<void> {
  const [
    { corpusStats },
    { corpusStatsAsText },
    { corpusStatsAsHtml },
    { ProgressBar },
    { checkOutputs },
    { checkSentencePerLine },
    { writeFileAtomic },
  ] = await Promise.all([
    import('../../text/clean/corpusStats.js'),
    import('../../report/text/corpusStatsText.js'),
    import('../../report/html/corpusStatsHtml.js'),
    import('../../report/progress/progressBar.js'),
    import('../../storage/checkOutputs.js'),
    import('../../corpus/extract/sentencePerLine.js'),
    import('../../storage/atomicFile.js'),
  ]);
  checkSentencePerLine(flags, {});
  if (flags.html !== undefined) checkOutputs([flags.html]);
  const unitsOf = flags.codes === undefined ? undefined : await unitCounter(flags.codes);
  const progress = new ProgressBar({ label: 'stats', unit: 'pairs', lineEverySeconds: 30 });
  const stats = await corpusStats(
    { src: flags.src, trg: flags.trg },
    {
      heldOut: pairedFiles(flags.heldOut).map((files) => ({
        ...files,
        name: basename(files.src)
          .replace(/\.gz$/, '')
          .replace(/\.[^.]+$/, ''),
      })),
      joiner: flags.separator,
      unitsOf: unitsOf && { src: unitsOf, trg: unitsOf },
      signal: abortOnInterrupt('Nothing was written.'),
      onProgress: (pairs) => progress.update(pairs),
    },
  );
  progress.finish();
  if (flags.html !== undefined)
    writeFileAtomic(flags.html, corpusStatsAsHtml(stats, [basename(flags.src), basename(flags.trg)]), {
      overwrite: false,
    });
  console.log(flags.json ? JSON.stringify(stats, null, 2) : corpusStatsAsText(stats));
}

async function unitCounter(codes: string): Promise<(word: string) => number> {
  const [{ Bpe }, { readBpeCodes }] = await Promise.all([
    import('../../text/subwords/bpe.js'),
    import('../../text/subwords/bpeCodes.js'),
  ]);
  const bpe = new Bpe(readBpeCodes(codes));
  return (word) => bpe.segment(word).length;
}
