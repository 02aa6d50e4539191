import { completed, flag, integer, optionalInteger, required, type Section } from '../../field.js';
import { readValidLines } from '../../storage/lines.js';
import { compareCodePoints } from '../codePoints.js';
import { endOfWord } from './bpeCodes.js';
import { mergePairs, type CountedWord, type Pair } from './mergePairs.js';
import { WordCounter } from './wordCounter.js';

export const mergesField = optionalInteger('Merges to learn from the training set, for bpe without codes.', { min: 1 });

/** The fields of `learnBpe`'s options; defaults are subword-nmt's. */
export const learnBpeFields = {
  numMerges: required(mergesField),
  minFrequency: integer(2, 'Pairs seen less often are not merged.', { min: 1 }),
  totalSymbols: flag(false, 'Count the distinct characters into numMerges.'),
} as const satisfies Section;

/** Options of `learnBpe`, named after those of subword-nmt's learn_bpe. */
export interface LearnBpeOptions {
  /** Merges to learn; fewer result if no pair is frequent enough. */
  readonly numMerges: number;
  /** Pairs seen less often are not merged. Default: `learnBpeFields`. */
  readonly minFrequency?: number;
  /** Count the distinct characters into `numMerges`, so that it bounds the number of units. Default false. */
  readonly totalSymbols?: boolean;
  readonly onMerge?: (numMerges: number) => void;
}

export type Merge = readonly [left: string, right: string];

/**
 * Byte-pair merges of a counted word list; gives subword-nmt's merges.
 *
 * Always merges the most frequent pair of neighbouring units; among equals the one greatest by code point, left unit
 * first. Counts are kept up to date word by word and the next pair is found in a heap, so that the work is nearly
 * linear in the number of distinct words.
 *
 * @param wordCounts how often each word occurs; words are not empty
 * @throws UsageError for options that cannot be used
 * Source: Sennrich, Haddow and Birch 2016 (P16-1162), Algorithm 1; conventions of subword-nmt 0.3.9 learn_bpe.
 */
export function learnBpe(wordCounts: ReadonlyMap<string, number>, options: LearnBpeOptions): Merge[] {
  const { numMerges, minFrequency, totalSymbols } = completed(options, learnBpeFields);
  const { onMerge } = options;
  const wanted = totalSymbols ? numMerges - countCharacters(wordCounts) : numMerges;
  const merges: Merge[] = [];
  if (wanted <= 0) return merges;
  for (const { left, right } of mergePairs(countedUnits(wordCounts), { minFrequency, isBefore: greaterCodePoints })) {
    merges.push([left, right]);
    onMerge?.(merges.length);
    if (merges.length === wanted) break;
  }
  return merges;
}

function* countedUnits(wordCounts: ReadonlyMap<string, number>): Generator<CountedWord> {
  for (const [word, count] of wordCounts) yield [unitsOf(word), count];
}

/** The number of characters, counting those at the end of words separately. */
function countCharacters(wordCounts: ReadonlyMap<string, number>): number {
  const found = new Set<string>();
  for (const word of wordCounts.keys()) for (const character of unitsOf(word)) found.add(character);
  return found.size;
}

/** Characters, the last one with the mark of the word's end. */
function unitsOf(word: string): string[] {
  const characters = Array.from(word);
  characters[characters.length - 1] += endOfWord;
  return characters;
}

function greaterCodePoints(a: Pair, b: Pair): boolean {
  return (compareCodePoints(a.left, b.left) || compareCodePoints(a.right, b.right)) > 0;
}

/** The text of a codes file that `parseBpeCodes` and subword-nmt read. */
export function bpeCodesText(merges: readonly Merge[]): string {
  return `#version: 0.2\n${merges.map(([left, right]) => `${left} ${right}\n`).join('')}`;
}

/**
 * How often each word occurs in text files (plain or .gz), in order of first appearance. Words are separated by ASCII
 * spaces; lines of invalid UTF-8 are skipped.
 */
export async function countWords(paths: readonly string[]): Promise<Map<string, number>> {
  const counter = new WordCounter();
  for (const path of paths) for await (const utf8 of readValidLines(path)) counter.add(utf8);
  return counter.addTo(new Map());
}

/**
 * The text of a subword-nmt vocabulary file: `unit count`, highest count first, equal counts in order of appearance.
 */
export function bpeVocabularyText(unitCounts: ReadonlyMap<string, number>): string {
  return [...unitCounts]
    .sort(([, a], [, b]) => b - a)
    .map(([unit, count]) => `${unit} ${count}\n`)
    .join('');
}
