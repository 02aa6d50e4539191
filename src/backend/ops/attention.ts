import {
  add,
  cast,
  less,
  lessEqual,
  logicalAnd,
  matMul,
  mul,
  range,
  reshape,
  softmax,
  sub,
  transpose,
  type Tensor,
  type Tensor1D,
} from '@tensorflow/tfjs-core';
import { ShapeError } from '../../errors.js';
import { fusedWithGradient, hasFusedKernel, runFused } from './dispatch.js';
import { activeDraw, dropout } from './dropout.js';
import type { DropoutDraw } from './dropoutDraw.js';
import { attentionGradKernel, attentionKernel, type AttentionAttrs } from './kernels.js';

export interface AttentionOptions {
  /** B */
  readonly batch: number;
  /** T */
  readonly queryLength: number;
  /** S */
  readonly keyLength: number;
  /** H; head i owns features i * dHead … (i + 1) * dHead - 1 */
  readonly numHeads: number;
  /** int32 [B], each from 1 to S: keys at this position and later are masked */
  readonly keyLengths: Tensor1D;
  /** Query t sees keys 0 … t only; needs T = S. */
  readonly causal: boolean;
  /** Drops attention probabilities; elements are numbered as [B, H, T, S]. */
  readonly dropout?: DropoutDraw;
}

/**
 * Multi-head scaled dot-product attention, softmax(q kᵀ / sqrt(dHead)) v for every head, heads side by side.
 * @param q [B * T, d]
 * @param k, v [B * S, d]
 * @returns [B * T, d]
 * @throws ShapeError if the sizes do not fit
 * Source: Vaswani et al. 2017, §3.2.
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  checkShapes(q, k, v, options);
  const { batch, queryLength, keyLength, numHeads, keyLengths, causal } = options;
  const draw = activeDraw(options.dropout);
  if (hasFusedKernel(attentionKernel)) {
    const attrs: AttentionAttrs = { batch, queryLength, keyLength, numHeads, causal, dropout: draw };
    return fusedWithGradient(
      [q, k, v],
      () => {
        const [out, logSumExp] = runFused(attentionKernel, { q, k, v, keyLengths }, attrs);
        return { value: out, saved: [q, k, v, keyLengths, out, logSumExp] };
      },
      (dy, [savedQ, savedK, savedV, savedLengths, out, logSumExp]) =>
        runFused(
          attentionGradKernel,
          { dy, q: savedQ, k: savedK, v: savedV, keyLengths: savedLengths, out, logSumExp },
          attrs,
        ),
    );
  }
  const [, dModel] = q.shape as [number, number];
  const probabilities = dropout(attentionProbabilities(q, k, options), draw);
  const heads = matMul(probabilities, splitHeads(v, batch, keyLength, numHeads)); // [B, H, T, dHead]
  return reshape(transpose(heads, [0, 2, 1, 3]), [batch * queryLength, dModel]);
}

/**
 * How much each query attends to each key, softmax(q kᵀ / sqrt(dHead)) for every head, without dropout.
 * @param q [B * T, d]
 * @param k [B * S, d]
 * @returns [B, H, T, S]
 */
export function attentionProbabilities(q: Tensor, k: Tensor, options: AttentionOptions): Tensor {
  const { batch, queryLength, keyLength, numHeads } = options;
  const queries = splitHeads(q, batch, queryLength, numHeads);
  const keys = splitHeads(k, batch, keyLength, numHeads);
  const scores = mul(matMul(queries, keys, false, true), 1 / Math.sqrt(q.shape[1]! / numHeads)); // [B, H, T, S]
  return softmax(add(scores, maskPenalty(options)));
}

/** [B * length, d] → [B, H, length, dHead] */
function splitHeads(x: Tensor, batch: number, length: number, numHeads: number): Tensor {
  return transpose(reshape(x, [batch, length, numHeads, x.shape[1]! / numHeads]), [0, 2, 1, 3]);
}

/**
 * The mask added to the scores: 0 where a query may see a key, -1e9 (whose exponential is exactly 0) elsewhere; [B, 1,
 * T or 1, S].
 */
function maskPenalty({ batch, queryLength, keyLength, keyLengths, causal }: AttentionOptions): Tensor {
  const keyPosition = reshape(range(0, keyLength, 1, 'int32'), [1, 1, 1, keyLength]);
  let visible: Tensor = less(keyPosition, reshape(keyLengths, [batch, 1, 1, 1]));
  if (causal)
    visible = logicalAnd(
      visible,
      lessEqual(keyPosition, reshape(range(0, queryLength, 1, 'int32'), [1, 1, queryLength, 1])),
    );
  return mul(sub(cast(visible, 'float32'), 1), 1e9);
}

function checkShapes(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): void {
  const { batch, queryLength, keyLength, numHeads, keyLengths, causal } = options;
  const [, dModel] = q.shape as [number, number];
  const expectedKey = `${batch * keyLength},${dModel}`;
  if (
    q.shape.join() !== `${batch * queryLength},${dModel}` ||
    k.shape.join() !== expectedKey ||
    v.shape.join() !== expectedKey
  ) {
    throw new ShapeError(
      `attention: found q [${q.shape}], k [${k.shape}], v [${v.shape}] for B=${batch}, T=${queryLength}, S=${keyLength}; ` +
        'expected [B*T, d], [B*S, d] and [B*S, d].',
    );
  }
  if (dModel % numHeads !== 0)
    throw new ShapeError(
      `attention: ${dModel} features cannot be split into ${numHeads} heads; dModel must be a multiple of numHeads.`,
    );
  if (keyLengths.shape.join() !== `${batch}` || keyLengths.dtype !== 'int32') {
    throw new ShapeError(
      `attention: found keyLengths ${keyLengths.dtype} [${keyLengths.shape}]; expected int32 [${batch}].`,
    );
  }
  if (causal && queryLength !== keyLength) {
    throw new ShapeError(
      `attention: causal masking needs as many queries as keys, found T=${queryLength} and S=${keyLength}.`,
    );
  }
}
