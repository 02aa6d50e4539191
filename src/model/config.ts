import { UsageError } from '../errors.js';
import { firstOrdinaryId } from '../text/specialIds.js';

/**
 * Which of the three embedding matrices are shared: `none` keeps encoder lookup, decoder lookup and output projection
 * apart;
 * `decoder-tied` shares the decoder's two; `tied` shares all three (a joint vocabulary).
 */
export type Sharing = 'none' | 'decoder-tied' | 'tied';

export const sharings: readonly Sharing[] = ['none', 'decoder-tied', 'tied'];

/**
 * How a sublayer f and its input x are combined:
 *
 * - `post-ln`: LN(x + f(x)) (Vaswani et al. 2017).
 * - `pre-ln`: x + f(LN(x)), and one more LN after the last layer of each stack (Xiong et al. 2020; fairseq's normalize-before).
 * - `admin`: LN(w x + f(x)), w a learned vector of each sublayer (Liu et al. 2020).
 * - `deepnorm`: LN(a x + f(x)), a fixed by the depths (Wang et al. 2022).
 * - `none`: x + f(x), without layer normalisation (Huang et al. 2020, T-Fixup).
 */
export type ResidualScheme = 'post-ln' | 'pre-ln' | 'admin' | 'deepnorm' | 'none';

export const residualSchemes: readonly ResidualScheme[] = ['post-ln', 'pre-ln', 'admin', 'deepnorm', 'none'];

/** The sizes that a named architecture fixes. */
export interface ArchitectureSizes {
  /** Features of every layer's input and output. */
  readonly dModel: number;
  /** Hidden features of the feed-forward sublayers. */
  readonly dFf: number;
  readonly numHeads: number;
  readonly numEncoderLayers: number;
  readonly numDecoderLayers: number;
}

/** Everything that determines the model besides its parameters. */
export interface ModelConfig extends ArchitectureSizes {
  /** Vocabulary entries, the four special ones included. */
  readonly srcVocabSize: number;
  readonly trgVocabSize: number;
  readonly sharing: Sharing;
  /** Default: post-ln. */
  readonly residual?: ResidualScheme;
  /** Added to the variance inside the root. */
  readonly layerNormEps: number;
  /** Probability of dropping an element after the embedding and at the end of each sublayer. */
  readonly dropout: number;
  /** Probability of dropping an attention weight. */
  readonly attentionDropout: number;
  /** Probability of dropping an element after the feed-forward ReLU. */
  readonly reluDropout: number;
}

export type ArchitectureName = 'tiny' | 'iwslt' | 'base';

/** Sizes by name: `iwslt` is fairseq's transformer_iwslt_de_en, `base` Vaswani et al. 2017, `tiny` the usual Multi30k model. */
export const architectures: Readonly<Record<ArchitectureName, ArchitectureSizes>> = {
  tiny: { dModel: 128, dFf: 256, numHeads: 4, numEncoderLayers: 4, numDecoderLayers: 4 },
  iwslt: { dModel: 512, dFf: 1024, numHeads: 4, numEncoderLayers: 6, numDecoderLayers: 6 },
  base: { dModel: 512, dFf: 2048, numHeads: 8, numEncoderLayers: 6, numDecoderLayers: 6 },
};

/**
 * The configuration itself if a model can be built from it.
 * @throws UsageError naming the first key whose value cannot be used, and what is expected
 */
export function checkModelConfig(config: ModelConfig): ModelConfig {
  const refuse = (key: keyof ModelConfig, expected: string): UsageError =>
    new UsageError(`model.${key} is ${JSON.stringify(config[key])}, expected ${expected}.`);
  const count = (key: keyof ModelConfig, least: number) => {
    const value = config[key];
    if (!Number.isSafeInteger(value) || (value as number) < least) throw refuse(key, `an integer of at least ${least}`);
  };

  count('srcVocabSize', firstOrdinaryId + 1);
  count('trgVocabSize', firstOrdinaryId + 1);
  count('dModel', 4);
  count('dFf', 1);
  count('numHeads', 1);
  count('numEncoderLayers', 1);
  count('numDecoderLayers', 1);
  if (config.dModel % 2 !== 0)
    throw refuse('dModel', 'an even number (half of the position features are sines, half cosines)');
  if (config.dModel % config.numHeads !== 0)
    throw refuse('dModel', `a multiple of model.numHeads (${config.numHeads})`);
  if (!sharings.includes(config.sharing)) throw refuse('sharing', `one of ${sharings.join(', ')}`);
  if (config.residual !== undefined && !residualSchemes.includes(config.residual))
    throw refuse('residual', `one of ${residualSchemes.join(', ')}`);
  if (config.sharing === 'tied' && config.srcVocabSize !== config.trgVocabSize) {
    throw new UsageError(
      `model.sharing is "tied" but the vocabularies have ${config.srcVocabSize} and ${config.trgVocabSize} entries. ` +
        'Prepare the corpus with one joint vocabulary, or use "decoder-tied".',
    );
  }
  if (!(config.layerNormEps > 0 && config.layerNormEps < 1))
    throw refuse('layerNormEps', 'a number above 0 and below 1');
  for (const key of ['dropout', 'attentionDropout', 'reluDropout'] as const) {
    if (!(config[key] >= 0 && config[key] < 1)) throw refuse(key, 'a rate of at least 0 and below 1');
  }
  return config;
}

/** The first key in which two models differ; a key that is absent has its default. undefined: they are the same model. */
export function modelDifference(a: ModelConfig, b: ModelConfig): keyof ModelConfig | undefined {
  const complete = (config: ModelConfig): Required<ModelConfig> => ({
    ...config,
    residual: config.residual ?? 'post-ln',
  });
  const [left, right] = [complete(a), complete(b)];
  return (Object.keys({ ...left, ...right }) as (keyof ModelConfig)[]).find((key) => left[key] !== right[key]);
}
