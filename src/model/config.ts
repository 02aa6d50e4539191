import { UsageError } from '../errors.js';
import { checkFields, choice, optionalInteger, real, required, unexpected, type Section } from '../field.js';
import { firstOrdinaryId } from '../text/specialIds.js';

/**
 * Which of the three embedding matrices are shared: `none` keeps encoder lookup, decoder lookup and output projection
 * apart;
 * `decoder-tied` shares the decoder's two; `tied` shares all three (a joint vocabulary).
 */
export type Sharing = (typeof sharings)[number];

export const sharings = ['none', 'decoder-tied', 'tied'] as const;

/**
 * How a sublayer f and its input x are combined:
 *
 * - `post-ln`: LN(x + f(x)) (Vaswani et al. 2017).
 * - `pre-ln`: x + f(LN(x)), and one more LN after the last layer of each stack (Xiong et al. 2020; fairseq's
 *   normalize-before).
 * - `admin`: LN(w x + f(x)), w a learned vector of each sublayer (Liu et al. 2020).
 * - `deepnorm`: LN(a x + f(x)), a fixed by the depths (Wang et al. 2022).
 * - `none`: x + f(x), without layer normalisation (Huang et al. 2020, T-Fixup).
 */
export type ResidualScheme = (typeof residualSchemes)[number];

export const residualSchemes = ['post-ln', 'pre-ln', 'admin', 'deepnorm', 'none'] as const;

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

/**
 * Sizes by name: `iwslt` is fairseq's transformer_iwslt_de_en, `base` Vaswani et al. 2017, `tiny` the usual Multi30k
 * model.
 */
export const architectures = {
  tiny: { dModel: 128, dFf: 256, numHeads: 4, numEncoderLayers: 4, numDecoderLayers: 4 },
  iwslt: { dModel: 512, dFf: 1024, numHeads: 4, numEncoderLayers: 6, numDecoderLayers: 6 },
  base: { dModel: 512, dFf: 2048, numHeads: 8, numEncoderLayers: 6, numDecoderLayers: 6 },
} as const satisfies Readonly<Record<string, ArchitectureSizes>>;

export type ArchitectureName = keyof typeof architectures;
export const architectureNames = Object.keys(architectures) as readonly ArchitectureName[];

/** Sizes as configurations set them: what is not set is the architecture's. */
export const sizeFields = {
  dModel: optionalInteger("Features of every layer; default: the arch's.", { min: 4, max: 65536 }),
  dFf: optionalInteger('Hidden features of feed-forward sublayers.', { min: 1, max: 1048576 }),
  numHeads: optionalInteger('Attention heads.', { min: 1, max: 65536 }),
  numEncoderLayers: optionalInteger('Encoder layers.', { min: 1, max: 1000 }),
  numDecoderLayers: optionalInteger('Decoder layers.', { min: 1, max: 1000 }),
} as const satisfies Record<keyof ArchitectureSizes, unknown>;

/** What configurations and library calls may set of a model besides its sizes: type, bounds, default and help. */
export const modelFields = {
  sharing: choice(
    sharings,
    'tied',
    "Which embeddings are one matrix: tied all three, decoder-tied the decoder's two, none.",
  ),
  residual: choice(
    residualSchemes,
    'post-ln',
    'How a sublayer f and its input x are joined: post-ln LN(x + f(x)), pre-ln x + f(LN(x)) and LN after the last layer, admin LN(w x + f(x)) with learned w, deepnorm LN(a x + f(x)), none x + f(x).',
  ),
  layerNormEps: real(1e-5, 'Added to the variance in layer normalisation.', { min: 1e-12, max: 0.1 }),
  dropout: real(0.1, 'Dropout after embeddings and sublayers.', { min: 0, max: 0.99 }),
  attentionDropout: real(0, 'Dropout of attention weights.', { min: 0, max: 0.99 }),
  reluDropout: real(0, 'Dropout after the feed-forward ReLU.', { min: 0, max: 0.99 }),
} as const satisfies Section;

const vocabSize = required(
  optionalInteger('Vocabulary entries, the special ones included.', { min: firstOrdinaryId + 1 }),
);

/** All that a library call sets of a model. */
export const modelConfigFields = {
  srcVocabSize: vocabSize,
  trgVocabSize: vocabSize,
  dModel: required(sizeFields.dModel),
  dFf: required(sizeFields.dFf),
  numHeads: required(sizeFields.numHeads),
  numEncoderLayers: required(sizeFields.numEncoderLayers),
  numDecoderLayers: required(sizeFields.numDecoderLayers),
  ...modelFields,
} as const satisfies Section;

/**
 * The configuration itself if a model can be built from it.
 * @throws UsageError naming the first key whose value cannot be used, and what is expected
 */
export function checkModelConfig(config: ModelConfig): ModelConfig {
  checkFields(config, modelConfigFields, 'model.', ['residual']);
  const { dModel, numHeads, sharing, srcVocabSize, trgVocabSize } = config;
  if (dModel % 2 !== 0)
    throw unexpected('model.dModel', dModel, 'an even number (half of the position features are sines, half cosines)');
  if (dModel % numHeads !== 0) throw unexpected('model.dModel', dModel, `a multiple of model.numHeads (${numHeads})`);
  if (sharing === 'tied' && srcVocabSize !== trgVocabSize) {
    throw new UsageError(
      `model.sharing is "tied" but the vocabularies have ${srcVocabSize} and ${trgVocabSize} entries. ` +
        'Prepare the corpus with one joint vocabulary, or use "decoder-tied".',
    );
  }
  return config;
}

/**
 * The first key in which two models differ; a key that is absent has its default. undefined: they are the same model.
 */
export function modelDifference(a: ModelConfig, b: ModelConfig): keyof ModelConfig | undefined {
  const complete = (config: ModelConfig): Required<ModelConfig> => ({
    ...config,
    residual: config.residual ?? modelFields.residual.default,
  });
  const [left, right] = [complete(a), complete(b)];
  return (Object.keys({ ...left, ...right }) as (keyof ModelConfig)[]).find((key) => left[key] !== right[key]);
}
