/**
 * Reproducible random numbers for data order and text generation: xoshiro128** seeded through splitmix32.
 *
 * Equal seeds give equal sequences on every machine. Not for cryptography; dropout uses Philox (backend/philox.ts).
 * Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /** @param seed integers that name the stream, e.g. (seed, epoch): different lists give unrelated sequences */
  constructor(...seed: readonly number[]) {
    let state = 0x9e3779b9;
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      return mix(state);
    };
    for (const part of seed) {
      if (!Number.isSafeInteger(part)) throw new RangeError(`a random seed must be an integer, found ${part}`);
      state = mix(state ^ (part | 0));
      state = mix((state + Math.floor(part / 2 ** 32)) | 0);
    }
    this.a = next();
    this.b = next();
    this.c = next();
    this.d = next() | 1; // the all-zero state would stay zero
  }

  /** Uniform on 0 .. 2^32 - 1. */
  uint32(): number {
    const scrambled = Math.imul(this.b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result;
  }

  /** Uniform on 0 .. bound - 1, without bias. @param bound 1 .. 2^32 */
  below(bound: number): number {
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let value = this.uint32();
    while (value >= limit) value = this.uint32();
    return value % bound;
  }

  /** Uniform on [0, 1), 32 random bits. */
  unit(): number {
    return this.uint32() / 2 ** 32;
  }

  /** True with the probability given. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** One element, each equally likely. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  /** Puts the array into random order, in place (Fisher-Yates). */
  shuffle<T extends { length: number; [index: number]: unknown }>(array: T): T {
    for (let last = array.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      const kept = array[last];
      array[last] = array[other];
      array[other] = kept;
    }
    return array;
  }
}

/** A bijection on 32-bit integers in which every input bit reaches every output bit. */
function mix(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  value = Math.imul(value ^ (value >>> 15), 0x735a2d97);
  return value ^ (value >>> 15);
}
