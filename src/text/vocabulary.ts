import { DataError } from '../errors.js';
import { completed, integer, optionalInteger, orInfinity, type Section } from '../field.js';
import { compareCodePoints } from './codePoints.js';
import { eosId, firstOrdinaryId, unkId } from './specialIds.js';

/** Names of ids 0 to 3, as fairseq writes them. Text that holds one of these words is read as unknown. */
export const specialTokens: readonly string[] = ['<s>', '<pad>', '</s>', '<unk>'];

/** Fairseq's mark after a line whose token is special, or already in the file. */
const overwriteMark = ' #fairseq:overwrite';

/** What configurations and library calls may set of a vocabulary that is built: bounds, default and help. */
export const vocabularyFields = {
  minCount: integer(1, 'Rarer tokens become <unk>.', { min: 1, unit: 'occurrences' }),
  maxSize: optionalInteger('Largest number of entries, the four special ones included.', {
    min: firstOrdinaryId + 1,
    unit: 'entries',
  }),
} as const satisfies Section;

/** The fields of library calls. */
export const vocabularyCallFields = { ...vocabularyFields, maxSize: orInfinity(vocabularyFields.maxSize) } as const;

export interface VocabularyLimits {
  /** Tokens seen less often are left out. Default: `vocabularyFields`. */
  readonly minCount?: number;
  /** Largest number of entries, the four special ones included. Default: no limit. */
  readonly maxSize?: number;
}

/**
 * Tokens and their ids: four special ones (specialIds.ts), then ordinary tokens from 4 by falling count.
 *
 * The file format is fairseq's dict.txt: one `token count` per line, without the special ones, so that either
 * toolkit reads the other's files.
 */
export class Vocabulary {
  private readonly ids = new Map<string, number>();

  private constructor(
    /** Every token by id. */
    readonly tokens: readonly string[],
    /** How often each was seen, by id; 0 for the special ones. */
    readonly counts: readonly number[],
  ) {
    for (let id = firstOrdinaryId; id < tokens.length; id++) this.ids.set(tokens[id], id);
  }

  /**
   * The vocabulary of counted tokens; equal counts are in code point order.
   *
   * @param also tokens that get an id although they were not counted
   * Source: fairseq's Dictionary.finalize, without its padding to a multiple of eight.
   */
  static fromCounts(
    counts: ReadonlyMap<string, number>,
    limits: VocabularyLimits = {},
    also: Iterable<string> = [],
  ): Vocabulary {
    const { minCount, maxSize = Infinity } = completed(limits, vocabularyCallFields, 'corpus.vocabulary.');
    const uncounted = Array.from(also).filter((token) => !counts.has(token));
    const kept = [
      ...[...counts].filter(([, count]) => count >= minCount),
      ...uncounted.map((token) => [token, 0] as const),
    ].filter(([token]) => !specialTokens.includes(token));
    kept.sort(([a, countA], [b, countB]) => countB - countA || compareCodePoints(a, b));
    kept.length = Math.min(kept.length, Math.max(0, maxSize - firstOrdinaryId));
    return Vocabulary.of(kept);
  }

  /**
   * Reads a vocabulary from its text.
   *
   * @param text lines `token count`, highest count first by custom but any order is kept
   * @param name of the text, for messages
   * @throws DataError naming the line, for a line without a count, an empty or special token, or a token given twice
   */
  static parse(text: string, name: string): Vocabulary {
    const lines = text.split(/\r?\n/);
    if (lines[lines.length - 1] === '') lines.pop();
    const entries: [string, number][] = [];
    const firstLine = new Map<string, number>();
    lines.forEach((line, index) => {
      const where = `${name}:${index + 1}`;
      const overwrites = line.endsWith(overwriteMark);
      const listed = overwrites ? line.slice(0, -overwriteMark.length) : line;
      const space = listed.lastIndexOf(' ');
      const token = listed.slice(0, space);
      const count = listed.slice(space + 1);
      if (space < 1 || !/^\d{1,15}$/.test(count)) {
        throw new DataError(
          `${where}: expected "token count", found ${JSON.stringify(line.slice(0, 80))}. A vocabulary has one token and its count per line.`,
        );
      }
      if (token.includes(' '))
        throw new DataError(`${where}: a token cannot hold a space, found ${JSON.stringify(token.slice(0, 80))}.`);
      if (specialTokens.includes(token)) {
        if (overwrites) return; // it has its id already
        throw new DataError(
          `${where}: ${token} is a special token with a fixed id and must not be listed. Remove the line.`,
        );
      }
      const earlier = firstLine.get(token);
      if (earlier !== undefined)
        throw new DataError(
          `${where}: token ${JSON.stringify(token)} is on line ${earlier} already. Remove one of the two lines.`,
        );
      firstLine.set(token, index + 1);
      entries.push([token, Number(count)]);
    });
    return Vocabulary.of(entries);
  }

  /** The file's text; `Vocabulary.parse` gives the same vocabulary back. */
  toText(): string {
    let text = '';
    for (let id = firstOrdinaryId; id < this.size; id++) text += `${this.tokens[id]} ${this.counts[id]}\n`;
    return text;
  }

  /** Number of entries, the special ones included. */
  get size(): number {
    return this.tokens.length;
  }

  /** The token's id; `unkId` for tokens not in the vocabulary and for the names of special tokens. */
  idOf(token: string): number {
    return this.ids.get(token) ?? unkId;
  }

  /** Whether this is an ordinary token of the vocabulary. */
  has(token: string): boolean {
    return this.ids.has(token);
  }

  /** Ids of a sentence's tokens, ending with `eosId`. */
  encode(tokens: readonly string[]): Int32Array {
    const ids = new Int32Array(tokens.length + 1);
    for (let i = 0; i < tokens.length; i++) ids[i] = this.idOf(tokens[i]);
    ids[tokens.length] = eosId;
    return ids;
  }

  /**
   * Tokens of a sentence's ids up to the first `eosId`; unknown ones as `<unk>`.
   *
   * @throws DataError for an id outside the vocabulary
   */
  decode(ids: ArrayLike<number>): string[] {
    const tokens: string[] = [];
    for (let i = 0; i < ids.length && ids[i] !== eosId; i++) {
      const token = this.tokens[ids[i]];
      if (token === undefined)
        throw new DataError(
          `id ${ids[i]} is outside the vocabulary of ${this.size} entries. Was the text made with another vocabulary?`,
        );
      tokens.push(token);
    }
    return tokens;
  }

  private static of(entries: readonly (readonly [string, number])[]): Vocabulary {
    return new Vocabulary(
      [...specialTokens, ...entries.map(([token]) => token)],
      [0, 0, 0, 0, ...entries.map(([, count]) => count)],
    );
  }
}
