/**
 * A set of hashes (`textHash`), about 16 bytes each: far smaller than JavaScript's own Set, and without its limit of
 * 16.7 million members.
 */
export class HashSet {
  /** Slots, a power of two; 0 is empty. Each hash is in the first free slot from the one that its low bits name. */
  private slots = new Float64Array(1 << 10);
  private used = 0;

  get size(): number {
    return this.used;
  }

  has(hash: number): boolean {
    return this.slots[this.slotOf(hash || 1)] !== 0;
  }

  /** @returns whether the hash is new */
  add(hash: number): boolean {
    const slot = this.slotOf(hash || 1);
    if (this.slots[slot] !== 0) return false;
    this.slots[slot] = hash || 1;
    if (++this.used > this.slots.length / 2) this.grow();
    return true;
  }

  private slotOf(hash: number): number {
    const mask = this.slots.length - 1;
    let slot = (hash % 2 ** 32) & mask;
    while (this.slots[slot] !== 0 && this.slots[slot] !== hash) slot = (slot + 1) & mask;
    return slot;
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Float64Array(old.length * 2);
    for (const hash of old) if (hash !== 0) this.slots[this.slotOf(hash)] = hash;
  }
}
