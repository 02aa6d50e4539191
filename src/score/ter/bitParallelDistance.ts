import { Edit } from './edit.js';

/**
 * Edit distance between rearrangements of one sequence and a reference, 32 cells of the edit matrix at a time: a row is
 * two bit vectors of rises and falls between neighbouring cells.
 *
 * Rows of the current sequence are kept. A rearrangement that differs from it between two positions starts at the row
 * before the first, and has the same distance once a row after the last is equal.
 *
 * Source: Myers 1999, in the block form of Hyyrö 2003.
 */
export class BitParallelDistance {
  private readonly blocks: number;
  /** Bit of the last reference symbol in the last block. */
  private readonly lastBit: number;
  /** For each symbol the reference positions that have it. */
  private readonly positions: Int32Array;
  private readonly rises: Int32Array;
  private readonly falls: Int32Array;
  /** Distance of the current sequence's first i symbols from the whole reference. */
  private readonly distances: Int32Array;

  /**
   * @param length of the sequences
   * @param ref symbols below `numSymbols`; negative ones match nothing
   */
  constructor(
    private readonly length: number,
    private readonly ref: readonly number[],
    numSymbols: number,
  ) {
    this.blocks = Math.ceil(ref.length / 32);
    this.lastBit = 1 << ((ref.length - 1) & 31);
    this.positions = new Int32Array(numSymbols * this.blocks);
    for (let j = 0; j < ref.length; j++)
      if (ref[j] >= 0) this.positions[ref[j] * this.blocks + (j >> 5)] |= 1 << (j & 31);
    this.rises = new Int32Array((length + 2) * this.blocks).fill(-1, 0, this.blocks);
    this.falls = new Int32Array((length + 2) * this.blocks);
    this.distances = new Int32Array(length + 1);
    this.distances[0] = ref.length;
  }

  /** Makes `sequence` the current one. @returns its distance */
  setCurrent(sequence: readonly number[]): number {
    for (let i = 1; i <= this.length; i++)
      this.distances[i] = this.distances[i - 1] + this.advance(sequence[i - 1], i - 1, i);
    return this.distances[this.length];
  }

  /**
   * The edits of the current sequence, from its start; among equals keeping or substituting comes first, then a symbol
   * of the sequence, then one of the reference.
   */
  path(sequence: readonly number[]): Edit[] {
    const { ref } = this;
    const path: Edit[] = [];
    let i = this.length;
    let j = ref.length;
    let distance = this.distances[i];
    while (i > 0 || j > 0) {
      let edit: Edit;
      if (i === 0) edit = Edit.refOnly;
      else if (j === 0) edit = Edit.hypOnly;
      else if (sequence[i - 1] === ref[j - 1])
        edit = Edit.keep; // never more expensive than the other ways
      else if (this.distanceOfStarts(i - 1, j - 1) < distance) edit = Edit.substitute;
      else edit = this.distanceOfStarts(i - 1, j) < distance ? Edit.hypOnly : Edit.refOnly;
      path.push(edit);
      if (edit !== Edit.keep) distance--;
      if (edit !== Edit.refOnly) i--;
      if (edit !== Edit.hypOnly) j--;
    }
    return path.reverse();
  }

  /** Distance of the current sequence's first `i` symbols from the reference's first `j`. */
  private distanceOfStarts(i: number, j: number): number {
    let distance = i;
    for (let b = 0; b << 5 < j; b++) {
      const row = i * this.blocks + b;
      const rest = j - (b << 5);
      const mask = rest >= 32 ? -1 : (1 << rest) - 1;
      distance += countOnes(this.rises[row] & mask) - countOnes(this.falls[row] & mask);
    }
    return distance;
  }

  /** @param sequence differs from the current one only at positions `first` to `end - 1` */
  distance(sequence: readonly number[], first: number, end: number): number {
    const { length, blocks, rises, falls, distances } = this;
    const trial = length + 1; // the row after the current sequence's
    let from = first;
    let distance = distances[first];
    for (let i = first + 1; i <= length; i++) {
      distance += this.advance(sequence[i - 1], from, trial);
      from = trial;
      if (i < end || distance !== distances[i]) continue;
      let equal = true;
      for (let b = 0; b < blocks && equal; b++)
        equal =
          rises[trial * blocks + b] === rises[i * blocks + b] && falls[trial * blocks + b] === falls[i * blocks + b];
      if (equal) return distances[length];
    }
    return distance;
  }

  /** Writes the row after `symbol`. @returns change of the distance from the whole reference */
  private advance(symbol: number, from: number, to: number): number {
    const { blocks, positions, rises, falls } = this;
    let carry = 1;
    for (let b = 0; b < blocks; b++) {
      const rise = rises[from * blocks + b];
      const fall = falls[from * blocks + b];
      let match = positions[symbol * blocks + b];
      const vertical = match | fall;
      if (carry < 0) match |= 1;
      const horizontal = (((match & rise) + rise) ^ rise) | match;
      let up = fall | ~(horizontal | rise);
      let down = rise & horizontal;
      const top = b === blocks - 1 ? this.lastBit : 1 << 31;
      const carryOut = (up & top) !== 0 ? 1 : (down & top) !== 0 ? -1 : 0;
      up = (up << 1) | (carry > 0 ? 1 : 0);
      down = (down << 1) | (carry < 0 ? 1 : 0);
      rises[to * blocks + b] = down | ~(vertical | up);
      falls[to * blocks + b] = up & vertical;
      carry = carryOut;
    }
    return carry;
  }
}

/** Number of bits that are set in 32. */
function countOnes(bits: number): number {
  const pairs = bits - ((bits >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
