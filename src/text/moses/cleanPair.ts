import { DataError } from '../../errors.js';
import { lowercase } from './normalize.js';
import { space, splitAsPerl } from './perlText.js';

/** Limits of `createPairCleaner`, with the defaults of clean-corpus-n.perl. */
export interface CleanOptions {
  /** Fewest and most words per side. */
  readonly min: number;
  readonly max: number;
  /** Pairs with more than this many times as many words on one side are removed. Default 9; Infinity: no limit. */
  readonly ratio?: number;
  /** Longest word in characters. Default 1000. */
  readonly maxWordLength?: number;
  readonly lowercase?: boolean;
  /** Do not count tags such as `<it>` as words. */
  readonly ignoreXml?: boolean;
  /**
   * Whether `|` separates the factors of a word, and stays; else it is deleted. Moses asks the first pair of a corpus.
   */
  readonly factored?: boolean;
}

/** Why a pair is removed. */
export type CleanReason = 'empty' | 'tooShort' | 'tooLong' | 'ratio' | 'longWord';

/** The cleaned pair, or the reason for removing it. */
export type CleanResult = { readonly src: string; readonly trg: string } | { readonly removed: CleanReason };

const spaces = new RegExp(`${space}+`, 'gv');
const tags = new RegExp(`<[^${space}][^>]*[^${space}]>`, 'gv');

/**
 * A function that cleans pairs of lines: white space squeezed, and pairs removed by length, ratio and longest word. Its
 * output equals Moses' clean-corpus-n.perl.
 *
 * @returns the cleaned pair, or why it is removed
 * Source: mosesdecoder, scripts/training/clean-corpus-n.perl, commit 3445289.
 */
export function createPairCleaner(options: CleanOptions): (src: string, trg: string) => CleanResult {
  const { min, max, ratio = 9, maxWordLength = 1000, factored = false, ignoreXml = false } = options;
  const longWord = new RegExp(`[^${space}\\|]{${maxWordLength + 1}}`, 'v');
  return (srcLine, trgLine) => {
    const [src, trg] = [srcLine, trgLine].map((line) => tidyLine(options.lowercase ? lowercase(line) : line, factored));
    if (src === '' || trg === '') return { removed: 'empty' };
    const [srcWords, trgWords] = [src, trg].map(
      (line) => splitAsPerl(ignoreXml ? withoutTags(line) : line, ' ').length,
    );
    if (srcWords > max || trgWords > max) return { removed: 'tooLong' };
    if (srcWords < min || trgWords < min) return { removed: 'tooShort' };
    if (srcWords / trgWords > ratio || trgWords / srcWords > ratio) return { removed: 'ratio' };
    if (longWord.test(src) || longWord.test(trg)) return { removed: 'longWord' };
    refuseEmptyFactors(src);
    refuseEmptyFactors(trg);
    return { src, trg };
  };
}

/** The line with white space squeezed and, unless words have factors, without `|`. */
export function tidyLine(line: string, factored: boolean): string {
  return squeeze(factored ? line : line.replaceAll('|', ''));
}

/** The line less tags such as `<it>`, for counting words. */
export function withoutTags(line: string): string {
  return squeeze(line.replace(tags, ' '));
}

/** @throws DataError naming a line with two `|` in a row, or one that begins a word */
export function refuseEmptyFactors(line: string): void {
  if (/[ |]\|/.test(line))
    throw new DataError(
      `a factor is empty in ${JSON.stringify(line.slice(0, 120))}. Factored text needs one between any two "|".`,
    );
}

function squeeze(line: string): string {
  return line.replace(spaces, ' ').replace(/^ /, '').replace(/ $/, '');
}
