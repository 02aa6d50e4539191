import { test } from 'node:test';
import assert from 'node:assert/strict';
import '@tensorflow/tfjs-backend-cpu';
import { scalar, type Tensor } from '@tensorflow/tfjs-core';
import type { ModelConfig } from './config.js';
import {
  decoderLookup,
  outputMatrix,
  parameterGroup,
  parameterShapes,
  parameterSide,
  withUnmovedOutputProjection,
} from './parameters.js';

const config: ModelConfig = {
  srcVocabSize: 11,
  trgVocabSize: 7,
  dModel: 4,
  dFf: 6,
  numHeads: 2,
  numEncoderLayers: 1,
  numDecoderLayers: 1,
  sharing: 'none',
  layerNormEps: 1e-5,
  dropout: 0,
  attentionDropout: 0,
  reluDropout: 0,
};

test('each sharing stores each matrix once', () => {
  const matrices = (c: ModelConfig) => [...parameterShapes(c)].filter(([name]) => /embed|output_projection/.test(name));
  assert.deepEqual(matrices(config), [
    ['encoder.embed_tokens.weight', [11, 4]],
    ['decoder.embed_tokens.weight', [7, 4]],
    ['decoder.output_projection.weight', [7, 4]],
  ]);
  assert.deepEqual(matrices({ ...config, sharing: 'decoder-tied' }), [
    ['encoder.embed_tokens.weight', [11, 4]],
    ['decoder.embed_tokens.weight', [7, 4]],
  ]);
  assert.deepEqual(matrices({ ...config, sharing: 'tied', trgVocabSize: 11 }), [
    ['encoder.embed_tokens.weight', [11, 4]],
  ]);
});

test('groups: every bias is a bias, layer-norm weights are their own group', () => {
  const groups = [...parameterShapes(config).keys()].map(parameterGroup);
  const count = (group: string) => groups.filter((g) => g === group).length;
  assert.deepEqual([count('bias'), count('layer_norm'), count('weight')], [6 + 2 + 10 + 3, 5, 6 + 10 + 3]);
  assert.equal(parameterGroup('encoder.layers.0.self_attn_layer_norm.bias'), 'bias');
  assert.equal(parameterGroup('encoder.layers.0.self_attn_layer_norm.weight'), 'layer_norm');
  assert.equal(parameterGroup('decoder.output_projection.weight'), 'weight');
});

test('sides: every vocabulary matrix is an embedding, the rest belongs to a stack', () => {
  const sides = [...parameterShapes({ ...config, sharing: 'none' }).keys()].map(
    (name) => [name, parameterSide(name)] as const,
  );
  const of = (side: string): string[] => sides.filter(([, found]) => found === side).map(([name]) => name);
  assert.deepEqual(of('embeddings'), [
    'encoder.embed_tokens.weight',
    'decoder.embed_tokens.weight',
    'decoder.output_projection.weight',
  ]);
  for (const stack of ['encoder', 'decoder']) assert.ok(of(stack).every((name) => name.startsWith(`${stack}.layers.`)));
});

test('a step that leaves the output projection keeps the current shared matrix there only', () => {
  const tensors = (names: string[]) => new Map<string, Tensor>(names.map((name, i) => [name, scalar(i)]));
  const tiedNames = ['encoder.embed_tokens.weight', 'encoder.layers.0.fc1.weight'];
  const [current, moved] = [tensors(tiedNames), tensors(tiedNames)];
  const mixed = withUnmovedOutputProjection(moved, current);
  assert.equal(outputMatrix(mixed), current.get('encoder.embed_tokens.weight'));
  assert.equal(decoderLookup(mixed), moved.get('encoder.embed_tokens.weight'));
  assert.equal(mixed.get('encoder.layers.0.fc1.weight'), moved.get('encoder.layers.0.fc1.weight'));

  const separateNames = [
    'encoder.embed_tokens.weight',
    'decoder.embed_tokens.weight',
    'decoder.output_projection.weight',
  ];
  const separate = tensors(separateNames);
  assert.equal(withUnmovedOutputProjection(separate, tensors(separateNames)), separate);
});
