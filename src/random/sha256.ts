/**
 * SHA-256 in plain JavaScript, where Node's crypto is missing: a browser's own is missing on pages that are not secure,
 * as on a local network. Source: FIPS 180-4, sections 4.1.2, 5.1.1, 5.3.3 and 6.2.
 */

const blockBytes = 64;
const roots = firstPrimes(64);
/** First 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const roundConstants = Uint32Array.from(roots, (prime) => fraction(Math.cbrt(prime)));
/** The same of the square roots of the first 8. */
const start = Uint32Array.from(roots.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

/** @param parts bytes, hashed as if they were one text of bytes */
export function sha256(parts: Iterable<Uint8Array>): Uint8Array<ArrayBuffer> {
  const state = start.slice();
  const block = new Uint8Array(blockBytes);
  const view = new DataView(block.buffer);
  let filled = 0;
  let length = 0;
  for (const part of parts) {
    length += part.length;
    for (let at = 0; at < part.length;) {
      const taken = part.subarray(at, at + blockBytes - filled);
      block.set(taken, filled);
      at += taken.length;
      filled += taken.length;
      if (filled < blockBytes) break;
      compress(state, view);
      filled = 0;
    }
  }
  block[filled++] = 0x80;
  if (filled > blockBytes - 8) {
    block.fill(0, filled);
    compress(state, view);
    filled = 0;
  }
  block.fill(0, filled);
  view.setBigUint64(blockBytes - 8, 8n * BigInt(length));
  compress(state, view);
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, i) => digest.setUint32(4 * i, word));
  return new Uint8Array(digest.buffer);
}

const words = new Int32Array(64);

function compress(state: Uint32Array, block: DataView): void {
  for (let t = 0; t < 16; t++) words[t] = block.getInt32(4 * t);
  for (let t = 16; t < 64; t++) {
    const [early, late] = [words[t - 15], words[t - 2]];
    const sigma0 = rotated(early, 7) ^ rotated(early, 18) ^ (early >>> 3);
    const sigma1 = rotated(late, 17) ^ rotated(late, 19) ^ (late >>> 10);
    words[t] = sigma1 + words[t - 7] + sigma0 + words[t - 16];
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let t = 0; t < 64; t++) {
    const sum1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25);
    const first = (h + sum1 + ((e & f) ^ (~e & g)) + roundConstants[t] + words[t]) | 0;
    const sum0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22);
    const second = sum0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] += word));
}

function rotated(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

function fraction(root: number): number {
  return Math.floor((root % 1) * 2 ** 32);
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let candidate = 2; primes.length < count; candidate++)
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  return primes;
}
