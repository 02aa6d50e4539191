import type { ModelConfig } from './config.js';

export interface BatchSize {
  /** B */
  readonly numSentences: number;
  /** S */
  readonly srcLength: number;
  /** T */
  readonly trgLength: number;
}

/**
 * Floating-point operations in the matrix products of one training step (forward and backward) on a full batch without
 * pads: 2 for every multiply-add, the backward pass twice the forward pass. What a backend recomputes is not counted.
 */
export function trainingFlops(config: ModelConfig, { numSentences, srcLength, trgLength }: BatchSize): number {
  const { dModel, dFf, numEncoderLayers, numDecoderLayers, trgVocabSize } = config;
  const attentionProjections = 4 * dModel * dModel;
  const feedForward = 2 * dModel * dFf;
  const srcTokens = numSentences * srcLength;
  const trgTokens = numSentences * trgLength;
  // Keys and values of the cross-attention are made from source tokens, the rest from target tokens.
  const projections =
    numEncoderLayers * srcTokens * (attentionProjections + feedForward) +
    numDecoderLayers *
      (trgTokens * (attentionProjections + attentionProjections / 2 + feedForward) +
        srcTokens * (attentionProjections / 2));
  const scores = (queries: number, keys: number) => 2 * numSentences * queries * keys * dModel;
  const attentions =
    numEncoderLayers * scores(srcLength, srcLength) +
    numDecoderLayers * (scores(trgLength, trgLength) + scores(trgLength, srcLength));
  const logits = trgTokens * trgVocabSize * dModel;
  return 3 * 2 * (projections + attentions + logits);
}
