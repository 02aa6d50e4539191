import type { CorpusStatistics } from './metric.js';

/** Weightings treated at once: each number of a line is read once for all of them. */
const block = 4;

/**
 * Weighted sums of a corpus's statistics: a resample weights each line by the number of times it was drawn, a shuffle
 * by 0 or 1.
 *
 * @param fillWeights writes the weights of a sample's lines to an array of zeros
 * @param visit receives a sample's sums; the array is reused
 */
export function weightedSums(
  { numLines, width, values }: Pick<CorpusStatistics, 'numLines' | 'width' | 'values'>,
  numSamples: number,
  fillWeights: (sample: number, weights: Float64Array) => void,
  visit: (sample: number, sums: Float64Array) => void,
): void {
  const columns = Array.from({ length: width }, (_, k) =>
    Float64Array.from({ length: numLines }, (_, i) => values[i * width + k]),
  );
  const weights = Array.from({ length: block }, () => new Float64Array(numLines));
  const sums = Array.from({ length: block }, () => new Float64Array(width));
  for (let first = 0; first < numSamples; first += block) {
    const count = Math.min(block, numSamples - first);
    for (let b = 0; b < count; b++) {
      weights[b].fill(0);
      fillWeights(first + b, weights[b]);
    }
    for (let k = 0; k < width; k++) dotProducts(columns[k], weights, sums, k);
    for (let b = 0; b < count; b++) visit(first + b, sums[b]);
  }
}

function dotProducts(
  column: Float64Array,
  [w0, w1, w2, w3]: readonly Float64Array[],
  [s0, s1, s2, s3]: readonly Float64Array[],
  k: number,
): void {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < column.length; i++) {
    const value = column[i];
    a += w0[i] * value;
    b += w1[i] * value;
    c += w2[i] * value;
    d += w3[i] * value;
  }
  s0[k] = a;
  s1[k] = b;
  s2[k] = c;
  s3[k] = d;
}
