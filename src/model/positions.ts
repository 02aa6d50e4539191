/** fairseq numbers positions from padId + 1; the first token of a sentence is at 2. */
export const firstPosition = 2;

/** w_j for j = 0 to d/2 - 1. */
export function positionFrequencies(dModel: number): number[] {
  const half = dModel / 2;
  return Array.from({ length: half }, (_, j) => Math.exp((-j * Math.log(10000)) / (half - 1)));
}

/**
 * Sinusoidal position features of the tokens at columns `start` to `start + length - 1` of a sentence, [length, d]
 * row-major.
 *
 * P[p] = [sin(p w_0) … sin(p w_{d/2-1}), cos(p w_0) … cos(p w_{d/2-1})], w_j = exp(-j ln(10000) / (d/2 - 1)), for
 * p = 2 + column. (Vaswani et al. 2017, §3.5, interleave sines and cosines; a permutation of features.)
 *
 * Source: fairseq's SinusoidalPositionalEmbedding.
 */
export function sinusoidalPositions(length: number, dModel: number, start = 0): Float32Array {
  const half = dModel / 2;
  const features = new Float32Array(length * dModel);
  for (const [j, frequency] of positionFrequencies(dModel).entries()) {
    for (let column = 0; column < length; column++) {
      const angle = (firstPosition + start + column) * frequency;
      features[column * dModel + j] = Math.sin(angle);
      features[column * dModel + half + j] = Math.cos(angle);
    }
  }
  return features;
}
