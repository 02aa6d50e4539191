import { decoderLookupName, outputMatrixName } from '../../model/parameters.js';
import { bosId, eosId, firstOrdinaryId, unkId } from '../../text/specialIds.js';
import { longestSource, type ExportedModel } from '../exportedModel.js';
import { GraphBuilder } from '../onnx/graph.js';
import { floatTensor, int64Tensor } from '../onnx/tensors.js';
import {
  attend,
  closeStack,
  closeSublayer,
  dimension,
  embed,
  feedForward,
  heads,
  idsBelow,
  maskedScore,
  openSublayer,
  sourceBias,
  within,
  type Layers,
} from './layers.js';
import { weightsOf, type WeightFormat } from './weights.js';

/** Most tokens of a translation before its end, by tokens of the source from 0 to `longestSource`. */
export function longestTranslations({ decode: { maxLenA, maxLenB } }: Pick<ExportedModel, 'decode'>): number[] {
  return Array.from({ length: longestSource + 1 }, (_, tokens) => Math.floor(maxLenA * tokens + maxLenB));
}

const lengthTable = 'longest translations';

/** Where target tokens are in a vocabulary that both sides share. */
export interface TargetIds {
  /** Ids of the target's ordinary tokens begin here; the special ones keep theirs. */
  readonly firstOrdinary: number;
  /** Ids altogether: entries of the logits. */
  readonly size: number;
}

/**
 * decoder_model_merged.onnx: the next token's logits after target prefixes, whole or one token at a time.
 *
 * Keys and values of earlier tokens come in as `past_key_values.*` and go out, with those of the new tokens, as
 * `present.*`. The first call has none, so it makes those of the source too; later ones pass them on. Both cases are
 * branches of one `If`.
 *
 * The logits end translations as `translate` does: `</s>` follows `</s>`, as rows of a batch that are done are computed
 * on; it also follows floor(maxLenA S + maxLenB) tokens, S the source's, at most `longestSource`. An empty source has
 * an empty translation: `<s>`, then `</s>`.
 */
export function decoderGraph(model: ExportedModel, format: WeightFormat, target: TargetIds): GraphBuilder {
  const { numDecoderLayers, numHeads, dModel } = model.config;
  const table = outputMatrixName(model.parameters);
  const graph = GraphBuilder.named('decoder');
  const layers: Layers = { graph, model, weights: weightsOf(format, model, table) };
  const ids = graph.input('input_ids', 'int64', ['batch_size', 'decoder_sequence_length']);
  const mask = graph.input('encoder_attention_mask', 'int64', ['batch_size', 'encoder_sequence_length']);
  const encoded = graph.input('encoder_hidden_states', 'float', ['batch_size', 'encoder_sequence_length', dModel]);
  const cached = (length: string): (string | number)[] => ['batch_size', numHeads, length, dModel / numHeads];
  const past = Array.from({ length: numDecoderLayers }, (_, i) => {
    const input = (name: string, length: string): string =>
      graph.input(`past_key_values.${i}.${name}`, 'float', cached(length));
    return {
      key: input('decoder.key', 'past_decoder_sequence_length'),
      value: input('decoder.value', 'past_decoder_sequence_length'),
      sourceKey: input('encoder.key', 'encoder_sequence_length_out'),
      sourceValue: input('encoder.value', 'encoder_sequence_length_out'),
    };
  });
  const source = sourceKeysAndValues(layers, encoded, past);

  const done = dimension(graph, past[0].key, 2);
  const length = graph.op('Add', [done, dimension(graph, ids, 1)]);
  const range = (from: string): string => graph.op('Range', [from, length, graph.ints([1], [])]);
  const positions = range(done); // [T]
  const bias = causalBias(graph, positions, range(graph.ints([0], [])));
  const biasOfSource = sourceBias(graph, mask);

  let x = embed(layers, targetIds(graph, ids, model, target), positions, decoderLookupName(model.parameters));
  const present: { key: string; value: string }[] = [];
  for (let i = 0; i < numDecoderLayers; i++) {
    const layer = `decoder.layers.${i}`;
    const self = `${layer}.self_attn`;
    const opened = openSublayer(layers, `${self}_layer_norm`, x);
    const key = graph.op('Concat', [past[i].key, heads(layers, opened, `${self}.k_proj`)], { axis: 2 });
    const value = graph.op('Concat', [past[i].value, heads(layers, opened, `${self}.v_proj`)], { axis: 2 });
    present.push({ key, value });
    const attended = attend(layers, self, { queries: opened, keys: key, values: value, bias });
    x = closeSublayer(layers, `${self}_layer_norm`, attended, x);

    const cross = `${layer}.encoder_attn`;
    const informed = attend(layers, cross, {
      queries: openSublayer(layers, `${cross}_layer_norm`, x),
      keys: source[i].key,
      values: source[i].value,
      bias: biasOfSource,
    });
    x = feedForward(layers, layer, closeSublayer(layers, `${cross}_layer_norm`, informed, x));
  }
  const scores = layers.weights.project(graph, closeStack(layers, 'decoder', x), table);
  const logits = ended(graph, spread(graph, scores, model, target), { ids, mask, positions }, model, target);

  graph.output(logits, 'logits', 'float', ['batch_size', 'decoder_sequence_length', target.size]);
  present.forEach(({ key, value }, i) => {
    const output = (from: string, name: string, dim: string): void =>
      graph.output(from, `present.${i}.${name}`, 'float', cached(dim));
    output(key, 'decoder.key', 'total_decoder_sequence_length');
    output(value, 'decoder.value', 'total_decoder_sequence_length');
    output(source[i].key, 'encoder.key', 'encoder_sequence_length_out');
    output(source[i].value, 'encoder.value', 'encoder_sequence_length_out');
  });
  return graph;
}

/**
 * Keys and values of the source for every layer, each [B, heads, S, dHead]: made from the encoder's output, or those of
 * the cache.
 */
function sourceKeysAndValues(
  layers: Layers,
  encoded: string,
  past: readonly { sourceKey: string; sourceValue: string }[],
): { key: string; value: string }[] {
  const { graph, model } = layers;
  const { numHeads, dModel } = model.config;
  const empty = graph.op('Equal', [dimension(graph, past[0].sourceKey, 2), graph.ints([0], [])]);
  const make = graph.branch('keys and values of the source');
  const pass = graph.branch('cached keys and values of the source');
  const shape = ['batch_size', numHeads, 'encoder_sequence_length_out', dModel / numHeads];
  past.forEach(({ sourceKey, sourceValue }, i) => {
    for (const [kind, cached] of [
      ['k', sourceKey],
      ['v', sourceValue],
    ]) {
      const name = `decoder.layers.${i}.encoder_attn.${kind}_proj`;
      make.output(heads(within(layers, make), encoded, name), `${name} made`, 'float', shape);
      pass.output(cached, `${name} cached`, 'float', shape);
    }
  });
  const chosen = graph.ops('If', [empty], 2 * past.length, { then_branch: make, else_branch: pass });
  return past.map((_, i) => ({ key: chosen[2 * i], value: chosen[2 * i + 1] }));
}

/**
 * 0 where a position may look, else `maskedScore`. @param positions [T] @param all [P + T] @returns [1, 1, T, P + T]
 */
function causalBias(graph: GraphBuilder, positions: string, all: string): string {
  const later = graph.op('Greater', [
    graph.op('Unsqueeze', [all, graph.ints([0])]),
    graph.op('Unsqueeze', [positions, graph.ints([1])]),
  ]);
  const bias = graph.op('Mul', [graph.cast(later, 'float'), graph.float(maskedScore)]);
  return graph.op('Unsqueeze', [bias, graph.ints([0, 1])]);
}

/** The model's ids of target tokens; other ids become `<unk>`. @param ids [B, T] */
function targetIds(
  graph: GraphBuilder,
  ids: string,
  { config: { trgVocabSize } }: ExportedModel,
  { firstOrdinary, size }: TargetIds,
): string {
  if (firstOrdinary === firstOrdinaryId) return idsBelow(graph, ids, trgVocabSize, unkId);
  const isTarget = graph.op('And', [
    graph.op('GreaterOrEqual', [ids, graph.ints([firstOrdinary], [])]),
    graph.op('Less', [ids, graph.ints([size], [])]),
  ]);
  const own = graph.op('Sub', [ids, graph.ints([firstOrdinary - firstOrdinaryId], [])]);
  return graph.op('Where', [isTarget, own, idsBelow(graph, ids, firstOrdinaryId, unkId)]);
}

/**
 * Logits under the ids of the shared vocabulary: source tokens are never chosen. @param scores [B, T, trgVocabSize]
 * @returns [B, T, size]
 */
function spread(
  graph: GraphBuilder,
  scores: string,
  { config: { trgVocabSize } }: ExportedModel,
  { firstOrdinary }: TargetIds,
): string {
  if (firstOrdinary === firstOrdinaryId) return scores;
  const part = (from: number, to: number): string =>
    graph.op('Slice', [scores, graph.ints([from]), graph.ints([to]), graph.ints([2])]);
  const gap = firstOrdinary - firstOrdinaryId;
  const batchAndLength = graph.op('Shape', [scores], { start: 0, end: 2 });
  const none = graph.op('Expand', [
    graph.float(maskedScore),
    graph.op('Concat', [batchAndLength, graph.ints([gap])], { axis: 0 }),
  ]);
  return graph.op('Concat', [part(0, firstOrdinaryId), none, part(firstOrdinaryId, trgVocabSize)], { axis: 2 });
}

/** Logits that leave one token where a translation must end, or is empty. @param logits [B, T, size] */
function ended(
  graph: GraphBuilder,
  logits: string,
  { ids, mask, positions }: { ids: string; mask: string; positions: string },
  model: ExportedModel,
  { size }: TargetIds,
): string {
  const only = (id: number): string => {
    const name = `only ${id}`;
    return graph.tensor(name, () =>
      floatTensor(name, [size], new Float32Array(size).fill(maskedScore).fill(0, id, id + 1)),
    );
  };
  const at = graph.op('Unsqueeze', [positions, graph.ints([0])]); // [1, T]
  const started = graph.op('Greater', [at, graph.ints([0], [])]);
  const sourceTokens = graph.op('ReduceSum', [mask, graph.ints([1])], { keepdims: 1 }); // [B, 1], </s> included
  const isEmpty = graph.op('LessOrEqual', [sourceTokens, graph.ints([1], [])]);
  // a table, as ONNX Runtime for browsers has no 64-bit floats, and a product in 32 can fall on the other side of a
  // whole number
  const table = graph.tensor(lengthTable, () =>
    int64Tensor(lengthTable, [longestSource + 1], longestTranslations(model)),
  );
  const longest = graph.op('Gather', [table, idsBelow(graph, sourceTokens, longestSource, longestSource)], { axis: 0 });
  const reasons = [
    graph.op('And', [graph.op('Equal', [ids, graph.ints([eosId], [])]), started]),
    graph.op('GreaterOrEqual', [at, longest]),
    graph.op('And', [isEmpty, started]),
  ];
  const mustEnd = reasons.reduce((a, b) => graph.op('Or', [a, b]));
  const withEnd = graph.op('Where', [perToken(graph, mustEnd), only(eosId), logits]);
  const isEmptyStart = graph.op('And', [isEmpty, graph.op('Not', [started])]);
  return graph.op('Where', [perToken(graph, isEmptyStart), only(bosId), withEnd]);
}

const perToken = (graph: GraphBuilder, condition: string): string =>
  graph.op('Unsqueeze', [condition, graph.ints([2])]);
