import { Command, Option } from 'commander';
import { counted } from '../counted.js';
import { ColdstartError, DataError, UsageError } from '../errors.js';
import { shellWord } from '../format.js';
import { starts, type Start } from '../config/startingConfig.js';
import { languageOf } from './corpus/pairOptions.js';

interface InitFlags {
  src: string;
  trg: string;
  srcLang?: string;
  trgLang?: string;
  out?: string;
  start: Start;
}

/**
 * With a larger share of pairs that are not UTF-8 the files have another encoding, and what is left is a poor sample.
 */
const mostInvalid = 0.01;

/** With fewer pairs the validation set would be too small. */
const leastPairs = 100;

export function initCommand(): Command {
  return new Command('init')
    .description(
      'Writes a starting configuration for two files of running text into the current folder, and holds out a test set.',
    )
    .requiredOption('--src <file>', 'source side, one sentence per line, plain or .gz')
    .requiredOption('--trg <file>', 'target side: line i is the translation of line i')
    .option('--src-lang <code>', 'language of the source, e.g. de (default: the ending of its name)')
    .option('--trg-lang <code>', 'language of the target')
    .option('--out <file>', 'configuration to write (default: SRC-TRG.yaml, as de-en.yaml)')
    .addOption(
      new Option('--start <name>', 'with a learning-rate warmup, or without one after GradInit')
        .choices(starts)
        .default('warmup' satisfies Start),
    )
    .addHelpText(
      'after',
      `
Your files stay as they are. The pairs go to runs/data/NAME/text as train.* and test.*; validation pairs are held out by the
configuration. Model and subwords are chosen by the number of pairs. Nothing is overwritten.

Examples:
  coldstart init --src corpus.de --trg corpus.en
  coldstart init --src corpus.de --trg corpus.en --start cold`,
    )
    .action(init);
}

async function init(flags: InitFlags): Promise<void> {
  const [
    { existsSync, rmSync, statSync },
    { basename, dirname, join, resolve },
    { extractCorpus },
    { checkSentencePerLine },
    { heldOutEvery, startingConfig },
    files,
  ] = await Promise.all([
    import('node:fs'),
    import('node:path'),
    import('../corpus/extract/extractCorpus.js'),
    import('../corpus/extract/sentencePerLine.js'),
    import('../config/startingConfig.js'),
    import('../storage/atomicFile.js'),
  ]);
  for (const path of [flags.src, flags.trg])
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
      throw new UsageError(`${path} is a folder, expected a file with one sentence per line.`);
  checkSentencePerLine(flags, flags);
  if (resolve(flags.src) === resolve(flags.trg))
    throw new UsageError(
      `--src and --trg both name ${flags.src}, expected a file for each language. If it holds both, "coldstart corpus extract" writes two.`,
    );
  const srcLang = flags.srcLang ?? languageOfFile(flags.src, '--src-lang');
  const trgLang = flags.trgLang ?? languageOfFile(flags.trg, '--trg-lang');
  for (const [option, code] of [
    ['--src-lang', srcLang],
    ['--trg-lang', trgLang],
  ])
    if (!/^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$/.test(code))
      throw new UsageError(`${option} is ${JSON.stringify(code)}, expected the code of a language, e.g. de or pt-BR.`);
  if (srcLang.toLowerCase() === trgLang.toLowerCase())
    throw new UsageError(
      `both files are of the language ${srcLang}. Name the languages with --src-lang and --trg-lang.`,
    );
  const out = flags.out ?? `${srcLang}-${trgLang}.yaml`;
  if (!/\.ya?ml$/.test(out)) throw new UsageError(`--out is ${out}, expected a name that ends in .yaml.`);
  const name = basename(out).replace(/\.ya?ml$/, '');
  const folder = join(dirname(out), 'runs/data', name);
  for (const path of [out, folder])
    if (existsSync(path))
      throw new ColdstartError(
        'FILE_EXISTS',
        `${path} is there already, and init overwrites nothing. Choose another name with --out, or remove it first.`,
      );
  const { total, first } = await countPairs(flags);
  if (total < leastPairs)
    throw new DataError(
      `${flags.src} and ${flags.trg} have ${counted(total, 'pair')}, expected at least ${leastPairs}.`,
    );
  const every = heldOutEvery(total);
  const text = (set: string) => ({
    src: join(folder, 'text', `${set}.${srcLang}`),
    trg: join(folder, 'text', `${set}.${trgLang}`),
  });
  const { pairs, heldOutPairs, invalidPairs } = await extractCorpus({
    sources: [{ format: 'moses', src: flags.src, trg: flags.trg }],
    out: text('train'),
    heldOut: { every, out: text('test') },
  });
  if (invalidPairs > mostInvalid * total) {
    rmSync(folder, { recursive: true });
    throw new DataError(
      `${invalidPairs} of the ${total} pairs of ${flags.src} and ${flags.trg} are not valid UTF-8. Convert the files first, e.g. iconv -f LATIN1 -t UTF-8.`,
    );
  }
  if (invalidPairs > 0)
    console.error(`note: ${counted(invalidPairs, 'pair is', 'pairs are')} not valid UTF-8; left out`);
  files.writeFileAtomic(
    out,
    startingConfig({
      srcLang,
      trgLang,
      pairs,
      testPairs: heldOutPairs,
      textDir: `runs/data/${name}/text`,
      preparedDir: `runs/data/${name}/prepared`,
      start: flags.start,
    }),
  );
  console.log(
    `${out} written, for ${counted(pairs, 'training pair')}; ${heldOutPairs} are held out as the test set in ${folder}/text.`,
  );
  console.log(`The first pair:\n  ${srcLang}: ${first.src}\n  ${trgLang}: ${first.trg}`);
  const shown = shellWord(out);
  console.log(`Next:\n  npx coldstart corpus prepare -c ${shown}\n  npx coldstart train -c ${shown}`);
}

/**
 * How many pairs there are, and the first one, shortened. @throws DataError naming both counts if the files have
 * different numbers of lines
 */
async function countPairs(files: InitFlags): Promise<{ total: number; first: Record<'src' | 'trg', string> }> {
  const { readLinePairs, withoutLineEnd } = await import('../text/linePairs.js');
  const { escapeControls } = await import('./escapeControls.js');
  const shown = (line: string | null): string =>
    line === null ? '(not valid UTF-8)' : escapeControls(withoutLineEnd(line).slice(0, 100));
  let total = 0;
  let first = { src: '', trg: '' };
  for await (const { src, trg } of readLinePairs(files)) {
    if (total === 0 && src.length > 0) first = { src: shown(src[0]), trg: shown(trg[0]) };
    total += src.length;
  }
  return { total, first };
}

/** The language named by a file's ending; undefined for endings such as .txt. */
function languageOfFile(path: string, option: string): string {
  const code = languageOf(path);
  if (/^[a-z]{2}$/.test(code)) return code;
  throw new UsageError(
    `which language is ${path}? Its name does not end in a code such as .de; name it with ${option}.`,
  );
}
