import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { counted } from '../../counted.js';
import { pairFormats, type PairFormat } from '../../corpus/extract/pairFormat.js';
import type { PairSource } from '../../corpus/extract/readPairs.js';
import { UsageError } from '../../errors.js';
import { abortOnInterrupt } from '../interrupts.js';
import { jsonOption } from '../options.js';
import { languageOf } from './pairOptions.js';

interface ExtractFlags {
  src?: string[];
  trg?: string[];
  input?: string[];
  archive?: string;
  format?: PairFormat;
  srcLang?: string;
  trgLang?: string;
  columns?: [number, number];
  drop?: string[];
  keepReferences?: boolean;
  straightApostrophes?: boolean;
  outSrc: string;
  outTrg: string;
  heldOut?: number;
  heldOutSrc?: string;
  heldOutTrg?: string;
  json?: boolean;
}

export function extractCommand(): Command {
  return new Command('extract')
    .description(
      'Writes sentence pairs of other formats as two aligned text files, one sentence per line; holds out every nth pair.',
    )
    .option('--src <files...>', 'source side, one or more files, read one after the other')
    .option('--trg <files...>', 'target side, as many files')
    .option('--input <files...>', 'files that hold both sides: .tmx, .tsv')
    .option('--archive <file>', 'tar or zip archive; the other options then name files inside of it')
    .addOption(new Option('--format <name>', 'format (default: by the names of the files)').choices([...pairFormats]))
    .option('--src-lang <code>', 'for tmx: language of the source side (default: the ending of --out-src)')
    .option('--trg-lang <code>', 'for tmx: language of the target side')
    .option('--columns <src,trg>', 'for tsv: columns of the two sides, from 1 (default: 1,2)', columnPair)
    .option('--drop <elements...>', 'for iwslt-tags: elements left out with their line (default: all metadata)')
    .option('--keep-references', 'for segments: keep &amp; and other character references, as the fairseq scripts do')
    .option('--straight-apostrophes', "for segments: write ’ as ', as the fairseq scripts do")
    .requiredOption('--out-src <file>', 'where to write the source side, packed if it ends in .gz')
    .requiredOption('--out-trg <file>', 'where to write the target side')
    .option(
      '--held-out <every=n>',
      'every nth pair goes to --held-out-src and --held-out-trg, e.g. every=23',
      heldOutRule,
    )
    .option('--held-out-src <file>', 'held-out pairs, source side')
    .option('--held-out-trg <file>', 'held-out pairs, target side')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Formats: moses (one sentence per line), iwslt-tags (train.tags.de-en.de), segments (.xml of IWSLT, .sgm of WMT), tsv, tmx.
All may be packed: .gz, .xz, .zst, .bz2, or .zip of one file. Pairs that are not valid UTF-8 are left out and counted;
in segments and tmx they are an error.

Examples:
  coldstart corpus extract --src train.tags.de-en.de --trg train.tags.de-en.en --out-src train.de --out-trg train.en
  coldstart corpus extract --input de-en.tmx.gz --out-src memory.de --out-trg memory.en
  coldstart corpus extract --archive de-en.txt.zip --src Books.de-en.de --trg Books.de-en.en --out-src books.de --out-trg books.en
  coldstart corpus extract --src clean.de --trg clean.en --held-out every=23 --out-src train.de --out-trg train.en \\
    --held-out-src valid.de --held-out-trg valid.en`,
    )
    .action(extractAction);
}

async function extractAction(flags: ExtractFlags): Promise<void> {
  const [{ extractCorpus }, { checkOutputs }, { ProgressBar }] = await Promise.all([
    import('../../corpus/extract/extractCorpus.js'),
    import('../../storage/checkOutputs.js'),
    import('../../report/progress/progressBar.js'),
  ]);
  const heldOut = heldOutOf(flags);
  const written = [flags.outSrc, flags.outTrg, ...(heldOut ? [heldOut.out.src, heldOut.out.trg] : [])];
  if (new Set(written).size < written.length) throw new UsageError('the files to write must be different ones.');
  checkOutputs(written);
  const signal = abortOnInterrupt('Nothing was written.');
  const named = await sourcesOf(flags);
  const unpackedTo = flags.archive === undefined ? undefined : mkdtempSync(join(tmpdir(), 'coldstart-extract-'));
  const progress = new ProgressBar({ label: 'extract', unit: 'pairs' });
  try {
    const sources =
      unpackedTo === undefined ? named : await unpackSources(flags.archive!, named, join(unpackedTo, 'files'), signal);
    const report = await extractCorpus({
      sources,
      out: { src: flags.outSrc, trg: flags.outTrg },
      heldOut,
      signal,
      onProgress: (pairs) => progress.update(pairs),
    });
    progress.finish();
    if (report.invalidPairs > 0)
      console.error(`note: ${counted(report.invalidPairs, 'pair is', 'pairs are')} not valid UTF-8; left out`);
    if (report.skippedUnits > 0)
      console.error(`note: ${counted(report.skippedUnits, 'unit lacks', 'units lack')} one of the languages; left out`);
    if (flags.json) console.log(JSON.stringify(report, null, 2));
    else
      console.log(
        `${flags.outSrc}, ${flags.outTrg}: ${counted(report.pairs, 'pair')}${heldOut ? `; ${heldOut.out.src}, ${heldOut.out.trg}: ${counted(report.heldOutPairs, 'pair')}` : ''}.`,
      );
  } finally {
    if (unpackedTo !== undefined) rmSync(unpackedTo, { recursive: true, force: true });
  }
}

async function sourcesOf(flags: ExtractFlags): Promise<PairSource[]> {
  const { formatOf } = await import('../../corpus/extract/pairFormat.js');
  const { src = [], trg = [], input = [], columns = [1, 2] } = flags;
  if (src.length !== trg.length)
    throw new UsageError(
      `--src names ${counted(src.length, 'file')} and --trg ${trg.length}; expected as many of each.`,
    );
  if (src.length + input.length === 0)
    throw new UsageError('which files? Name both sides with --src and --trg, or files that hold both with --input.');
  const noElement = flags.drop?.find((name) => !/^[a-z]+$/i.test(name));
  if (noElement !== undefined)
    throw new UsageError(`--drop is ${JSON.stringify(noElement)}, expected the name of an element, such as url.`);
  const srcLang = flags.srcLang ?? languageOf(flags.outSrc);
  const trgLang = flags.trgLang ?? languageOf(flags.outTrg);
  const oneFile = input.map((file): PairSource => {
    const format = flags.format ?? formatOf(file);
    if (format === 'tsv') return { format, file, srcColumn: columns[0], trgColumn: columns[1] };
    if (format === 'tmx') return { format, file, srcLang, trgLang };
    throw new UsageError(
      `${file}: a file of the format ${format} holds one side. Name both sides with --src and --trg, or another format with --format.`,
    );
  });
  const twoFiles = src.map((file, i): PairSource => {
    const format = flags.format ?? formatOf(file);
    const files = { src: file, trg: trg[i] };
    if (format === 'iwslt-tags') return { format, ...files, ...(flags.drop && { drop: flags.drop }) };
    if (format === 'segments')
      return { format, ...files, decode: !flags.keepReferences, straightApostrophes: flags.straightApostrophes };
    if (format === 'moses') return { format, ...files };
    throw new UsageError(
      `${file}: a file of the format ${format} holds both sides. Name it with --input, or another format with --format.`,
    );
  });
  const sources = [...twoFiles, ...oneFile];
  refuseOtherFormats(
    flags,
    sources.map(({ format }) => format),
  );
  return sources;
}

/** The options that only one format uses. */
const formatOptions: readonly (readonly [option: string, flag: keyof ExtractFlags, format: PairFormat])[] = [
  ['--src-lang', 'srcLang', 'tmx'],
  ['--trg-lang', 'trgLang', 'tmx'],
  ['--columns', 'columns', 'tsv'],
  ['--drop', 'drop', 'iwslt-tags'],
  ['--keep-references', 'keepReferences', 'segments'],
  ['--straight-apostrophes', 'straightApostrophes', 'segments'],
];

/** @throws UsageError for an option of a format that no file has */
function refuseOtherFormats(flags: ExtractFlags, formats: readonly PairFormat[]): void {
  for (const [option, flag, format] of formatOptions)
    if (flags[flag] !== undefined && !formats.includes(format))
      throw new UsageError(
        `${option} has no effect: it is for the format ${format}, and the files have the format ${[...new Set(formats)].join(' and ')}. Remove it, or name another format with --format.`,
      );
}

/** The sources with the places of their files, unpacked from the archive. */
async function unpackSources(
  archive: string,
  sources: readonly PairSource[],
  folder: string,
  signal: AbortSignal,
): Promise<PairSource[]> {
  const { unpackArchive } = await import('../../storage/archive/unpackArchive.js');
  const wanted = new Set(sources.flatMap((source) => ('file' in source ? [source.file] : [source.src, source.trg])));
  const { files, others } = await unpackArchive(archive, folder, { select: (path) => wanted.has(path), signal });
  const missing = [...wanted].filter((path) => !files.some((file) => file.path === path));
  const all = [...files.map((file) => file.path), ...others];
  if (missing.length > 0)
    throw new UsageError(
      all.length === 0
        ? `${archive} holds no files, expected ${missing.join(' and ')}. Is it the right archive, and complete?`
        : `${archive} lacks ${missing.join(', ')}; it has ${all.slice(0, 12).join(', ')}${all.length > 12 ? ', ...' : ''}.`,
    );
  return sources.map((source) =>
    'file' in source
      ? { ...source, file: join(folder, source.file) }
      : { ...source, src: join(folder, source.src), trg: join(folder, source.trg) },
  );
}

function heldOutOf({
  heldOut,
  heldOutSrc,
  heldOutTrg,
}: ExtractFlags): { every: number; out: { src: string; trg: string } } | undefined {
  if (heldOut === undefined && heldOutSrc === undefined && heldOutTrg === undefined) return undefined;
  if (heldOut === undefined || heldOutSrc === undefined || heldOutTrg === undefined)
    throw new UsageError(
      '--held-out, --held-out-src and --held-out-trg belong together: which pairs, and where to write them.',
    );
  return { every: heldOut, out: { src: heldOutSrc, trg: heldOutTrg } };
}

function heldOutRule(text: string): number {
  const every = Number(/^every=(\d+)$/.exec(text)?.[1]);
  if (!Number.isSafeInteger(every) || every < 2)
    throw new InvalidArgumentError('Expected every=N with N of at least 2, e.g. every=23.');
  return every;
}

function columnPair(text: string): [number, number] {
  const [, src, trg] = /^([1-9]\d{0,3}),([1-9]\d{0,3})$/.exec(text) ?? [];
  if (src === undefined) throw new InvalidArgumentError('Expected two column numbers, e.g. 1,2.');
  return [Number(src), Number(trg)];
}
