/** Neighbouring units of words. */
export interface Pair {
  readonly left: string;
  readonly right: string;
}

export interface MergeOptions {
  /** Pairs seen less often are not merged. */
  readonly minFrequency: number;
  /** Which of two pairs seen equally often is merged first. */
  readonly isBefore: (a: Pair, b: Pair) => boolean;
  /** Whether two units may become this one. Default: all may. */
  readonly mayMerge?: (text: string) => boolean;
}

/** Units of a word (or a part of one that stands by itself), and how often it occurs. */
export type CountedWord = readonly [units: readonly string[], frequency: number];

/**
 * Merges the most frequent pair of neighbouring units in all words, and gives it, again and again, as long as the caller asks.
 *
 * Counts are kept up to date word by word and the next pair is found in a heap, so that the work is nearly linear in the
 * number of distinct words. Units of the same text are the same unit.
 */
export function* mergePairs(words: Iterable<CountedWord>, { minFrequency, isBefore, mayMerge = () => true }: MergeOptions): Generator<Pair> {
  const units = new UnitTable();
  const { current, frequencies } = storeWords(words, units);
  const pairs = new PairCounts(units, isBefore, mayMerge);
  for (let index = 0; index < frequencies.length; index++) pairs.addWord(current.unitsOf(index), index, frequencies[index]);
  pairs.requeueChanged();
  for (let best = pairs.mostFrequent(); best !== null && best.count >= minFrequency; best = pairs.mostFrequent()) {
    const pair = { left: units.text(best.left), right: units.text(best.right) };
    const merged = units.idOf(pair.left + pair.right);
    for (const index of pairs.wordsWith(best.left, best.right)) {
      const word = current.unitsOf(index);
      if (!hasPair(word, best.left, best.right)) continue; // an earlier merge took the pair out of this word
      pairs.removeWord(word, frequencies[index]);
      current.replacePair(index, best.left, best.right, merged);
      pairs.addWord(current.unitsOf(index), index, frequencies[index], merged);
    }
    pairs.requeueChanged();
    yield pair;
  }
}

function storeWords(words: Iterable<CountedWord>, units: UnitTable): { current: WordUnits; frequencies: number[] } {
  const current = new WordUnits();
  const frequencies: number[] = [];
  for (const [word, frequency] of words) {
    current.add(word.map((unit) => units.idOf(unit)));
    frequencies.push(frequency);
  }
  return { current, frequencies };
}

function hasPair(word: Int32Array, left: number, right: number): boolean {
  for (let i = 0; i + 1 < word.length; i++) if (word[i] === left && word[i + 1] === right) return true;
  return false;
}

/** Unit ids of all words, one behind the other: millions of small arrays would take many times the memory. Words only get shorter. */
class WordUnits {
  private ids = new Int32Array(2 ** 16);
  private starts = new Float64Array(2 ** 12);
  private lengths = new Int32Array(2 ** 12);
  private numWords = 0;
  private end = 0;

  add(word: readonly number[]): void {
    if (this.numWords === this.starts.length) {
      this.starts = grown(this.starts, new Float64Array(2 * this.starts.length));
      this.lengths = grown(this.lengths, new Int32Array(2 * this.lengths.length));
    }
    if (this.end + word.length > this.ids.length) this.ids = grown(this.ids, new Int32Array(Math.max(this.end + word.length, Math.ceil(1.5 * this.ids.length))));
    this.ids.set(word, this.end);
    this.starts[this.numWords] = this.end;
    this.lengths[this.numWords++] = word.length;
    this.end += word.length;
  }

  /** A view that a later change of the word shows through. */
  unitsOf(index: number): Int32Array {
    return this.ids.subarray(this.starts[index], this.starts[index] + this.lengths[index]);
  }

  /** Joins each occurrence of the pair, from left to right. */
  replacePair(index: number, left: number, right: number, merged: number): void {
    const word = this.unitsOf(index);
    let length = 0;
    for (let i = 0; i < word.length; i++) {
      const found = word[i] === left && i + 1 < word.length && word[i + 1] === right;
      word[length++] = found ? merged : word[i];
      if (found) i++;
    }
    this.lengths[index] = length;
  }
}

function grown<A extends Int32Array | Float64Array>(array: A, larger: A): A {
  larger.set(array);
  return larger;
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

  constructor(private readonly units: UnitTable, private readonly isBefore: (a: Pair, b: Pair) => boolean, private readonly mayMerge: (text: string) => boolean) {}

  /** Counts a word's pairs. @param onlyWith remember the word only for pairs with this unit (the others know it) */
  addWord(word: Int32Array, index: number, frequency: number, onlyWith?: number): void {
    for (let i = 0; i + 1 < word.length; i++) {
      const key = word[i] * keyBase + word[i + 1];
      let count = this.counts.get(key);
      if (count === undefined) count = this.mayMerge(this.units.text(word[i]) + this.units.text(word[i + 1])) ? 0 : -Infinity;
      this.counts.set(key, count + frequency);
      if (count === -Infinity) continue;
      this.changed.add(key);
      if (onlyWith !== undefined && word[i] !== onlyWith && word[i + 1] !== onlyWith) continue;
      const indices = this.occurrences.get(key);
      if (indices) indices.push(index);
      else this.occurrences.set(key, [index]);
    }
  }

  removeWord(word: Int32Array, frequency: number): void {
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
    return this.isBefore(this.pairOf(a.key), this.pairOf(b.key));
  }

  private pairOf(key: number): Pair {
    return { left: this.units.text(Math.floor(key / keyBase)), right: this.units.text(key % keyBase) };
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
