/** What the settings of Hugging Face's transformers and of Transformers.js share. */
import type { ModelConfig } from '../model/config.js';
import { bosId, eosId, padId } from '../text/specialIds.js';

const specialIds = {
  bos_token_id: bosId,
  pad_token_id: padId,
  eos_token_id: eosId,
  decoder_start_token_id: eosId,
};

/** Keys of config.json: ids and sizes. */
export function modelSettings(config: ModelConfig): Readonly<Record<string, unknown>> {
  return {
    is_encoder_decoder: true,
    ...specialIds,
    d_model: config.dModel,
    encoder_layers: config.numEncoderLayers,
    decoder_layers: config.numDecoderLayers,
    encoder_attention_heads: config.numHeads,
    decoder_attention_heads: config.numHeads,
    encoder_ffn_dim: config.dFf,
    decoder_ffn_dim: config.dFf,
    activation_function: 'relu',
    scale_embedding: true,
  };
}

/**
 * Keys of generation_config.json. @param maxLength tokens of the longest translation with the </s> that decoding starts
 * from
 */
export function generationSettings(maxLength: number): Readonly<Record<string, unknown>> {
  return { ...specialIds, max_length: maxLength, suppress_tokens: [padId], begin_suppress_tokens: [eosId] };
}
