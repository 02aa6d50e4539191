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

/**
 * Merges the most frequent pair of neighbouring units in all words, and gives it, again and again, as long as the caller asks.
 *
 * Counts are kept up to date word by word and the next pair is found in a heap, so that the work is nearly linear in the
 * number of distinct words. Units of the same text are the same unit.
 *
 * @param words units of each word
 */
export function* mergePairs(words: readonly (readonly string[])[], frequencies: readonly number[], { minFrequency, isBefore, mayMerge = () => true }: MergeOptions): Generator<Pair> {
  const units = new UnitTable();
  const current = words.map((word) => word.map((unit) => units.idOf(unit)));
  const pairs = new PairCounts(units, isBefore, mayMerge);
  current.forEach((word, index) => pairs.addWord(word, index, frequencies[index]));
  pairs.requeueChanged();
  for (let best = pairs.mostFrequent(); best !== null && best.count >= minFrequency; best = pairs.mostFrequent()) {
    const pair = { left: units.text(best.left), right: units.text(best.right) };
    const merged = units.idOf(pair.left + pair.right);
    for (const index of pairs.wordsWith(best.left, best.right)) {
      const after = replacePair(current[index], best.left, best.right, merged);
      if (after.length === current[index].length) continue; // an earlier merge took the pair out of this word
      pairs.removeWord(current[index], frequencies[index]);
      pairs.addWord(after, index, frequencies[index], merged);
      current[index] = after;
    }
    pairs.requeueChanged();
    yield pair;
  }
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

  constructor(private readonly units: UnitTable, private readonly isBefore: (a: Pair, b: Pair) => boolean, private readonly mayMerge: (text: string) => boolean) {}

  /** Counts a word's pairs. @param onlyWith remember the word only for pairs with this unit (the others know it) */
  addWord(word: readonly number[], index: number, frequency: number, onlyWith?: number): void {
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
