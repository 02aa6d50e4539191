/**
 * The operations of this folder as plain loops in float64, for tests: what every twin and kernel must agree with.
 * Arrays are row-major. Dropout is given as a mask, so that these loops hold no generator.
 */
import type { AttentionAttrs } from '../src/backend/ops/kernels.js';

type Values = ArrayLike<number>;

export function slowLinear(
  x: Values,
  weight: Values,
  bias: Values,
  inSize: number,
  outSize: number,
  relu: boolean,
): Float64Array {
  const rows = x.length / inSize;
  const y = new Float64Array(rows * outSize);
  for (let n = 0; n < rows; n++) {
    for (let o = 0; o < outSize; o++) {
      let sum = bias[o];
      for (let i = 0; i < inSize; i++) sum += x[n * inSize + i] * weight[o * inSize + i];
      y[n * outSize + o] = relu ? Math.max(0, sum) : sum;
    }
  }
  return y;
}

export function slowLayerNorm(x: Values, gamma: Values, beta: Values, eps: number): Float64Array {
  const d = gamma.length;
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += d) {
    let mean = 0;
    for (let i = 0; i < d; i++) mean += x[start + i] / d;
    let variance = 0;
    for (let i = 0; i < d; i++) variance += (x[start + i] - mean) ** 2 / d;
    for (let i = 0; i < d; i++) y[start + i] = ((x[start + i] - mean) / Math.sqrt(variance + eps)) * gamma[i] + beta[i];
  }
  return y;
}

/** @param mask [B, H, T, S] multiplies the probabilities */
export function slowAttention(
  q: Values,
  k: Values,
  v: Values,
  keyLengths: Values,
  mask: Values | undefined,
  { batch, queryLength, keyLength, numHeads, causal }: AttentionAttrs,
): Float64Array {
  const d = q.length / (batch * queryLength);
  const dHead = d / numHeads;
  const out = new Float64Array(q.length);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < numHeads; h++) {
      for (let t = 0; t < queryLength; t++) {
        const visible = Math.min(keyLengths[b], causal ? t + 1 : keyLength);
        const queryStart = (b * queryLength + t) * d + h * dHead;
        const scores: number[] = [];
        for (let s = 0; s < visible; s++) {
          const keyStart = (b * keyLength + s) * d + h * dHead;
          let score = 0;
          for (let i = 0; i < dHead; i++) score += q[queryStart + i] * k[keyStart + i];
          scores.push(score / Math.sqrt(dHead));
        }
        const largest = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - largest));
        const total = weights.reduce((a, w) => a + w, 0);
        for (let s = 0; s < visible; s++) {
          const p = (weights[s] / total) * (mask?.[((b * numHeads + h) * queryLength + t) * keyLength + s] ?? 1);
          for (let i = 0; i < dHead; i++) out[queryStart + i] += p * v[(b * keyLength + s) * d + h * dHead + i];
        }
      }
    }
  }
  return out;
}

export function slowCrossEntropy(
  hidden: Values,
  embedding: Values,
  targets: Values,
  d: number,
  labelSmoothing: number,
  padId: number,
): { lossSum: number; nllSum: number } {
  const vocabSize = embedding.length / d;
  let lossSum = 0;
  let nllSum = 0;
  for (let n = 0; n < targets.length; n++) {
    if (targets[n] === padId) continue;
    const logits: number[] = [];
    for (let v = 0; v < vocabSize; v++) {
      let logit = 0;
      for (let i = 0; i < d; i++) logit += hidden[n * d + i] * embedding[v * d + i];
      logits.push(logit);
    }
    const largest = Math.max(...logits);
    const logSumExp = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
    const nll = logSumExp - logits[targets[n]];
    const perWrongToken = labelSmoothing / (vocabSize - 1);
    lossSum +=
      (1 - labelSmoothing - perWrongToken) * nll +
      perWrongToken * logits.reduce((sum, logit) => sum + logSumExp - logit, 0);
    nllSum += nll;
  }
  return { lossSum, nllSum };
}

/** Central differences of a scalar function for every element of `at`. */
export function finiteDifferences(f: (x: Float64Array) => number, at: Values, step = 1e-5): Float64Array {
  const x = Float64Array.from(at as ArrayLike<number>);
  return x.map((value, i) => {
    x[i] = value + step;
    const above = f(x);
    x[i] = value - step;
    const below = f(x);
    x[i] = value;
    return (above - below) / (2 * step);
  });
}
