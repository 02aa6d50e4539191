import { UsageError } from '../../errors.js';
import { readLineBlocks } from '../../storage/lines.js';
import { compareCodePoints } from '../codePoints.js';
import { ownText } from '../ownText.js';

export interface LearnBpeOptions {
  /** Merges to learn; fewer come out when no pair is frequent enough. */
  readonly numMerges: number;
  /** Pairs seen less often are not merged. Default 2. */
  readonly minFrequency?: number;
  /** Count the distinct characters into `numMerges`, so that it bounds the number of units. Default false. */
  readonly totalSymbols?: boolean;
  readonly onMerge?: (numMerges: number) => void;
}

export type Merge = readonly [left: string, right: string];

const endOfWord = '</w>';

/**
 * Byte-pair merges of a counted word list; gives subword-nmt's merges.
 *
 * Always merges the most frequent pair of neighbouring units; among equals the one greatest by code point, left unit
 * first. Counts are kept up to date word by word and the next pair is found in a heap, so that the work is nearly
 * linear in the number of distinct words.
 *
 * @param wordCounts how often each word occurs; words are not empty
 * @throws UsageError if `numMerges` is not a positive integer
 * Source: Sennrich, Haddow and Birch 2016 (P16-1162), Algorithm 1; conventions of subword-nmt 0.3.9 learn_bpe.
 */
export function learnBpe(wordCounts: ReadonlyMap<string, number>, { numMerges, minFrequency = 2, totalSymbols = false, onMerge }: LearnBpeOptions): Merge[] {
  if (!Number.isInteger(numMerges) || numMerges < 1) throw new UsageError(`the number of merges is ${numMerges}, expected a positive integer.`);
  const units = new UnitTable();
  const words: number[][] = [];
  const frequencies: number[] = [];
  for (const [word, count] of wordCounts) {
    const characters = Array.from(word);
    characters[characters.length - 1] += endOfWord;
    words.push(characters.map((character) => units.idOf(character)));
    frequencies.push(count);
  }
  const wanted = totalSymbols ? numMerges - units.size : numMerges;
  const pairs = new PairCounts(units);
  words.forEach((word, index) => pairs.addWord(word, index, frequencies[index]));
  pairs.requeueChanged();

  const merges: Merge[] = [];
  while (merges.length < wanted) {
    const best = pairs.mostFrequent();
    if (best === null || best.count < minFrequency) break;
    const merge: Merge = [units.text(best.left), units.text(best.right)];
    const merged = units.idOf(merge[0] + merge[1]);
    for (const index of pairs.wordsWith(best.left, best.right)) {
      const after = replacePair(words[index], best.left, best.right, merged);
      if (after.length === words[index].length) continue; // an earlier merge took the pair out of this word
      pairs.removeWord(words[index], frequencies[index]);
      pairs.addWord(after, index, frequencies[index], merged);
      words[index] = after;
    }
    pairs.requeueChanged();
    merges.push(merge);
    onMerge?.(merges.length);
  }
  return merges;
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
  const counts = new Map<string, number>();
  for (const path of paths) {
    for await (const lines of readLineBlocks(path)) for (const line of lines) if (line !== null) countLine(line, counts);
  }
  return counts;
}

/** Adds the words of a line to counts. */
export function countLine(line: string, counts: Map<string, number>): void {
  for (const word of line.replace(/^[\r ]+|[\r ]+$/g, '').split(' ')) {
    if (word === '') continue;
    const count = counts.get(word);
    counts.set(count === undefined ? ownText(word) : word, (count ?? 0) + 1);
  }
}

/** The text of a subword-nmt vocabulary file: `unit count`, highest count first, equal counts in order of appearance. */
export function bpeVocabularyText(unitCounts: ReadonlyMap<string, number>): string {
  return [...unitCounts].sort(([, a], [, b]) => b - a).map(([unit, count]) => `${unit} ${count}\n`).join('');
}

/** The word with each occurrence of the pair joined, from left to right. */
function replacePair(word: readonly number[], left: number, right: number, merged: number): number[] {
  const after: number[] = [];
  for (let i = 0; i < word.length; i++) {
    if (word[i] === left && word[i + 1] === right) {
      after.push(merged);
      i++;
    } else {
      after.push(word[i]);
    }
  }
  return after;
}

/** Units by number: pairs of numbers are cheaper keys than pairs of strings. */
class UnitTable {
  private readonly ids = new Map<string, number>();
  private readonly texts: string[] = [];

  get size(): number {
    return this.texts.length;
  }

  idOf(text: string): number {
    let id = this.ids.get(text);
    if (id === undefined) {
      id = this.texts.length;
      this.ids.set(text, id);
      this.texts.push(text);
    }
    return id;
  }

  text(id: number): string {
    return this.texts[id];
  }
}

/** More units than this cannot occur: keys of pairs stay exact integers. */
const keyBase = 2 ** 26;

/** Counts of neighbouring units, the words each pair may be in, and a heap of the most frequent. */
class PairCounts {
  private readonly counts = new Map<number, number>();
  /** May name words that have lost the pair, and name a word twice. */
  private readonly occurrences = new Map<number, number[]>();
  /** Pairs and the counts they had when they were queued; entries whose count is no longer true are put right when met. */
  private readonly heap: { key: number; count: number }[] = [];
  private changed = new Set<number>();

  constructor(private readonly units: UnitTable) {}

  /** Counts a word's pairs. @param onlyWith remember the word only for pairs with this unit (the others know it) */
  addWord(word: readonly number[], index: number, frequency: number, onlyWith?: number): void {
    for (let i = 0; i + 1 < word.length; i++) {
      const key = word[i] * keyBase + word[i + 1];
      this.counts.set(key, (this.counts.get(key) ?? 0) + frequency);
      this.changed.add(key);
      if (onlyWith !== undefined && word[i] !== onlyWith && word[i + 1] !== onlyWith) continue;
      const indices = this.occurrences.get(key);
      if (indices) indices.push(index);
      else this.occurrences.set(key, [index]);
    }
  }

  removeWord(word: readonly number[], frequency: number): void {
    for (let i = 0; i + 1 < word.length; i++) {
      const key = word[i] * keyBase + word[i + 1];
      this.counts.set(key, this.counts.get(key)! - frequency);
    }
  }

  wordsWith(left: number, right: number): number[] {
    const key = left * keyBase + right;
    const indices = this.occurrences.get(key) ?? [];
    this.occurrences.delete(key);
    return indices;
  }

  /** Queues the pairs whose counts may have grown. */
  requeueChanged(): void {
    for (const key of this.changed) this.push({ key, count: this.counts.get(key)! });
    this.changed = new Set();
  }

  mostFrequent(): { left: number; right: number; count: number } | null {
    for (let top = this.pop(); top; top = this.pop()) {
      const count = this.counts.get(top.key)!;
      if (count === top.count && count > 0) {
        return { left: Math.floor(top.key / keyBase), right: top.key % keyBase, count };
      }
      // the count has fallen since: back into the queue under its true count, unless it is queued so already
      if (count > 0 && count < top.count) this.push({ key: top.key, count });
    }
    return null;
  }

  private before(a: { key: number; count: number }, b: { key: number; count: number }): boolean {
    if (a.count !== b.count) return a.count > b.count;
    if (a.key === b.key) return false;
    const left = compareCodePoints(this.units.text(Math.floor(a.key / keyBase)), this.units.text(Math.floor(b.key / keyBase)));
    return (left || compareCodePoints(this.units.text(a.key % keyBase), this.units.text(b.key % keyBase))) > 0;
  }

  private push(entry: { key: number; count: number }): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.before(entry, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = entry;
  }

  private pop(): { key: number; count: number } | undefined {
    const { heap } = this;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.before(heap[child + 1], heap[child])) child++;
      if (!this.before(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return top;
  }
}
