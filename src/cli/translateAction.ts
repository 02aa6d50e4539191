import { once } from 'node:events';
import { dirname } from 'node:path';
import { counted } from '../counted.js';
import { selectBackend } from '../backend/select.js';
import { defaultConfig } from '../config/loadConfig.js';
import { UsageError } from '../errors.js';
import { chooseCheckpoint } from '../run/chooseCheckpoint.js';
import { beamOptions } from '../run/heldOut.js';
import { readRunConfig, runPaths } from '../run/runFolder.js';
import { findTextFolder, Translator, type TextTranslation } from '../decode/translateText.js';
import { ProgressBar } from '../report/progress/progressBar.js';
import { checkOutputs } from '../storage/checkOutputs.js';
import { TextOutput } from '../storage/textOutput.js';
import { withoutLineEnd } from '../text/linePairs.js';
import { readLines } from './filterLines.js';
import { abortOnInterrupt } from './interrupts.js';
import type { TranslateFlags } from './translateFlags.js';
import { makeFolder } from '../storage/makeFolder.js';

export async function translateAction(flags: TranslateFlags): Promise<void> {
  if ((flags.run === undefined) === (flags.checkpoint === undefined))
    throw new UsageError('name what translates: either --run DIR or --checkpoint FILE.');
  if (flags.use !== undefined && !['best', 'last', 'average'].includes(flags.use))
    throw new UsageError(`--use is "${flags.use}", expected best, last or average.`);
  if (flags.output !== undefined) checkOutputs([flags.output]);
  const signal = abortOnInterrupt(
    flags.output === undefined ? 'The lines written so far are whole.' : 'Nothing was written.',
  );
  const decode = flags.run === undefined ? defaultConfig().decode : readRunConfig(flags.run).decode;
  const beamSize = flags.beam ?? decode.beamSize;
  if (flags.nbest > beamSize)
    throw new UsageError(
      `--nbest is ${flags.nbest}, but a beam of ${beamSize} finds no more than ${beamSize} translations of a line. Use --beam ${flags.nbest}, or a smaller --nbest.`,
    );
  const checkpoint =
    flags.checkpoint ?? checkpointOf(flags.run!, { ...decode, checkpoint: flags.use ?? decode.checkpoint });
  const textFolder = flags.text ?? (flags.run === undefined ? findTextFolder(checkpoint) : runPaths(flags.run).text);
  const fromTerminal = flags.input === undefined && process.stdin.isTTY;
  await selectBackend(flags.backend);
  const translator = await Translator.open(checkpoint, textFolder);
  const options = {
    ...beamOptions(decode),
    beamSize,
    lengthPenalty: flags.lenpen ?? decode.lengthPenalty,
    nbest: flags.nbest,
    maxSourceTokens: flags.maxSourceTokens,
    signal,
  };

  // on one terminal the progress line would overwrite what is typed or the translations, or they it
  const answersOnTerminal = flags.output === undefined && process.stdout.isTTY && process.stderr.isTTY;
  const progress =
    fromTerminal || answersOnTerminal ? undefined : new ProgressBar({ label: 'translate', unit: 'sentences' });
  // standard output that is no terminal may still lead to it (a pager, tee) and arrive after the next prompt
  const prompt = fromTerminal && (answersOnTerminal || flags.output !== undefined) ? '> ' : '';
  const output = flags.output === undefined ? undefined : newOutput(flags.output);
  let done = 0;
  const cut: number[] = [];
  try {
    for await (const lines of windowsOfLines(
      flags.input,
      flags.buffer ?? (fromTerminal ? 1 : defaultBufferLines),
      signal,
      prompt,
    )) {
      const { translations, truncated } = await translator.translate(lines, {
        ...options,
        onProgress: (count) => progress?.update(done + count),
      });
      const text = translations.flatMap((best, i) => format(lines[i], best, done + i, flags));
      if (output !== undefined) text.forEach((line) => output.line(line));
      else if (!process.stdout.write(text.map((line) => `${line}\n`).join(''))) await once(process.stdout, 'drain');
      for (const line of truncated) cut.push(done + line);
      done += lines.length;
    }
    output?.finish();
    if (prompt !== '') process.stderr.write('\n'); // the shell's own prompt begins on a new line
  } finally {
    output?.abandon(); // does nothing once it is finished
    progress?.finish();
    await translator.close();
  }
  if (cut.length > 0)
    console.error(
      `${counted(cut.length, 'line was', 'lines were')} longer than ${flags.maxSourceTokens} tokens and cut, first line ${cut[0] + 1} (--max-source-tokens).`,
    );
}

function checkpointOf(run: string, decode: Parameters<typeof chooseCheckpoint>[1]): string {
  const { path, description } = chooseCheckpoint(run, decode);
  if (decode.checkpoint === 'average') console.error(`${path}: ${description}, computed again.`);
  return path;
}

/** Enough lines to make batches of similar length, few enough to hold in memory. */
const defaultBufferLines = 10_000;

function newOutput(path: string): TextOutput {
  makeFolder(dirname(path));
  return new TextOutput(path);
}

/** The output lines of one input line. */
function format(
  source: string,
  best: readonly TextTranslation[],
  number: number,
  { json, nbest }: TranslateFlags,
): string[] {
  if (json) return [JSON.stringify({ source, translations: best })];
  if (nbest === 1) return [best[0].text];
  return best.map(({ text, score }) => `${number} ||| ${text} ||| ${score.toFixed(4)}`);
}

/** The input's lines, `size` at a time. */
async function* windowsOfLines(
  input: string | undefined,
  size: number,
  signal: AbortSignal,
  prompt: string,
): AsyncGenerator<string[]> {
  let window: string[] = [];
  for await (const block of readLines(input, signal, prompt)) {
    for (const line of block) {
      window.push(withoutLineEnd(line));
      if (window.length < size) continue;
      yield window;
      window = [];
    }
  }
  if (window.length > 0) yield window;
}
