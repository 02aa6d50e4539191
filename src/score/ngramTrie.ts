/**
 * N-gram counts of references, against which the n-grams of a hypothesis are matched. Symbols are non-negative
 * integers (word numbers or code points). One object serves many lines: `clear` empties it without freeing memory.
 *
 * A trie whose edges are in one hash table: an n-gram is a path, so counting all orders at a position is one walk,
 * and the walk of a hypothesis ends where it no longer matches.
 */
export class NgramTrie {
  private capacity = 1024;
  /** Edge (node, symbol) -> child, open addressing; `stamp` says which slots belong to the current line. */
  private slotNode = new Int32Array(this.capacity);
  private slotSymbol = new Int32Array(this.capacity);
  private slotChild = new Int32Array(this.capacity);
  private slotStamp = new Int32Array(this.capacity);
  private stamp = 1;
  private numNodes = 1;
  /** By node: most occurrences in one reference, those in the text being counted, and which text that is. */
  private count = new Int32Array(this.capacity);
  private running = new Int32Array(this.capacity);
  private runningText = new Int32Array(this.capacity);
  private text = 0;

  clear(): void {
    this.stamp++;
    this.numNodes = 1;
  }

  /** Counts the n-grams of a reference; an n-gram's count is the most that one reference has. */
  add(symbols: ArrayLike<number>, length: number, maxOrder: number): void {
    this.text++;
    for (let start = 0; start < length; start++) {
      let node = 0;
      const end = Math.min(length, start + maxOrder);
      for (let i = start; i < end; i++) {
        node = this.childOf(node, symbols[i]);
        if (this.runningText[node] !== this.text) {
          this.runningText[node] = this.text;
          this.running[node] = 0;
        }
        if (++this.running[node] > this.count[node]) this.count[node] = this.running[node];
      }
    }
  }

  /**
   * Matching n-grams of a hypothesis by order, each counted at most as often as a reference has it.
   *
   * @param out order n is written to out[at + (n - 1) * stride]
   */
  match(
    symbols: ArrayLike<number>,
    length: number,
    maxOrder: number,
    out: Float64Array,
    at: number,
    stride: number,
  ): void {
    this.text++;
    for (let n = 0; n < maxOrder; n++) out[at + n * stride] = 0;
    for (let start = 0; start < length; start++) {
      let node = 0;
      const end = Math.min(length, start + maxOrder);
      for (let i = start; i < end; i++) {
        node = this.find(node, symbols[i]);
        if (node < 0) break;
        if (this.runningText[node] !== this.text) {
          this.runningText[node] = this.text;
          this.running[node] = 0;
        }
        if (this.running[node] < this.count[node]) {
          this.running[node]++;
          out[at + (i - start) * stride]++;
        }
      }
    }
  }

  private find(node: number, symbol: number): number {
    const mask = this.capacity - 1;
    let slot = hash(node, symbol) & mask;
    while (this.slotStamp[slot] === this.stamp) {
      if (this.slotNode[slot] === node && this.slotSymbol[slot] === symbol) return this.slotChild[slot];
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  private childOf(node: number, symbol: number): number {
    const found = this.find(node, symbol);
    if (found >= 0) return found;
    if (2 * this.numNodes >= this.capacity) this.grow();
    const child = this.numNodes++;
    this.count[child] = 0;
    this.runningText[child] = 0;
    this.insert(node, symbol, child);
    return child;
  }

  private insert(node: number, symbol: number, child: number): void {
    const mask = this.capacity - 1;
    let slot = hash(node, symbol) & mask;
    while (this.slotStamp[slot] === this.stamp) slot = (slot + 1) & mask;
    this.slotStamp[slot] = this.stamp;
    this.slotNode[slot] = node;
    this.slotSymbol[slot] = symbol;
    this.slotChild[slot] = child;
  }

  private grow(): void {
    const { slotNode, slotSymbol, slotChild, slotStamp, stamp, capacity } = this;
    this.capacity *= 2;
    this.slotNode = new Int32Array(this.capacity);
    this.slotSymbol = new Int32Array(this.capacity);
    this.slotChild = new Int32Array(this.capacity);
    this.slotStamp = new Int32Array(this.capacity);
    this.count = enlarged(this.count, this.capacity);
    this.running = enlarged(this.running, this.capacity);
    this.runningText = enlarged(this.runningText, this.capacity);
    for (let slot = 0; slot < capacity; slot++)
      if (slotStamp[slot] === stamp) this.insert(slotNode[slot], slotSymbol[slot], slotChild[slot]);
  }
}

function hash(node: number, symbol: number): number {
  const mixed = Math.imul(Math.imul(node, 0x9e3779b1) ^ symbol, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

function enlarged(old: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(old);
  return larger;
}
