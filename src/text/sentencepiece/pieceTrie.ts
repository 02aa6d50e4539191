/** Pieces as sequences of character numbers, found by walking from a start. */
export class PieceTrie {
  private size = 1;
  private mask: number;
  /** Open addressing: node times number of characters plus character, and the child. */
  private keys: Float64Array;
  private children: Int32Array;
  /** Piece that ends at a node, or -1. */
  private pieces: Int32Array;

  constructor(
    private readonly numCharacters: number,
    expectedNodes: number,
  ) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(16, expectedNodes * 2)));
    this.mask = capacity - 1;
    this.keys = new Float64Array(capacity).fill(-1);
    this.children = new Int32Array(capacity);
    this.pieces = new Int32Array(Math.max(16, expectedNodes)).fill(-1);
  }

  insert(symbols: ArrayLike<number>, start: number, length: number, piece: number): void {
    let node = 0;
    for (let i = start; i < start + length; i++) {
      let child = this.child(node, symbols[i]);
      if (child === 0) {
        child = this.size++;
        this.add(node, symbols[i], child);
      }
      node = child;
    }
    this.pieces[node] = piece;
  }

  /** The node after a character, 0 if none. The start is node 0. */
  child(node: number, character: number): number {
    const key = node * this.numCharacters + character;
    for (let slot = this.slotOf(node, character); ; slot = (slot + 1) & this.mask) {
      const found = this.keys[slot];
      if (found === key) return this.children[slot];
      if (found < 0) return 0;
    }
  }

  /** The piece that ends at a node, -1 if none does. */
  pieceAt(node: number): number {
    return this.pieces[node];
  }

  private slotOf(node: number, character: number): number {
    const mixed = Math.imul(node, 0x9e3779b1) ^ Math.imul(character + 1, 0x85ebca6b);
    return (mixed ^ (mixed >>> 15)) & this.mask;
  }

  private add(node: number, character: number, child: number): void {
    if (this.size * 2 > this.mask) this.grow();
    if (child >= this.pieces.length) {
      const more = new Int32Array(this.pieces.length * 2).fill(-1);
      more.set(this.pieces);
      this.pieces = more;
    }
    this.put(node * this.numCharacters + character, this.slotOf(node, character), child);
  }

  private put(key: number, from: number, child: number): void {
    let slot = from;
    while (this.keys[slot] >= 0) slot = (slot + 1) & this.mask;
    this.keys[slot] = key;
    this.children[slot] = child;
  }

  private grow(): void {
    const { keys, children } = this;
    this.keys = new Float64Array(keys.length * 2).fill(-1);
    this.children = new Int32Array(keys.length * 2);
    this.mask = this.keys.length - 1;
    keys.forEach((key, i) => {
      if (key >= 0)
        this.put(key, this.slotOf(Math.floor(key / this.numCharacters), key % this.numCharacters), children[i]);
    });
  }
}
