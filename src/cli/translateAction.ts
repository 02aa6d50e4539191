import { selectBackend } from '../backend/select.js';
import { defaultConfig } from '../config/loadConfig.js';
import { DataError, UsageError } from '../errors.js';
import { chooseCheckpoint } from '../experiment/chooseCheckpoint.js';
import { beamOptions } from '../experiment/heldOut.js';
import { readRunConfig, runPaths } from '../experiment/runFolder.js';
import { findTextFolder, translateText } from '../experiment/translateText.js';
import { ProgressBar } from '../report/progressBar.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import { readLineBlocks } from '../storage/lines.js';
import { refuseExisting } from '../storage/textOutput.js';
import { abortOnInterrupt } from './interrupts.js';
import type { TranslateFlags } from './translate.js';

export async function translateAction(flags: TranslateFlags): Promise<void> {
  if ((flags.run === undefined) === (flags.checkpoint === undefined)) throw new UsageError('name what translates: either --run DIR or --checkpoint FILE.');
  if (flags.use !== undefined && !['best', 'last', 'average'].includes(flags.use)) throw new UsageError(`--use is "${flags.use}", expected best, last or average.`);
  if (flags.output !== undefined) refuseExisting([flags.output]);
  const signal = abortOnInterrupt('Nothing was written.');
  const decode = flags.run === undefined ? defaultConfig().decode : readRunConfig(flags.run).decode;
  const checkpoint = flags.checkpoint ?? chooseCheckpoint(flags.run!, { ...decode, checkpoint: flags.use ?? decode.checkpoint }).path;
  const textFolder = flags.text ?? (flags.run === undefined ? findTextFolder(checkpoint) : runPaths(flags.run).text);
  const lines = await readLines(flags.input);
  await selectBackend(flags.backend);

  const progress = new ProgressBar({ label: 'translate', unit: 'sentences', total: lines.length });
  const beamSize = flags.beam ?? decode.beamSize;
  const { translations, truncated } = await translateText(lines, checkpoint, textFolder, {
    ...beamOptions(decode), beamSize, lengthPenalty: flags.lenpen ?? decode.lengthPenalty, nbest: flags.nbest, signal,
    onProgress: (done) => progress.update(done),
  });
  progress.finish();
  if (truncated.length > 0) console.error(`${truncated.length} lines were too long and cut, first line ${truncated[0] + 1}.`);

  const output = flags.json
    ? translations.map((best, i) => JSON.stringify({ source: lines[i], translations: best }))
    : flags.nbest === 1
      ? translations.map(([best]) => best.text)
      : translations.flatMap((best, i) => best.map(({ text, score }) => `${i} ||| ${text} ||| ${score.toFixed(4)}`));
  const text = output.map((line) => `${line}\n`).join('');
  if (flags.output === undefined) process.stdout.write(text);
  else writeFileAtomic(flags.output, text, { overwrite: false });
}

async function readLines(input: string | undefined): Promise<string[]> {
  const name = input ?? 'standard input';
  if (input === undefined && process.stdin.isTTY) console.error('Reading lines from the terminal; end with Ctrl-D.');
  const lines: string[] = [];
  for await (const block of input === undefined ? readLineBlocks(name, process.stdin) : readLineBlocks(input)) {
    for (const line of block) {
      if (line === null) throw new DataError(`${name}:${lines.length + 1} is not valid UTF-8. Convert the text first, for example with iconv.`);
      lines.push(line);
    }
  }
  return lines;
}
