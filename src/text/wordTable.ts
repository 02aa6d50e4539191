import { randomInt } from 'node:crypto';

/**
 * The hash of a word is 0, for each byte times this factor plus the byte, in 32 bits. The factor is drawn again for
 * each process, so that no text can be constructed in which many words of usual length share a hash. (With 128 bytes or
 * more such words exist for all factors.)
 */
export const hashFactor = 8 * randomInt(2 ** 28) + 5;

/** Words in UTF-8, found without cutting them out of the text. Open addressing, at most half full. */
export class WordTable<T> {
  private readonly entries: T[] = [];
  /** Where each entry begins in `wordBytes`; the next one follows. */
  private readonly starts: number[] = [0];
  private wordBytes = new Uint8Array(2 ** 16);
  /** In twos: the hash of a word, and its place in `entries` plus one. */
  private slots = new Int32Array(2 ** 16);

  get size(): number {
    return this.entries.length;
  }

  find(bytes: Uint8Array, start: number, end: number, hash: number): T | undefined {
    const { slots } = this;
    const mask = slots.length - 2;
    for (let slot = scatter(hash) & mask; slots[slot + 1] !== 0; slot = (slot + 2) & mask) {
      const index = slots[slot + 1] - 1;
      if (slots[slot] === hash && this.isEqual(index, bytes, start, end)) return this.entries[index];
    }
    return undefined;
  }

  /** @param entry of a new word */
  add(entry: T, bytes: Uint8Array, start: number, end: number, hash: number): void {
    const from = this.starts[this.entries.length];
    if (from + end - start > this.wordBytes.length) {
      const larger = new Uint8Array(2 * this.wordBytes.length + end - start);
      larger.set(this.wordBytes);
      this.wordBytes = larger;
    }
    this.wordBytes.set(bytes.subarray(start, end), from);
    this.starts.push(from + end - start);
    this.entries.push(entry);
    if (4 * this.entries.length > this.slots.length) {
      const before = this.slots;
      this.slots = new Int32Array(2 * before.length);
      for (let slot = 0; slot < before.length; slot += 2)
        if (before[slot + 1] !== 0) this.place(before[slot], before[slot + 1]);
    }
    this.place(hash, this.entries.length);
  }

  /** The words in order of entry. */
  *words(): Generator<string> {
    const bytes = Buffer.from(this.wordBytes.buffer);
    for (let i = 0; i < this.entries.length; i++) yield bytes.toString('utf8', this.starts[i], this.starts[i + 1]);
  }

  private isEqual(index: number, bytes: Uint8Array, start: number, end: number): boolean {
    const { wordBytes } = this;
    const from = this.starts[index];
    if (this.starts[index + 1] - from !== end - start) return false;
    for (let i = start, at = from; i < end; i++, at++) if (bytes[i] !== wordBytes[at]) return false;
    return true;
  }

  private place(hash: number, placePlusOne: number): void {
    const { slots } = this;
    const mask = slots.length - 2;
    let slot = scatter(hash) & mask;
    while (slots[slot + 1] !== 0) slot = (slot + 2) & mask;
    slots[slot] = hash;
    slots[slot + 1] = placePlusOne;
  }
}

/** Spreads a hash over all bits. */
function scatter(hash: number): number {
  const mixed = Math.imul(hash, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
