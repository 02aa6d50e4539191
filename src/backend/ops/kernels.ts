/**
 * The fused kernels that a backend may register, by name, with their inputs, attributes and outputs.
 *
 * Register them with tfjs's registerKernel. The ops in this folder use a kernel if the backend has it (dispatch.ts),
 * and otherwise the composed twin, against which tests compare the kernel. The ops also define their gradients, which
 * run the `...Grad` kernels: a backend that registers a kernel must register its `...Grad` kernel too. Every tensor is
 * float32 and row-major unless stated otherwise; an absent optional input is missing from the inputs; `dropout` is
 * absent when nothing is dropped (never rate 0). Outputs are new tensors. Kernels never change their inputs, except the
 * optimisers' steps and sums, which document that they take ownership.
 */
import type { DropoutDraw } from './dropoutDraw.js';

/** x [any] → y. Attributes: a DropoutDraw. Its own gradient. Elements are numbered in row-major order. */
export const dropoutKernel = 'ColdstartDropout';

/** x [N, in], weight [out, in], bias? [out] → y [N, out] = dropout(relu(x Wᵀ + b)). Attributes: LinearAttrs. */
export const linearKernel = 'ColdstartLinear';
/**
 * dy [N, out], x, weight, y? (the forward result, only if relu) → dx [N, in], dWeight [out, in], dBias [out] (only if
 * hasBias). With relu an element passed both ReLU and dropout exactly if y > 0, so that the mask need not be drawn
 * again. Attributes: LinearAttrs.
 */
export const linearGradKernel = 'ColdstartLinearGrad';

export interface LinearAttrs {
  readonly hasBias: boolean;
  readonly relu: boolean;
  readonly dropout?: DropoutDraw;
}

/**
 * The inputs are an array: x [N, in], `count` weights [out, in], as many biases [out] → one y [N, out] per weight.
 * Attributes: LinearsAttrs.
 */
export const linearsKernel = 'ColdstartLinears';
/**
 * The inputs are an array: x, the weights, one dy [N, out] per weight → dx [N, in], then every dWeight, then every
 * dBias. Attributes: LinearsAttrs.
 */
export const linearsGradKernel = 'ColdstartLinearsGrad';

export interface LinearsAttrs {
  /** How many weights. */
  readonly count: number;
}

/**
 * x, residual [N, d], gamma, beta [d] → y [N, d] = LN(residual + dropout(x)), normalised [N, d] = (sum - mean) * rstd,
 * rstd [N] = 1 / sqrt(variance + eps). Attributes: LayerNormAttrs. The last two are for the backward pass.
 */
export const residualLayerNormKernel = 'ColdstartResidualLayerNorm';
/** x [N, d], gamma, beta [d] → y, normalised, rstd as above. Attributes: LayerNormAttrs without dropout. */
export const layerNormKernel = 'ColdstartLayerNorm';
/**
 * dy [N, d], normalised [N, d], rstd [N], gamma [d] → dSum [N, d] (of what was normalised), dGamma [d], dBeta [d], and
 * with dropout also dx [N, d] = dropout(dSum). For both forward kernels. Attributes: LayerNormGradAttrs.
 */
export const layerNormGradKernel = 'ColdstartLayerNormGrad';

export interface LayerNormAttrs {
  readonly eps: number;
  readonly dropout?: DropoutDraw;
}

export interface LayerNormGradAttrs {
  readonly dropout?: DropoutDraw;
}

/**
 * q [B*T, d], k, v [B*S, d], keyLengths int32 [B] → out [B*T, d], logSumExp [B, H, T] of the scaled, masked scores.
 * Attributes: AttentionAttrs. Dropout numbers the probabilities as [B, H, T, S].
 */
export const attentionKernel = 'ColdstartAttention';
/** dy [B*T, d], q, k, v, keyLengths, out, logSumExp → dq, dk, dv. Attributes: AttentionAttrs. */
export const attentionGradKernel = 'ColdstartAttentionGrad';

export interface AttentionAttrs {
  readonly batch: number;
  readonly queryLength: number;
  readonly keyLength: number;
  readonly numHeads: number;
  readonly causal: boolean;
  readonly dropout?: DropoutDraw;
}

/**
 * The inputs are an array: q [R, d], ancestors int32 [R, L], then the keys of the L steps, each [Rt, d], then their
 * values → out [R, d]. Row ancestors[r, t] of step t is what row r sees of it. Attributes: { numHeads }. No gradient.
 */
export const cachedAttentionKernel = 'ColdstartCachedAttention';

/** ids int32 [N], table [V, d] → scale * table[ids] [N, d]. Attributes: EmbedTokensAttrs. */
export const embedTokensKernel = 'ColdstartEmbedTokens';
/**
 * ids int32 [N], dy [N, d] → [V, d]: scale times the sum of dy's rows by id, without padId; in the order of ids.
 * Attributes: EmbedTokensAttrs.
 */
export const embedTokensGradKernel = 'ColdstartEmbedTokensGrad';

export interface EmbedTokensAttrs {
  readonly scale: number;
  readonly padId: number;
  readonly vocabSize: number;
}

/**
 * hidden [N, d], embedding [V, d], targets int32 [N] → lossSum [], nllSum [], and with `withGradients` also the
 * gradients of lossSum: dHidden [N, d], dEmbedding [V, d]. One pass over blocks of rows makes both, so that logits are
 * never held whole and never computed twice. Attributes: CrossEntropyAttrs.
 */
export const crossEntropyKernel = 'ColdstartCrossEntropy';

/**
 * hidden, embedding, targets as above, uHidden [N, d], uEmbedding [V, d] → the product of lossSum's Hessian with
 * (uHidden, uEmbedding): [N, d] and [V, d]. It makes the gradients of crossEntropyKernel differentiable, also in blocks
 * of rows. Attributes: CrossEntropyAttrs. Optional: without it a nested gradient uses the composed twin.
 */
export const crossEntropyHessianKernel = 'ColdstartCrossEntropyHessian';

export interface CrossEntropyAttrs {
  readonly labelSmoothing: number;
  readonly padId: number;
  readonly withGradients: boolean;
}

/**
 * hidden [N, d], embedding [V, d] → the `count` largest values of each row of the log-softmax of hidden · embeddingᵀ
 * [N, count], largest first (of equal values the smaller token first), their tokens int32 [N, count], and the value at
 * `endToken` [N]. Where fewer tokens are allowed, -infinity and token -1 follow. Attributes: TopLogProbsAttrs. No
 * gradient.
 */
export const topLogProbsKernel = 'ColdstartTopLogProbs';

export interface TopLogProbsAttrs {
  readonly count: number;
  readonly endToken: number;
  /** Tokens that are not listed, at most four; the softmax is over all. */
  readonly excluded: readonly number[];
}

/** x [N, M] → [N]: the logarithm of the sum of each row's exponentials. No attributes; no gradient. */
export const rowLogSumExpKernel = 'ColdstartRowLogSumExp';

/**
 * param0 …, gradient0 …, firstMoment0 …, secondMoment0 … → new params, then first moments, then second moments. The
 * kernel owns the inputs: it may write the results in their place, unless other tensors share their values. Attributes:
 * AdamStepAttrs.
 */
export const adamStepKernel = 'ColdstartAdamStep';

export interface AdamStepAttrs {
  /** How many parameters. */
  readonly count: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly gradientScale: number;
  /** lr * weightDecay */
  readonly decay: number;
  /** lr sqrt(1 - beta2^t) / (1 - beta1^t) */
  readonly stepSize: number;
}

/**
 * param0 …, gradient0 …, buffer0 …? → new params, then (if momentum is not 0) new buffers. The kernel owns the inputs.
 * Attributes: SgdStepAttrs.
 */
export const sgdStepKernel = 'ColdstartSgdStep';

export interface SgdStepAttrs {
  /** How many parameters. */
  readonly count: number;
  readonly lr: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  readonly gradientScale: number;
  readonly hasBuffers: boolean;
}

/** total, more [same shape] → total + more. The kernel owns both. No attributes. */
export const addIntoKernel = 'ColdstartAddInto';

/**
 * x0 … → [blocks] the sum of the squares of each block of `normBlock` elements of each tensor. Attributes: { count }.
 */
export const squaredNormsKernel = 'ColdstartSquaredNorms';
