import { UsageError } from '../errors.js';

/**
 * NumPy's `default_rng(seed)`: PCG64 (O'Neill 2014, 128-bit state, XSL-RR output) seeded through `SeedSequence`, with
 * the draws that resampling needs. Same seed, same numbers.
 */
export class NumpyRandom {
  /** State and increment as four 32-bit words, lowest first. */
  private readonly state = new Uint32Array(4);
  private readonly increment = new Uint32Array(4);
  private readonly product = new Uint32Array(4);
  private low = 0;
  private high = 0;
  private hasHigh = false;

  /** @param seed integer of at least 0 */
  constructor(seed: number | bigint) {
    const words = seedWords(seed, 8);
    // 64-bit words of the sequence have their low half first; they are state high, state low, stream high, stream low
    const [stateHigh, stateLow, streamHigh, streamLow] = [0, 1, 2, 3].map((i) => [words[2 * i], words[2 * i + 1]]);
    const stream = [...streamLow, ...streamHigh];
    for (let i = 3; i >= 0; i--) this.increment[i] = (stream[i] << 1) | (i > 0 ? stream[i - 1] >>> 31 : 1);
    this.advance();
    add128(this.state, [...stateLow, ...stateHigh]);
    this.advance();
  }

  /** The next 64 bits, as low and high halves. */
  uint64(): { low: number; high: number } {
    this.draw();
    return { low: this.low, high: this.high };
  }

  /** The next 32 bits: the low, then the high half of a 64-bit output. */
  uint32(): number {
    if (this.hasHigh) {
      this.hasHigh = false;
      return this.high;
    }
    this.draw();
    this.hasHigh = true;
    return this.low;
  }

  /** Uniform in [0, 1) with 53 bits. */
  double(): number {
    const { low, high } = this.uint64();
    return ((high >>> 5) * 67108864 + (((high & 0x1f) << 21) | (low >>> 11))) / 9007199254740992;
  }

  /**
   * `integers(0, n, size=count)` and so `choice(n, size=count)`, by Lemire's method on 32-bit numbers.
   *
   * @param n 1 to 2^32
   */
  integers(n: number, count: number): Uint32Array {
    const drawn = new Uint32Array(count);
    if (n === 1) return drawn; // takes nothing from the generator
    if (n === 2 ** 32) return drawn.map(() => this.uint32());
    const rejectBelow = (2 ** 32 - n) % n;
    for (let i = 0; i < count; i++) {
      let random: number;
      let low: number;
      do {
        random = this.uint32();
        low = Math.imul(random, n) >>> 0;
      } while (low < rejectBelow);
      drawn[i] = highProduct(random, n);
    }
    return drawn;
  }

  /** `integers(2, size=count, dtype=bool)`: bit b of word w is boolean 32 w + b. */
  booleans(count: number): Uint32Array {
    const words = new Uint32Array(Math.ceil(count / 32));
    for (let i = 0; i < words.length; i++) words[i] = this.uint32();
    return words;
  }

  private draw(): void {
    this.advance();
    const [s0, s1, s2, s3] = this.state;
    const low = s2 ^ s0;
    const high = s3 ^ s1;
    const rotation = s3 >>> 26;
    const turn = rotation & 31;
    const [a, b] = rotation < 32 ? [low, high] : [high, low];
    this.low = (turn === 0 ? a : (a >>> turn) | (b << (32 - turn))) >>> 0;
    this.high = (turn === 0 ? b : (b >>> turn) | (a << (32 - turn))) >>> 0;
  }

  /** state = state * multiplier + increment, modulo 2^128. */
  private advance(): void {
    const { state, product } = this;
    product.set(this.increment);
    for (let i = 0; i < 4; i++) {
      let carry = 0;
      for (let j = 0; i + j < 4; j++) {
        const low = Math.imul(state[i], multiplier[j]) >>> 0;
        const sum = product[i + j] + low + carry; // below 2^34
        product[i + j] = sum;
        carry = highProduct(state[i], multiplier[j]) + Math.floor(sum / 4294967296);
      }
    }
    state.set(product);
  }
}

/** 0x2360ED051FC65DA44385DF649FCCF645, lowest word first. */
const multiplier = new Uint32Array([0x9fccf645, 0x4385df64, 0x1fc65da4, 0x2360ed05]);

/** High 32 bits of a 32 x 32 bit product. */
function highProduct(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16); // below 2^32
  const other = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(other / 65536)) >>> 0;
}

function add128(sum: Uint32Array, term: readonly number[]): void {
  let carry = 0;
  for (let i = 0; i < 4; i++) {
    const total = sum[i] + term[i] + carry;
    sum[i] = total;
    carry = total > 0xffffffff ? 1 : 0;
  }
}

/** `SeedSequence(seed).generate_state(count, uint32)`. */
export function seedWords(seed: number | bigint, count: number): Uint32Array {
  if (seed < 0 || (typeof seed === 'number' && !Number.isSafeInteger(seed)))
    throw new UsageError(`seed is ${seed}, expected an integer of at least 0.`);
  const entropy: number[] = [];
  for (let rest = BigInt(seed); rest > 0n; rest >>= 32n) entropy.push(Number(rest & 0xffffffffn));
  let constant = 0x43b0d7e5;
  const scramble = (value: number): number => {
    const mixed = value ^ constant;
    constant = Math.imul(constant, 0x931e8875);
    const product = Math.imul(mixed, constant);
    return product ^ (product >>> 16);
  };
  const pool = Array.from({ length: 4 }, (_, i) => scramble(entropy[i] ?? 0));
  const mixInto = (to: number, value: number): void => {
    const mixed = (Math.imul(0xca01f9dd, pool[to]) - Math.imul(0x4973f715, scramble(value))) | 0;
    pool[to] = mixed ^ (mixed >>> 16);
  };
  for (let from = 0; from < 4; from++) for (let to = 0; to < 4; to++) if (from !== to) mixInto(to, pool[from]);
  for (const word of entropy.slice(4)) for (let to = 0; to < 4; to++) mixInto(to, word);
  let output = 0x8b51f9dd;
  return Uint32Array.from({ length: count }, (_, i) => {
    const mixed = pool[i % 4] ^ output;
    output = Math.imul(output, 0x58f38ded);
    const product = Math.imul(mixed, output);
    return product ^ (product >>> 16);
  });
}
