import { counted } from '../counted.js';
import { DataError } from '../errors.js';
import { readLineBlocks } from '../storage/lines.js';
import { stripRight } from './whiteSpace.js';

/** Lines of a text to score, and their source. */
export interface ScoringText {
  /** For messages: a path, or `standard input`. */
  readonly name: string;
  readonly lines: readonly string[];
  /** A warning about the text for the user. */
  readonly warnings: readonly string[];
}

/**
 * Reads a translation or reference, one sentence a line, plain or .gz.
 *
 * @throws DataError if it cannot be read, is empty or is not valid UTF-8
 */
export async function readScoringText(path: string): Promise<ScoringText> {
  return checkText(path, await allLines(path));
}

/** The same from a stream, e.g. `process.stdin`. */
export async function readScoringStream(name: string, stream: AsyncIterable<Buffer>): Promise<ScoringText> {
  return checkText(name, await allLines(name, stream));
}

/** With the byte order mark, which sacreBLEU counts. */
async function allLines(path: string, stream?: AsyncIterable<Buffer>): Promise<(string | null)[]> {
  const lines: (string | null)[] = [];
  for await (const block of readLineBlocks(path, stream, { keepMark: true }))
    for (const line of block) lines.push(line);
  return lines;
}

/**
 * White space on the right of lines is dropped, like sacreBLEU's command line; that includes the carriage return of
 * Windows line ends.
 */
function checkText(name: string, lines: readonly (string | null)[]): ScoringText {
  if (lines.length === 0) throw new DataError(`${name} is empty; expected one sentence a line.`);
  const invalid = lines.indexOf(null);
  if (invalid >= 0)
    throw new DataError(
      `${name}:${invalid + 1}: the line is not valid UTF-8. Convert the file first, for example with iconv.`,
    );
  const texts = lines as readonly string[];
  const warnings: string[] = [];
  const windows = texts.filter((line) => line.endsWith('\r')).length;
  if (windows > 0)
    warnings.push(`${name} has Windows line ends on ${windows} of ${counted(texts.length, 'line')}; they are ignored.`);
  if (texts[0].startsWith('\ufeff'))
    warnings.push(`${name} begins with a byte order mark, which counts as a character. Remove it.`);
  return { name, lines: texts.map(stripRight), warnings };
}

/** sacreBLEU's limit: this many lines that end in " ." are not a coincidence. */
const tokenisedLines = 100;

/** A warning if a text looks tokenised: scores of detokenised text do not compare with it. */
export function warnIfTokenised({ name, lines }: ScoringText): string | undefined {
  const count = lines.filter((line) => line.endsWith(' .')).length;
  if (count < tokenisedLines) return undefined;
  return `${name} has ${counted(count, 'line that ends', 'lines that end')} in a tokenised full stop (" ."). It looks as if it were not detokenised, which changes the score and hinders comparison. If that is meant, use tokenised BLEU, or --force.`;
}

/** @throws DataError naming both files and counts if a text has another number of lines than the first reference */
export function checkSameLength(refs: readonly ScoringText[], hyps: readonly ScoringText[]): void {
  const [first, ...others] = [...refs, ...hyps];
  for (const other of others) {
    if (other.lines.length !== first.lines.length) {
      throw new DataError(
        `${other.name} has ${counted(other.lines.length, 'line')}, ${first.name} has ${first.lines.length}. Line i of each must be a translation of the same sentence.`,
      );
    }
  }
}
