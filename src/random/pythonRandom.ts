const size = 624;
const middle = 397;

/**
 * The random numbers of Python's `random` module after `random.seed(seed)`: MT19937, seeded by the integer's 32-bit
 * words. For tools that must repeat the draws of a Python script; everything else uses `Random`.
 *
 * Source: Matsumoto and Nishimura 1998; their reference code's seeding by an array, as CPython uses it.
 */
export class MersenneTwister {
  private readonly state = new Uint32Array(size);
  private at = size;

  /** @param seed an integer of at least 0 */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0)
      throw new RangeError(`a random seed must be an integer of at least 0, found ${seed}`);
    const key = seed < 2 ** 32 ? [seed] : [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
    const { state } = this;
    state[0] = 19650218;
    for (let i = 1; i < size; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
    let i = 1;
    const step = (multiplier: number, addend: number): void => {
      state[i] = (state[i] ^ Math.imul(state[i - 1] ^ (state[i - 1] >>> 30), multiplier)) + addend;
      if (++i === size) {
        state[0] = state[size - 1];
        i = 1;
      }
    };
    for (let k = 0; k < size; k++) step(1664525, key[k % key.length] + (k % key.length));
    for (let k = 0; k < size - 1; k++) step(1566083941, -i);
    state[0] = 0x80000000;
  }

  /** A double of 53 random bits, at least 0 and less than 1: `random.random()`. */
  random(): number {
    const high = this.next() >>> 5;
    const low = this.next() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  private next(): number {
    if (this.at === size) this.renew();
    let value = this.state[this.at++];
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    return (value ^ (value >>> 18)) >>> 0;
  }

  private renew(): void {
    const { state } = this;
    for (let i = 0; i < size; i++) {
      const joined = (state[i] & 0x80000000) | (state[(i + 1) % size] & 0x7fffffff);
      state[i] = state[(i + middle) % size] ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
    }
    this.at = 0;
  }
}
