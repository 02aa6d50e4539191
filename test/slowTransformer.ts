import { dropoutMask } from '../src/backend/ops/dropout.js';
import { slowAttention, slowCrossEntropy, slowLayerNorm, slowLinear } from './slowOps.js';
import { eosId, padId } from '../src/text/specialIds.js';
import type { ModelConfig } from '../src/model/config.js';
import type { DropoutKey } from '../src/model/dropouts.js';

type Values = ArrayLike<number>;

export interface SlowOptions {
  readonly config: ModelConfig;
  readonly labelSmoothing: number;
  readonly dropoutKey?: DropoutKey;
  /**
   * Receives each sublayer's input and its output after dropout, in order of computation; `norm` is its layer norm's
   * name.
   */
  readonly observe?: (norm: string, input: Float64Array, added: Float64Array) => void;
}

/**
 * The loss of one sentence pair in plain float64 loops: no batch, no padding. For tests: what the model must agree
 * with.
 * @param params values by name
 * @param trg target ids, ending with eosId
 */
export function slowTranslationLoss(
  params: ReadonlyMap<string, Values>,
  src: readonly number[],
  trg: readonly number[],
  { config, labelSmoothing, dropoutKey, observe }: SlowOptions,
): { lossSum: number; nllSum: number } {
  const { dModel, dFf, numHeads, layerNormEps } = config;
  let site = 0;
  /** The mask of the next dropout; sites count up in the order in which the model drops. */
  const nextMask = (rate: number, size: number): Values | undefined => {
    const draw = dropoutKey && { ...dropoutKey, rate, site: site++ };
    return draw && dropoutMask(size, draw);
  };
  const drop = (x: Float64Array, rate: number): Float64Array => {
    const mask = nextMask(rate, x.length);
    return mask === undefined ? x : x.map((value, i) => value * mask[i]);
  };
  const get = (name: string): Values => params.get(name)!;
  const project = (x: Values, name: string, inSize = dModel, outSize = dModel, relu = false) =>
    slowLinear(x, get(`${name}.weight`), get(`${name}.bias`), inSize, outSize, relu);
  const inputScale = (name: string, feature: number): number => {
    const { numEncoderLayers: n, numDecoderLayers: m } = config;
    if (config.residual === 'admin') return get(name.replace('layer_norm', 'residual_scale.weight'))[feature];
    if (config.residual === 'deepnorm')
      return name.startsWith('encoder') ? 0.81 * (n * n * n * n * m) ** 0.0625 : Math.sqrt(Math.sqrt(3 * m));
    return 1;
  };
  const normalise = (x: Float64Array, name: string) =>
    slowLayerNorm(x, get(`${name}.weight`), get(`${name}.bias`), layerNormEps);
  const addAndNorm = (x: Float64Array, y: Float64Array, name: string) => {
    const dropped = drop(y, config.dropout);
    observe?.(name, x, dropped);
    const total = x.map((value, i) => inputScale(name, i % dModel) * value + dropped[i]);
    return config.residual === 'none' || config.residual === 'pre-ln' ? total : normalise(total, name);
  };
  /** Where pre-LN normalises: before each sublayer, and after each stack. */
  const preNorm = (x: Float64Array, name: string) => (config.residual === 'pre-ln' ? normalise(x, name) : x);
  const embed = (ids: readonly number[], table: Values) =>
    drop(
      Float64Array.from({ length: ids.length * dModel }, (_, i) => {
        const feature = i % dModel;
        const half = dModel / 2;
        const angle = (Math.floor(i / dModel) + 2) * 10000 ** (-(feature % half) / (half - 1));
        return (
          Math.sqrt(dModel) * table[ids[Math.floor(i / dModel)] * dModel + feature] +
          (feature < half ? Math.sin(angle) : Math.cos(angle))
        );
      }),
      config.dropout,
    );
  const attend = (x: Float64Array, source: Float64Array | undefined, name: string, causal: boolean) => {
    const queries = preNorm(x, `${name}_layer_norm`);
    const keys = source ?? queries;
    const [queryLength, keyLength] = [x.length / dModel, keys.length / dModel];
    const heads = slowAttention(
      project(queries, `${name}.q_proj`),
      project(keys, `${name}.k_proj`),
      project(keys, `${name}.v_proj`),
      [keyLength],
      nextMask(config.attentionDropout, numHeads * queryLength * keyLength),
      { batch: 1, queryLength, keyLength, numHeads, causal },
    );
    return addAndNorm(x, project(heads, `${name}.out_proj`), `${name}_layer_norm`);
  };
  const feedForward = (x: Float64Array, layer: string) => {
    const opened = preNorm(x, `${layer}.final_layer_norm`);
    const hidden = drop(project(opened, `${layer}.fc1`, dModel, dFf, true), config.reluDropout);
    return addAndNorm(x, project(hidden, `${layer}.fc2`, dFf, dModel), `${layer}.final_layer_norm`);
  };

  let encoded: Float64Array = embed(src, get('encoder.embed_tokens.weight'));
  for (let i = 0; i < config.numEncoderLayers; i++) {
    encoded = attend(encoded, undefined, `encoder.layers.${i}.self_attn`, false);
    encoded = feedForward(encoded, `encoder.layers.${i}`);
  }
  encoded = preNorm(encoded, 'encoder.layer_norm');
  const lookup = config.sharing === 'tied' ? 'encoder.embed_tokens.weight' : 'decoder.embed_tokens.weight';
  let hidden: Float64Array = embed([eosId, ...trg.slice(0, -1)], get(lookup));
  for (let i = 0; i < config.numDecoderLayers; i++) {
    hidden = attend(hidden, undefined, `decoder.layers.${i}.self_attn`, true);
    hidden = attend(hidden, encoded, `decoder.layers.${i}.encoder_attn`, false);
    hidden = feedForward(hidden, `decoder.layers.${i}`);
  }
  return slowCrossEntropy(
    preNorm(hidden, 'decoder.layer_norm'),
    get(config.sharing === 'none' ? 'decoder.output_projection.weight' : lookup),
    trg,
    dModel,
    labelSmoothing,
    padId,
  );
}
