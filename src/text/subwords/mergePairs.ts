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

/** Units of a word (or of a separate part of one), and its count. */
export type CountedWord = readonly [units: readonly string[], frequency: number];

/**
 * Repeatedly merges the most frequent pair of neighbouring units in all words and yields it, as long as the caller
 * asks.
 *
 * Counts are kept up to date where a merge changes them and the next pair is found in a heap, so that the work is
 * nearly linear in the number of distinct words. Units of the same text are the same unit.
 */
export function* mergePairs(
  words: Iterable<CountedWord>,
  { minFrequency, isBefore, mayMerge = () => true }: MergeOptions,
): Generator<Pair> {
  const units = new UnitTable();
  const stored = new WordUnits();
  for (const [word, frequency] of words)
    stored.add(
      word.map((unit) => units.idOf(unit)),
      frequency,
    );
  const pairs = new PairCounts(minFrequency, isBefore, mayMerge, units);
  for (let index = 0; index < stored.size; index++) pairs.addWord(stored, index);
  pairs.queueGrown();
  for (let best = pairs.takeMostFrequent(); best >= 0; best = pairs.takeMostFrequent()) {
    const pair = pairs.pairOf(best);
    pairs.merge(best, units.idOf(pair.left + pair.right), stored);
    pairs.queueGrown();
    yield pair;
  }
}

/**
 * Unit ids of all words, concatenated: millions of small arrays would take many times the memory. Words only get
 * shorter.
 */
class WordUnits {
  ids = new Int32Array(2 ** 16);
  starts = new Float64Array(2 ** 12);
  lengths = new Int32Array(2 ** 12);
  frequencies = new Float64Array(2 ** 12);
  size = 0;
  private end = 0;

  add(word: readonly number[], frequency: number): void {
    if (this.size === this.starts.length) {
      this.starts = grown(this.starts);
      this.lengths = grown(this.lengths);
      this.frequencies = grown(this.frequencies);
    }
    while (this.end + word.length > this.ids.length) this.ids = grown(this.ids);
    this.ids.set(word, this.end);
    this.starts[this.size] = this.end;
    this.lengths[this.size] = word.length;
    this.frequencies[this.size++] = frequency;
    this.end += word.length;
  }
}

/** The same array half as long again. */
function grown<A extends Int32Array | Float64Array>(array: A): A {
  const larger = new (array.constructor as new (length: number) => A)(Math.ceil(1.5 * array.length));
  larger.set(array);
  return larger;
}

/** Units by number: pairs of numbers are cheaper keys than pairs of strings. */
class UnitTable {
  private readonly ids = new Map<string, number>();
  private readonly texts: string[] = [];

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

/** No pair, or the end of a list. */
const none = -1;

/** Counts of neighbouring units, the words each pair may be in, and a heap of the most frequent. Pairs go by number. */
class PairCounts {
  private numPairs = 0;
  private lefts = new Int32Array(2 ** 12);
  private rights = new Int32Array(2 ** 12);
  /** -Infinity where the two may not merge. */
  private counts = new Float64Array(2 ** 12);
  /** The count in the heap; 0 for pairs that are not there. */
  private queuedCounts = new Float64Array(2 ** 12);
  /** Where each pair's list of words begins in `wordIndices`. Lists may name words that have lost the pair. */
  private lists = new Int32Array(2 ** 12);
  /** Numbers plus one, at places that the units decide: open addressing, at most half full. */
  private slots = new Int32Array(2 ** 13);

  private wordIndices = new Int32Array(2 ** 16);
  /** The entry of the same list that follows. */
  private nextEntries = new Int32Array(2 ** 16);
  private numEntries = 0;
  private freeEntries = none;

  /** Most frequent first. Entries whose count has fallen are corrected when they are reached. */
  private heapPairs = new Int32Array(2 ** 12);
  private heapCounts = new Float64Array(2 ** 12);
  private heapSize = 0;

  /** Pairs that were counted since the heap was last brought up to date. */
  private grownPairs: number[] = [];

  constructor(
    private readonly minFrequency: number,
    private readonly isBefore: (a: Pair, b: Pair) => boolean,
    private readonly mayMerge: (text: string) => boolean,
    private readonly units: UnitTable,
  ) {}

  pairOf(pair: number): Pair {
    return { left: this.units.text(this.lefts[pair]), right: this.units.text(this.rights[pair]) };
  }

  addWord({ ids, starts, lengths, frequencies }: WordUnits, index: number): void {
    const end = starts[index] + lengths[index];
    for (let i = starts[index]; i + 1 < end; i++) this.add(ids[i], ids[i + 1], frequencies[index], index);
  }

  /** Joins each occurrence of the pair, from left to right in each word, and counts what that changes. */
  merge(pair: number, merged: number, words: WordUnits): void {
    const [left, right] = [this.lefts[pair], this.rights[pair]];
    let entry = this.lists[pair];
    this.lists[pair] = none;
    while (entry !== none) {
      this.mergeInWord(this.wordIndices[entry], left, right, merged, words);
      const next = this.nextEntries[entry];
      this.nextEntries[entry] = this.freeEntries;
      this.freeEntries = entry;
      entry = next;
    }
  }

  private mergeInWord(
    index: number,
    left: number,
    right: number,
    merged: number,
    { ids, starts, lengths, frequencies }: WordUnits,
  ): void {
    const start = starts[index];
    const end = start + lengths[index];
    const frequency = frequencies[index];
    let to = start;
    let followsMerged = false;
    for (let from = start; from < end; from++) {
      const id = ids[from];
      if (id === left && from + 1 < end && ids[from + 1] === right) {
        if (to > start && !followsMerged) this.remove(ids[to - 1], left, frequency);
        this.remove(left, right, frequency);
        if (from + 2 < end) this.remove(right, ids[from + 2], frequency);
        if (to > start) this.add(ids[to - 1], merged, frequency, index);
        ids[to++] = merged;
        from++;
        followsMerged = true;
      } else {
        if (followsMerged) this.add(merged, id, frequency, index);
        ids[to++] = id;
        followsMerged = false;
      }
    }
    lengths[index] = to - start;
  }

  private add(left: number, right: number, frequency: number, index: number): void {
    const pair = this.numberOf(left, right);
    if (this.counts[pair] === -Infinity) return;
    this.counts[pair] += frequency;
    this.grownPairs.push(pair);
    const list = this.lists[pair];
    if (list !== none && this.wordIndices[list] === index) return;
    let entry = this.freeEntries;
    if (entry === none) {
      entry = this.numEntries++;
      if (entry === this.wordIndices.length) {
        this.wordIndices = grown(this.wordIndices);
        this.nextEntries = grown(this.nextEntries);
      }
    } else {
      this.freeEntries = this.nextEntries[entry];
    }
    this.wordIndices[entry] = index;
    this.nextEntries[entry] = list;
    this.lists[pair] = entry;
  }

  private remove(left: number, right: number, frequency: number): void {
    this.counts[this.numberOf(left, right)] -= frequency;
  }

  private numberOf(left: number, right: number): number {
    const { slots, lefts, rights } = this;
    const mask = slots.length - 1;
    let slot = scatter(left, right) & mask;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const pair = slots[slot] - 1;
      if (lefts[pair] === left && rights[pair] === right) return pair;
    }
    return this.addPair(left, right);
  }

  private addPair(left: number, right: number): number {
    const pair = this.numPairs++;
    if (pair === this.lefts.length) {
      this.lefts = grown(this.lefts);
      this.rights = grown(this.rights);
      this.counts = grown(this.counts);
      this.queuedCounts = grown(this.queuedCounts);
      this.lists = grown(this.lists);
    }
    this.lefts[pair] = left;
    this.rights[pair] = right;
    this.counts[pair] = this.mayMerge(this.units.text(left) + this.units.text(right)) ? 0 : -Infinity;
    this.lists[pair] = none;
    if (2 * this.numPairs > this.slots.length) {
      this.slots = new Int32Array(2 * this.slots.length);
      for (let each = 0; each < pair; each++) this.place(each);
    }
    this.place(pair);
    return pair;
  }

  private place(pair: number): void {
    const mask = this.slots.length - 1;
    let slot = scatter(this.lefts[pair], this.rights[pair]) & mask;
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
    this.slots[slot] = pair + 1;
  }

  queueGrown(): void {
    for (const pair of this.grownPairs) {
      const count = this.counts[pair];
      if (count >= this.minFrequency && count > this.queuedCounts[pair]) this.push(pair, count);
    }
    this.grownPairs = [];
  }

  /** The next pair to merge, or none if no pair is frequent enough. */
  takeMostFrequent(): number {
    while (this.heapSize > 0) {
      const pair = this.heapPairs[0];
      const queued = this.heapCounts[0];
      this.pop();
      if (queued !== this.queuedCounts[pair]) continue; // queued again since
      this.queuedCounts[pair] = 0;
      const count = this.counts[pair];
      if (count === queued) return pair;
      if (count >= this.minFrequency) this.push(pair, count);
    }
    return none;
  }

  private before(a: number, countA: number, b: number, countB: number): boolean {
    if (countA !== countB) return countA > countB;
    return a !== b && this.isBefore(this.pairOf(a), this.pairOf(b));
  }

  private push(pair: number, count: number): void {
    this.queuedCounts[pair] = count;
    if (this.heapSize === this.heapPairs.length) {
      this.heapPairs = grown(this.heapPairs);
      this.heapCounts = grown(this.heapCounts);
    }
    const { heapPairs, heapCounts } = this;
    let at = this.heapSize++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.before(pair, count, heapPairs[parent], heapCounts[parent])) break;
      heapPairs[at] = heapPairs[parent];
      heapCounts[at] = heapCounts[parent];
      at = parent;
    }
    heapPairs[at] = pair;
    heapCounts[at] = count;
  }

  private pop(): void {
    const { heapPairs, heapCounts } = this;
    const size = --this.heapSize;
    const pair = heapPairs[size];
    const count = heapCounts[size];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (
        child + 1 < size &&
        this.before(heapPairs[child + 1], heapCounts[child + 1], heapPairs[child], heapCounts[child])
      )
        child++;
      if (!this.before(heapPairs[child], heapCounts[child], pair, count)) break;
      heapPairs[at] = heapPairs[child];
      heapCounts[at] = heapCounts[child];
      at = child;
    }
    heapPairs[at] = pair;
    heapCounts[at] = count;
  }
}

/** Spreads two numbers over all bits. */
function scatter(left: number, right: number): number {
  const mixed = Math.imul(Math.imul(left, 0x9e3779b1) + right, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
