import { logSumExp, reshape, stack, sub, type Tensor } from '@tensorflow/tfjs-core';
import { readComputed } from '../readValues.js';
import { hasKernel, runFused } from './dispatch.js';
import { topLogProbsKernel, type TopLogProbsAttrs } from './kernels.js';
import { linear } from './linear.js';
import { rowLogSumExp } from './rowLogSumExp.js';

export interface TopLogProbs {
  /** [N * count] row-major, of each row the largest first; -infinity where fewer tokens are allowed. */
  readonly logProbs: Float32Array;
  /** Their tokens; -1 where fewer tokens are allowed. */
  readonly tokens: Int32Array;
  /** [N] log-probability of `endToken`, listed or not; NaN or infinite if the row's logits are not finite numbers. */
  readonly endLogProbs: Float32Array;
}

/**
 * The most probable next tokens of every row, read back: for decoding, no gradient.
 * @param hidden [N, d]
 * @param embedding [V, d]; logits are hidden · embeddingᵀ
 */
export async function topLogProbs(hidden: Tensor, embedding: Tensor, attrs: TopLogProbsAttrs): Promise<TopLogProbs> {
  if (hasKernel(topLogProbsKernel)) {
    const [logProbs, tokens, endLogProbs] = await readComputed<Float32Array | Int32Array>(() =>
      runFused(topLogProbsKernel, { hidden, embedding }, attrs),
    );
    return {
      logProbs: logProbs as Float32Array,
      tokens: tokens as Int32Array,
      endLogProbs: endLogProbs as Float32Array,
    };
  }
  const [logits, normalisers] = await readComputed(() => {
    const logits = linear(hidden, embedding); // [N, V]
    return [logits, rowLogSumExp(logits)];
  });
  return topOfRows(logits, normalisers, attrs);
}

/**
 * The same for several models that choose together: the probability of a token is the mean of their probabilities.
 * @param outputs of each model, hidden [N, d of the model] and embedding [V, d of the model], with the same N and V
 */
export async function topMeanLogProbs(
  outputs: readonly { readonly hidden: Tensor; readonly embedding: Tensor }[],
  attrs: TopLogProbsAttrs,
): Promise<TopLogProbs> {
  if (outputs.length === 1) return topLogProbs(outputs[0].hidden, outputs[0].embedding, attrs);
  const [sums] = await readComputed(() => {
    const logProbs = outputs.map(({ hidden, embedding }) => {
      const logits = linear(hidden, embedding); // [N, V]
      return sub(logits, reshape(rowLogSumExp(logits), [-1, 1]));
    });
    return [logSumExp(stack(logProbs), 0)]; // [N, V] of sums of probabilities
  });
  const rows = outputs[0].hidden.shape[0]!;
  return topOfRows(sums, new Float32Array(rows).fill(Math.log(outputs.length)), attrs);
}

/** A logit costs one comparison unless it is among the best: sorting every row would dominate a decoding step. */
function topOfRows(
  logits: Float32Array,
  normalisers: Float32Array,
  { count, endToken, excluded }: TopLogProbsAttrs,
): TopLogProbs {
  const rows = normalisers.length;
  const vocabSize = logits.length / rows;
  const logProbs = new Float32Array(rows * count).fill(-Infinity);
  const tokens = new Int32Array(rows * count).fill(-1);
  const endLogProbs = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * vocabSize;
    const first = row * count;
    const last = first + count - 1;
    let bar = -Infinity;
    for (let token = 0; token < vocabSize; token++) {
      const logit = logits[start + token];
      if (!(logit > bar) || excluded.includes(token)) continue;
      let at = last;
      for (; at > first && logit > logProbs[at - 1]; at--) {
        logProbs[at] = logProbs[at - 1];
        tokens[at] = tokens[at - 1];
      }
      logProbs[at] = logit;
      tokens[at] = token;
      bar = logProbs[last];
    }
    for (let at = first; at <= last; at++) logProbs[at] -= normalisers[row];
    endLogProbs[row] = logits[start + endToken] - normalisers[row];
  }
  return { logProbs, tokens, endLogProbs };
}
