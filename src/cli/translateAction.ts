import { once } from 'node:events';
import { dirname } from 'node:path';
import { counted } from '../counted.js';
import { defaultConfig } from '../config/loadConfig.js';
import { UsageError } from '../errors.js';
import { translateFields } from '../decode/decodeOptions.js';
import { readRunConfig } from '../run/runFolder.js';
import { ProgressBar } from '../report/progress/progressBar.js';
import { isPipe } from '../storage/refusePipe.js';
import { checkOutputs } from '../storage/checkOutputs.js';
import { TextOutput } from '../storage/textOutput.js';
import { inStep, withoutLineEnd } from '../text/linePairs.js';
import { defaultBufferLines, defaultMaxSourceTokens } from '../translator/limits.js';
import {
  Translator,
  type ScoreOptions,
  type TranslatedLine,
  type TranslatorOptions,
} from '../translator/translator.js';
import { readLines } from './filterLines.js';
import { abortOnInterrupt } from './interrupts.js';
import { chosenModels } from './modelFlags.js';
import type { TranslateFlags } from './translateFlags.js';
import { makeFolder } from '../storage/makeFolder.js';

export async function translateAction(flags: TranslateFlags): Promise<void> {
  if (flags.scoreTarget !== undefined) refuseSearchFlags(flags);
  if (flags.output !== undefined) checkOutputs([flags.output]);
  const models = chosenModels(flags);
  if (flags.scoreTarget !== undefined) await checkSameLength(flags.input, flags.scoreTarget);
  const signal = abortOnInterrupt(
    flags.output === undefined ? 'The lines written so far are whole.' : 'Nothing was written.',
  );
  const { beamSize } = flags.run.length === 0 ? defaultConfig().decode : readRunConfig(flags.run[0]).decode;
  const beam = flags.beam ?? beamSize;
  const { nbest = translateFields.nbest.default } = flags;
  if (nbest > beam)
    throw new UsageError(
      `--nbest is ${nbest}, but a beam of ${beam} finds at most ${beam} translations of a line. Use --beam ${nbest}, or a smaller --nbest.`,
    );
  const translator = await Translator.open(models, { use: flags.use, text: flags.text, backend: flags.backend });
  try {
    for (const { checkpoint, description, decode } of translator.places)
      if ((flags.use ?? decode.checkpoint) === 'average' && description !== undefined)
        console.error(`${checkpoint}: ${description}.`);
    const options: TranslatorOptions = {
      lengthPenalty: flags.lenpen,
      form: flags.tokenized ? 'words' : 'raw',
      signal,
    };
    if (flags.scoreTarget !== undefined) await writeScores(translator, flags.scoreTarget, flags, options);
    else await writeTranslations(translator, flags, { ...options, beam, nbest });
  } finally {
    await translator.close();
  }
}

/** @throws UsageError for options of the search, as given translations are not searched for */
function refuseSearchFlags({ beam, nbest, maxSourceTokens }: TranslateFlags): void {
  const given = Object.entries({ '--beam': beam, '--nbest': nbest, '--max-source-tokens': maxSourceTokens });
  const without = given.find(([, value]) => value !== undefined);
  if (without !== undefined)
    throw new UsageError(
      `${without[0]} has no effect with --score-target, which scores given translations and does not search. Remove one of the two.`,
    );
}

async function writeTranslations(
  translator: Translator,
  flags: TranslateFlags,
  options: TranslatorOptions,
): Promise<void> {
  const fromTerminal = flags.input === undefined && process.stdin.isTTY;
  // on one terminal the progress line and the typed text or translations would overwrite each other
  const answersOnTerminal = flags.output === undefined && process.stdout.isTTY && process.stderr.isTTY;
  const progress =
    fromTerminal || answersOnTerminal ? undefined : new ProgressBar({ label: 'translate', unit: 'sentences' });
  // standard output that is not a terminal may still end on it (a pager, tee) and arrive after the next prompt
  const prompt = fromTerminal && (answersOnTerminal || flags.output !== undefined) ? '> ' : '';
  const output = new LineOutput(flags.output);
  let done = 0;
  const cut: number[] = [];
  try {
    const translated = translator.stream(linesOf(flags.input, options.signal, prompt), {
      ...options,
      maxSourceTokens: flags.maxSourceTokens,
      bufferLines: flags.buffer ?? (fromTerminal ? 1 : undefined),
      onProgress: (count) => progress?.update(count),
    });
    for await (const line of translated) {
      await output.write(format(line, done, flags));
      if (line.truncated) cut.push(done);
      done++;
    }
    output.finish();
    if (prompt !== '') process.stderr.write('\n'); // the shell's prompt begins on a new line
  } finally {
    output.abandon(); // does nothing once it is finished
    progress?.finish();
  }
  if (cut.length > 0)
    console.error(
      `${counted(cut.length, 'line was', 'lines were')} longer than ${flags.maxSourceTokens ?? defaultMaxSourceTokens} tokens and cut, first line ${cut[0] + 1} (--max-source-tokens).`,
    );
}

/**
 * Compares the numbers of lines before any is scored. A pipe can be read only once: there the error follows the scores
 * of the lines that both have.
 *
 * @throws DataError naming both counts
 */
async function checkSameLength(input: string | undefined, target: string): Promise<void> {
  if (input === undefined || isPipe(input) || isPipe(target)) return;
  for await (const _ of inStep(readLines(input), readLines(target), { src: input, trg: target }));
}

/** Prints for each source line the score of the line of the file that is next to it. */
async function writeScores(
  translator: Translator,
  target: string,
  { input, output: path, buffer, json }: TranslateFlags,
  options: ScoreOptions,
): Promise<void> {
  const output = new LineOutput(path);
  const blocks = inStep(readLines(input, options.signal), readLines(target, options.signal), {
    src: input ?? 'standard input',
    trg: target,
  });
  try {
    for await (const { src, trg } of blocks) {
      const [sources, targets] = [src.map(withoutLineEnd), trg.map(withoutLineEnd)];
      for (let start = 0; start < sources.length; start += buffer ?? defaultBufferLines) {
        const window = [start, start + (buffer ?? defaultBufferLines)] as const;
        const scored = await translator.score(sources.slice(...window), targets.slice(...window), options);
        await output.write(
          scored.map(({ score, logProbability, tokens }, i) =>
            json
              ? JSON.stringify({
                  source: sources[start + i],
                  target: targets[start + i],
                  score,
                  logProbability,
                  tokens,
                })
              : score.toFixed(4),
          ),
        );
      }
    }
    output.finish();
  } finally {
    output.abandon();
  }
}

/** Lines to a file, which appears whole at the end, or to standard output at the pace at which it is read. */
class LineOutput {
  private readonly file: TextOutput | undefined;

  constructor(path: string | undefined) {
    if (path === undefined) return;
    makeFolder(dirname(path));
    this.file = new TextOutput(path);
  }

  async write(lines: readonly string[]): Promise<void> {
    if (this.file !== undefined) lines.forEach((line) => this.file!.line(line));
    else if (!process.stdout.write(lines.map((line) => `${line}\n`).join(''))) await once(process.stdout, 'drain');
  }

  finish(): void {
    this.file?.finish();
  }

  /** Does nothing once it is finished. */
  abandon(): void {
    this.file?.abandon();
  }
}

/** The output lines of one input line. */
function format(
  { source, nbest: best, text }: TranslatedLine,
  number: number,
  { json, nbest = translateFields.nbest.default }: TranslateFlags,
): string[] {
  if (json)
    return [
      JSON.stringify({
        source,
        translations: best.map(({ text: translation, score, logProbability, tokens }) => ({
          text: translation,
          score,
          logProbability,
          tokens,
        })),
      }),
    ];
  if (nbest === 1) return [text];
  return best.map((each) => `${number} ||| ${each.text} ||| ${each.score.toFixed(4)}`);
}

/** The input's lines. */
async function* linesOf(
  input: string | undefined,
  signal: AbortSignal | undefined,
  prompt: string,
): AsyncGenerator<string> {
  for await (const block of readLines(input, signal, prompt)) for (const line of block) yield withoutLineEnd(line);
}
