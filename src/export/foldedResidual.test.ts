import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { tensor, tensor1d, type Tensor } from '@tensorflow/tfjs-core';
import { sampleModel } from '../../test/exportSample.js';
import { selectBackend } from '../backend/select.js';
import type { ModelConfig } from '../model/config.js';
import { ForwardPass } from '../model/forwardPass.js';
import { deepNorm } from '../model/residual.js';
import { decode, encode } from '../model/transformer.js';
import type { ExportedModel, ExportedTensor } from './exportedModel.js';
import { foldResidual, unfoldableScale } from './foldedResidual.js';

before(async () => void (await selectBackend('cpu')));

function outputs(parameters: ReadonlyMap<string, ExportedTensor>, config: ModelConfig): Float32Array {
  const params = new Map(
    [...parameters].map(([name, { shape, data }]): [string, Tensor] => [name, tensor(data, [...shape])]),
  );
  const tokens = (...ids: number[]) => ({
    ids: tensor1d(ids, 'int32'),
    lengths: tensor1d([ids.length], 'int32'),
    batch: 1,
    length: ids.length,
  });
  const pass = new ForwardPass(config);
  return decode(params, tokens(2, 6, 7), encode(params, tokens(4, 5, 9, 2), pass), pass).dataSync<'float32'>();
}

/** Scales from 0.5 to 1.5 of either sign; the first one of each stack as given. */
function withScales(model: ExportedModel, first: number): ExportedModel {
  const parameters = new Map(
    [...model.parameters].map(([name, { shape, data }]): [string, ExportedTensor] => {
      if (!name.endsWith('residual_scale.weight')) return [name, { shape, data }];
      const isFirst = name.includes('layers.0.self_attn_');
      return [
        name,
        { shape, data: data.map((value) => (isFirst ? first : Math.sign(value) * (0.5 + Math.abs(value)))) },
      ];
    }),
  );
  return { ...model, parameters };
}

test('a folded Admin model computes the same without scales', () => {
  const model = withScales(sampleModel('joint', { residual: 'admin', numDecoderLayers: 2 }), 1);
  const { parameters, inputScale } = foldResidual(model);
  assert.ok([...parameters.keys()].every((name) => !name.includes('residual_scale')));
  assert.deepEqual(inputScale, { encoder: new Float32Array(8).fill(1), decoder: new Float32Array(8).fill(1) });
  const expected = outputs(model.parameters, model.config);
  const found = outputs(parameters, { ...model.config, residual: 'post-ln' });
  expected.forEach((value, i) => assert.ok(Math.abs(found[i] - value) < 2e-5, `${found[i]}, expected ${value}`));
  const unscaled = outputs(model.parameters, { ...model.config, residual: 'post-ln' });
  assert.ok(expected.some((value, i) => Math.abs(unscaled[i] - value) > 0.1)); // the scales matter
});

test('the first scale of a stack is that of its input, and the weights that read it are divided by it', () => {
  const model = withScales(sampleModel('joint', { residual: 'admin' }), 0.25);
  const { parameters, inputScale } = foldResidual(model);
  assert.deepEqual(inputScale.decoder, new Float32Array(8).fill(0.25));
  const name = 'decoder.layers.0.self_attn.q_proj.weight';
  assert.deepEqual(
    parameters.get(name)!.data,
    model.parameters.get(name)!.data.map((value) => value * 4),
  );
  // keys and values of the source are not scaled: what a stack ends with is not
  const keys = 'decoder.layers.0.encoder_attn.k_proj.weight';
  assert.deepEqual(parameters.get(keys), model.parameters.get(keys));
  const last = 'encoder.layers.1.final_layer_norm.weight';
  assert.deepEqual(parameters.get(last), model.parameters.get(last));
});

test('DeepNorm has the same scale everywhere in a stack; other schemes stay as they are', () => {
  const model = sampleModel('joint', { residual: 'deepnorm' });
  const { parameters, inputScale } = foldResidual(model);
  const alpha = Math.fround(deepNorm(model.config).encoder.alpha);
  assert.deepEqual(inputScale.encoder, new Float32Array(8).fill(alpha));
  const norm = 'encoder.layers.0.final_layer_norm.weight';
  assert.deepEqual(
    parameters.get(norm)!.data,
    model.parameters.get(norm)!.data.map((value) => value * alpha),
  );
  const plain = sampleModel('joint', { residual: 'post-ln' });
  assert.deepEqual([...foldResidual(plain).parameters], [...plain.parameters]);
});

test('scales that cannot be divided by are named', () => {
  const model = withScales(sampleModel('joint', { residual: 'admin' }), 1e-5);
  assert.equal(unfoldableScale(model), `encoder.layers.0.self_attn_residual_scale.weight[0] is ${Math.fround(1e-5)}`);
  assert.equal(unfoldableScale(withScales(model, 0.1)), undefined);
});
