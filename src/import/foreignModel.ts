import { join } from 'node:path';
import { UsageError } from '../errors.js';
import { checkModelConfig, type ModelConfig } from '../model/config.js';
import { decoderEmbedding, encoderEmbedding, outputProjection, parameterShapes } from '../model/parameters.js';
import { firstPosition, sinusoidalPositions } from '../model/positions.js';
import { bosId, eosId, padId } from '../text/specialIds.js';
import { required, type ForeignConfig } from './foreignConfig.js';
import type { ForeignTensor, ForeignWeights } from './foreignWeights.js';

/** Kinds of models that can be imported, by `model_type` of their config.json. */
export type ForeignKind = 'fsmt' | 'marian';

export interface ImportedModel {
  readonly config: ModelConfig;
  readonly parameters: ReadonlyMap<string, ForeignTensor>;
}

/** PyTorch's default, which these classes have no setting for. */
const layerNormEps = 1e-5;
/** Position features are computed in float32 elsewhere, which differs so much at the ends of tables. */
const positionTolerance = 1e-3;

/**
 * A model of Hugging Face's transformers as one of this program, where that computes the same.
 * @throws UsageError with every reason why it does not; DataError for weights that do not fit their config.json
 */
export function importedModel(
  folder: string,
  kind: ForeignKind,
  foreign: ForeignConfig,
  weights: ForeignWeights,
): ImportedModel {
  const number = (key: keyof ForeignConfig & string): number => required(folder, foreign, key);
  const dModel = number('d_model');
  const reasons = differences(kind, foreign, weights, dModel);
  if (reasons.length > 0)
    throw new UsageError(
      [
        `coldstart cannot compute what the model in ${folder} computes:`,
        ...reasons.map((reason) => `  ${reason}`),
        'Use it with the program it was made for. A model that is trained here does not need it.',
      ].join('\n'),
    );
  if (kind === 'marian') weights.drop('final_logits_bias');
  for (const stack of ['encoder', 'decoder']) weights.drop(`model.${stack}.embed_positions.weight`);
  const { encoder, decoder, output } = embeddings(weights);
  const isSame = (a: ForeignTensor, b: ForeignTensor): boolean =>
    a === b || (a.data.length === b.data.length && a.data.every((value, i) => value === b.data[i]));
  const isDecoderTied = isSame(decoder, output);
  const config = checkForeign(folder, {
    srcVocabSize: encoder.shape[0],
    trgVocabSize: decoder.shape[0],
    dModel,
    dFf: number('encoder_ffn_dim'),
    numHeads: number('encoder_attention_heads'),
    numEncoderLayers: number('encoder_layers'),
    numDecoderLayers: number('decoder_layers'),
    sharing: !isDecoderTied ? 'none' : isSame(encoder, decoder) ? 'tied' : 'decoder-tied',
    layerNormEps,
    dropout: foreign.dropout ?? 0.1,
    attentionDropout: foreign.attention_dropout ?? 0,
    reluDropout: foreign.activation_dropout ?? 0,
  });
  const own = new Map([
    [encoderEmbedding, encoder],
    [decoderEmbedding, decoder],
    [outputProjection, output],
  ]);
  const parameters = new Map<string, ForeignTensor>();
  for (const [name, shape] of parameterShapes(config)) {
    const embedding = own.get(name);
    if (embedding !== undefined) weights.checkShape(`model.${name}`, embedding, shape);
    parameters.set(name, embedding ?? weights.take(`model.${name}`, shape));
  }
  weights.finish();
  return { config, parameters };
}

/** Names in config.json of what a model consists of. */
const foreignNames: Readonly<Record<string, string>> = {
  dModel: 'd_model',
  dFf: 'encoder_ffn_dim',
  numHeads: 'encoder_attention_heads',
  numEncoderLayers: 'encoder_layers',
  numDecoderLayers: 'decoder_layers',
  dropout: 'dropout',
  attentionDropout: 'attention_dropout',
  reluDropout: 'activation_dropout',
  srcVocabSize: `the number of rows of model.${encoderEmbedding}`,
  trgVocabSize: `the number of rows of model.${decoderEmbedding}`,
};

/** `checkModelConfig` in the words of the file. */
function checkForeign(folder: string, config: ModelConfig): ModelConfig {
  try {
    return checkModelConfig(config);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const message = error.message.replaceAll(/\bmodel\.(\w+)/g, (own, key: string) => foreignNames[key] ?? own);
    throw new UsageError(`${join(folder, 'config.json')}: ${message}`, { cause: error });
  }
}

/** Everything in which the model's function differs from what is computed here; empty: in nothing. */
function differences(kind: ForeignKind, foreign: ForeignConfig, weights: ForeignWeights, dModel: number): string[] {
  const reasons: string[] = [];
  const expect = (key: keyof ForeignConfig & string, found: unknown, expected: unknown, why: string): void => {
    if (found !== expected) reasons.push(`${key} is ${String(found)}: ${why}`);
  };
  const defaults = kind === 'fsmt' ? { activation: 'relu', scale: true } : { activation: 'gelu', scale: false };
  expect(
    'activation_function',
    foreign.activation_function ?? defaults.activation,
    'relu',
    'feed-forward layers here have ReLU',
  );
  expect(
    'scale_embedding',
    foreign.scale_embedding ?? defaults.scale,
    true,
    'embeddings here are multiplied by sqrt(d_model)',
  );
  for (const [a, b] of [
    ['encoder_attention_heads', 'decoder_attention_heads'],
    ['encoder_ffn_dim', 'decoder_ffn_dim'],
  ] as const)
    expect(b, foreign[b], foreign[a], `${a} is ${String(foreign[a])}, and both stacks here have the same`);
  expect('eos_token_id', foreign.eos_token_id ?? eosId, eosId, `</s> here is ${eosId}`);
  expect('pad_token_id', foreign.pad_token_id ?? padId, padId, `<pad> here is ${padId}`);
  if (kind === 'fsmt') expect('bos_token_id', foreign.bos_token_id ?? bosId, bosId, `<s> here is ${bosId}`);
  expect(
    'decoder_start_token_id',
    foreign.decoder_start_token_id ?? eosId,
    eosId,
    `translations here start from </s>, which is ${eosId}`,
  );
  const bias = weights.get('final_logits_bias')?.data;
  if (bias?.some((value) => value !== 0))
    reasons.push('final_logits_bias is not zero: the output projection here has no bias');
  for (const stack of ['encoder', 'decoder']) {
    const name = `model.${stack}.embed_positions.weight`;
    const stored = weights.get(name);
    if (stored === undefined) {
      // FSMT computes fairseq's positions
      if (kind === 'marian')
        reasons.push(
          `${name} is not stored, and Marian's own positions have other frequencies and start at 0, here at ${firstPosition}`,
        );
    } else if (!isPositionTable(stored, dModel, kind === 'fsmt' ? firstPosition : 0))
      reasons.push(`${name} is not fairseq's table of positions: sines, then cosines, from position ${firstPosition}`);
  }
  return reasons;
}

/** @param first row of the first token */
function isPositionTable({ shape, data }: ForeignTensor, dModel: number, first: number): boolean {
  if (shape.length !== 2 || shape[1] !== dModel || shape[0] <= first) return false;
  const expected = sinusoidalPositions(shape[0] - first, dModel);
  return expected.every((value, i) => Math.abs(data[first * dModel + i] - value) < positionTolerance);
}

/** The three matrices; those that are not stored are one that is. @throws DataError if none is, or one is no matrix */
function embeddings(weights: ForeignWeights): Record<'encoder' | 'decoder' | 'output', ForeignTensor> {
  const shared = weights.has('model.shared.weight') ? weights.take('model.shared.weight') : undefined;
  const names = {
    encoder: [`model.${encoderEmbedding}`],
    decoder: [`model.${decoderEmbedding}`],
    output: [`model.${outputProjection}`, 'lm_head.weight'],
  };
  const stored = (candidates: readonly string[]): ForeignTensor | undefined => {
    const name = candidates.find((candidate) => weights.has(candidate));
    return name === undefined ? undefined : weights.take(name);
  };
  const [encoder, decoder, output] = [stored(names.encoder), stored(names.decoder), stored(names.output)];
  const any = shared ?? decoder ?? output ?? encoder ?? weights.take(names.decoder[0]);
  return { encoder: encoder ?? any, decoder: decoder ?? any, output: output ?? decoder ?? any };
}
