/**
 * Calls the compiled addon as our TypeScript never does: with wrong types, shapes, counts and handles, indices out of
 * range, sizes whose product wraps around. A separate program, since a kernel that fails ends the process; the test
 * reads its last line, { calls, refused, ran, kernels, silent }.
 */
import { loadAddon } from '../src/backend/native/addon.js';

const addon = loadAddon();
const names = addon.kernelNames();
const words = new Float64Array(256);
addon.setCallBuffer(words);

let state = 1;
/** From 0 to n - 1. */
function below(n: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
}
const pick = <T>(list: readonly T[]): T => list[below(list.length)];

/** Blocks of 4096 bytes, some full of small integers, some of anything. */
const blocks = Array.from({ length: 8 }, (_, b) => {
  const handle = addon.allocate(4096);
  addon.write(
    handle,
    Int32Array.from({ length: 1024 }, () => (b < 4 ? below(6) - (b === 3 ? 3 : 0) : below(2 ** 32) | 0)),
  );
  return handle;
});
const wild = [-1, -7, 0.5, 2 ** 31, 2 ** 32, 2 ** 43, 2 ** 44, 2 ** 52, -(2 ** 31), -(2 ** 52), NaN, Infinity];
/** Two of them multiply to 0 in 64 bits, or to more than any memory holds. */
const vastSizes = [2 ** 44, 2 ** 44, 2 ** 32, 2 ** 20, 0, 1];
/** Mostly int32; 3 is not a valid type. */
const rarerTypes = [1, 1, 1, 1, 1, 2, 2, 3];
const smallSizes = [0, 1, 1, 2, 2, 3, 4, 6];

/** A call whose tensors share few sizes, so that many fit each other. */
function writeCall(): void {
  const sizes = Array.from({ length: 3 }, () => pick(smallSizes));
  const tensors = below(9);
  const attributes = below(20);
  const floats = pick([3, 12, 12]); // kernels take positions among floats, or only floats
  let at = 0;
  words[at++] = below(100) === 0 ? pick(wild) : tensors;
  words[at++] = below(100) === 0 ? pick(wild) : attributes;
  for (let i = 0; i < tensors; i++) {
    words[at++] = below(60) === 0 ? pick(wild) : pick(blocks);
    words[at++] = below(floats) === 0 ? pick(rarerTypes) : 0;
    const rank = below(80) === 0 ? 12 : below(4);
    words[at++] = rank;
    const isVast = below(100) === 0;
    for (let d = 0; d < rank; d++) words[at++] = isVast ? pick(vastSizes) : below(80) === 0 ? pick(wild) : pick(sizes);
  }
  for (let i = 0; i < attributes; i++)
    words[at++] = below(30) === 0 ? pick(wild) : below(3) === 0 ? pick(smallSizes) : pick([...sizes, 0, 1]);
}

const reached = new Set<string>();
let refused = 0;
let ran = 0;
const rounds = 60_000;
const seeds = [5, 6, 7, 8];
for (let round = 0; round < rounds; round++) {
  if (round % (rounds / seeds.length) === 0) state = seeds[round / (rounds / seeds.length)];
  const kernel = round % names.length;
  writeCall();
  try {
    addon.run(kernel);
    ran += 1;
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith(names[kernel])) throw error;
    refused += 1;
  }
  reached.add(names[kernel]);
}
process.stdout.write(
  `${JSON.stringify({ calls: rounds, refused, ran, kernels: names.length, silent: names.filter((name) => !reached.has(name)) })}\n`,
);
