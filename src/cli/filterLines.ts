import { once } from 'node:events';
import { Option } from 'commander';
import { DataError } from '../errors.js';
import { readUtf8Blocks } from '../storage/lines.js';
import { checkOutputs } from '../storage/checkOutputs.js';
import { TextOutput } from '../storage/textOutput.js';
import { abortOnInterrupt } from './interrupts.js';

/** `--input` and `--output` of a command that turns lines into lines. */
export const inputOption = () => new Option('--input <file>', 'lines to read, plain or .gz (default: standard input)');
export const outputOption = () =>
  new Option('--output <file>', 'where to write, packed if it ends in .gz (default: standard output)');

export interface FilterFlags {
  readonly input?: string;
  readonly output?: string;
}

/** The error of a command that learns from words, for inputs without any; undefined is standard input. */
export function noWords(inputs: readonly (string | undefined)[]): DataError {
  const names = inputs.map((path) => path ?? 'standard input').join(', ');
  return new DataError(`${names}: there is not a word to learn from.`);
}

/**
 * Lines of a file or of standard input, block by block as they arrive, until the signal is raised.
 *
 * @param prompt shown on standard error while it waits for lines of standard input
 * @throws DataError naming a line that is not valid UTF-8
 */
export async function* readLines(
  input: string | undefined,
  signal?: AbortSignal,
  prompt = '',
): AsyncGenerator<string[]> {
  for await (const utf8 of readUtf8(input, signal, prompt)) yield utf8.toString().split('\n');
}

/** Like `readLines`, but not decoded, with line feeds between the lines of a block. */
export async function* readUtf8(input: string | undefined, signal?: AbortSignal, prompt = ''): AsyncGenerator<Buffer> {
  if (input === undefined && process.stdin.isTTY)
    process.stderr.write(`Reading lines from the terminal; end with Ctrl-D.\n${prompt}`);
  const stopWaiting = (): void => void process.stdin.destroy(signal?.reason as Error);
  if (input === undefined) signal?.addEventListener('abort', stopWaiting); // it may wait for text forever
  try {
    for await (const utf8 of input === undefined
      ? readUtf8Blocks('standard input', process.stdin)
      : readUtf8Blocks(input)) {
      yield utf8;
      signal?.throwIfAborted();
      if (prompt !== '') process.stderr.write(prompt); // answers what was typed
    }
  } catch (error) {
    signal?.throwIfAborted(); // the error then only says that reading was ended
    throw error;
  } finally {
    signal?.removeEventListener('abort', stopWaiting);
  }
}

/** Writes one line for each line read, in the same order: the frame of commands for pipes (see `filterUtf8`). */
export function filterLines(
  files: FilterFlags,
  change: (lines: readonly string[]) => readonly string[] | Promise<readonly string[]>,
): Promise<void> {
  return filterUtf8(files, async (utf8) => Buffer.from((await change(utf8.toString().split('\n'))).join('\n')));
}

/**
 * Writes the changed input, many lines at a time, separated by line feeds. A file appears whole or not at all;
 * standard output is written at the pace at which it is read.
 *
 * @param change returns bytes that are valid until its next call
 */
export async function filterUtf8(
  { input, output }: FilterFlags,
  change: (utf8: Buffer) => Uint8Array | Promise<Uint8Array>,
): Promise<void> {
  if (output === undefined) {
    for await (const utf8 of readUtf8(input)) {
      if (!process.stdout.write(Buffer.concat([await change(utf8), lineFeed]))) await once(process.stdout, 'drain');
    }
    return;
  }
  checkOutputs([output]);
  const signal = abortOnInterrupt('Nothing was written.');
  const file = new TextOutput(output);
  try {
    for await (const utf8 of readUtf8(input, signal))
      file.line(new TextDecoder('utf-8', { ignoreBOM: true }).decode(await change(utf8)));
    file.finish();
  } finally {
    file.abandon();
  }
}

const lineFeed = Buffer.from('\n');
