import { withPlaces } from './loadConfig.js';
import type { Config } from './schema.js';
import { architectures, checkModelConfig, type ModelConfig } from '../model/config.js';

/**
 * The model that a configuration describes: the sizes of `model.arch` with those that are set, for these vocabularies.
 * @throws UsageError naming the key that does not fit
 */
export function modelOptions(
  config: Pick<Config, 'model'>,
  vocabularySizes: { readonly src: number; readonly trg: number },
): ModelConfig {
  const { model } = config;
  const sizes = architectures[model.arch];
  const options: ModelConfig = {
    srcVocabSize: vocabularySizes.src,
    trgVocabSize: vocabularySizes.trg,
    dModel: model.dModel ?? sizes.dModel,
    dFf: model.dFf ?? sizes.dFf,
    numHeads: model.numHeads ?? sizes.numHeads,
    numEncoderLayers: model.numEncoderLayers ?? sizes.numEncoderLayers,
    numDecoderLayers: model.numDecoderLayers ?? sizes.numDecoderLayers,
    sharing: model.sharing,
    ...(model.residual !== 'post-ln' && { residual: model.residual }),
    layerNormEps: model.layerNormEps,
    dropout: model.dropout,
    attentionDropout: model.attentionDropout,
    reluDropout: model.reluDropout,
  };
  return withPlaces(config, () => checkModelConfig(options));
}
