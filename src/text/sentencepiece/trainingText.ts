import { DataError } from '../../errors.js';
import { spaceMark } from '../subwords/pieceDecoder.js';
import type { CharsMap } from './charsMap.js';

/** Normalised words (with their space mark) and how often they are seen. */
export class TrainingText {
  private readonly counts = new Map<string, number>();
  numLines = 0;
  /** Lines left out because they are longer than `maxLineBytes`. */
  tooLong = 0;

  constructor(
    private readonly charsMap: CharsMap,
    private readonly maxLineBytes: number,
  ) {}

  /** @param times how often the line is seen */
  add(line: string, times = 1): void {
    if (line.length * 3 > this.maxLineBytes && Buffer.byteLength(line) > this.maxLineBytes) {
      this.tooLong += times;
      return;
    }
    const normalized = this.charsMap.normalize(line);
    if (normalized === '') return;
    this.numLines += times;
    for (let start = 0; start < normalized.length;) {
      const next = normalized.indexOf(spaceMark, start + 1);
      const end = next < 0 ? normalized.length : next;
      const word = normalized.slice(start, end);
      this.counts.set(word, (this.counts.get(word) ?? 0) + times);
      start = end;
    }
  }

  /**
   * The words as numbers of characters, the characters that the model learns first.
   *
   * @param coverage share of the text's characters to know; rare ones beyond it are left to the unknown piece
   * @throws DataError if there are no words
   */
  words(coverage: number): Words {
    if (this.counts.size === 0) throw new DataError('there is no text to learn from: every line is empty.');
    const characterCounts = new Map<string, number>();
    for (const [word, count] of this.counts)
      for (const character of word) characterCounts.set(character, (characterCounts.get(character) ?? 0) + count);
    const characters = [...characterCounts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
    const total = characters.reduce((sum, [, count]) => sum + count, 0);
    let covered = 0;
    const known = characters.filter(([character, count]) => {
      const wanted = character === spaceMark || covered < coverage * total;
      covered += count;
      return wanted;
    });
    const numbers = new Map(known.map(([character], i) => [character, i]));
    const starts = [0];
    const symbols: number[] = [];
    const counts: number[] = [];
    for (const [word, count] of this.counts) {
      for (const character of word) symbols.push(numbers.get(character) ?? unknownCharacter);
      starts.push(symbols.length);
      counts.push(count);
    }
    return {
      characters: known.map(([character]) => character),
      characterCounts: known.map(([, count]) => count),
      symbols: Int32Array.from(symbols),
      starts: Int32Array.from(starts),
      counts: Float64Array.from(counts),
    };
  }
}

/** Represents characters in `Words.symbols` that the model does not learn. */
export const unknownCharacter = -1;

export interface Words {
  /** By falling frequency. */
  readonly characters: readonly string[];
  readonly characterCounts: readonly number[];
  /** Character numbers of all words: word w is `symbols[starts[w]]` to `symbols[starts[w + 1] - 1]`. */
  readonly symbols: Int32Array;
  readonly starts: Int32Array;
  readonly counts: Float64Array;
}
