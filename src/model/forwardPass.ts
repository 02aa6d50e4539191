import type { Tensor } from '@tensorflow/tfjs-core';
import type { AttentionOptions } from '../backend/ops/attention.js';
import type { DropoutDraw } from '../backend/ops/dropoutDraw.js';
import type { Params } from '../backend/autodiff/valueAndGradients.js';
import type { ModelConfig } from './config.js';
import { Dropouts, type DropoutKey } from './dropouts.js';
import { closeSublayer } from './residual.js';

/** Is shown the queries [B*T, d] and the keys [B*S, d] with which a layer of the decoder attends to the source. */
export type WatchSourceAttention = (layer: number, q: Tensor, k: Tensor, options: AttentionOptions) => void;

/**
 * One pass through a model, besides its parameters and tokens: the model's sizes, the dropout masks, and what looks on.
 */
export class ForwardPass {
  private readonly dropouts: Dropouts;

  /**
   * @param dropoutKey absent: evaluation, without dropout
   * @param watch called in every layer of the decoder, inside its `tidy`
   */
  constructor(
    readonly config: ModelConfig,
    dropoutKey?: DropoutKey,
    readonly watch?: WatchSourceAttention,
  ) {
    this.dropouts = new Dropouts(dropoutKey);
  }

  /** The mask of the next site of dropout. */
  nextDropout(rate: number): DropoutDraw | undefined {
    return this.dropouts.next(rate);
  }

  /** Joins a sublayer's output to its input: see `closeSublayer`. */
  close(params: Params, norm: string, output: Tensor, input: Tensor): Tensor {
    return closeSublayer(params, norm, output, input, this.config, this.nextDropout(this.config.dropout));
  }
}
