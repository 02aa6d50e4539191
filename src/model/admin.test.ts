import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { memory, type Tensor } from '@tensorflow/tfjs-core';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { testBackends } from '../../test/testBackends.js';
import { makeBatch } from '../data/batch.js';
import { profileResidualScales } from './admin.js';
import type { ModelConfig } from './config.js';
import type { DropoutKey } from './dropouts.js';
import { initParams } from './init.js';
import { slowTranslationLoss } from '../../test/slowTransformer.js';

const config: ModelConfig = {
  srcVocabSize: 15,
  trgVocabSize: 15,
  dModel: 8,
  dFf: 12,
  numHeads: 2,
  numEncoderLayers: 2,
  numDecoderLayers: 3,
  sharing: 'tied',
  residual: 'admin',
  layerNormEps: 1e-5,
  dropout: 0.2,
  attentionDropout: 0.1,
  reluDropout: 0.3,
};
const src = [4, 9, 12, 2];
const trg = [5, 7, 11, 6, 2];

/** Plain variance of some numbers. */
function variance(values: Float64Array): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return values.reduce((total, value) => total + (value - mean) ** 2, 0) / values.length;
}

/**
 * Admin's scales by the definition: sublayer after sublayer of each stack, the whole model is run with the scales found
 * so far to see Var[x] of what enters and Var[f(x)] of what is added, and the next scale is sqrt(w^2 Var[x] +
 * Var[f(x)]).
 */
function slowScales(params: ReadonlyMap<string, Tensor>, dropoutKey?: DropoutKey): Record<string, number> {
  const values = new Map<string, ArrayLike<number>>([...params].map(([name, tensor]) => [name, tensor.dataSync()]));
  const scales: Record<string, number> = {};
  const sublayers = (stack: 'encoder' | 'decoder', layers: number, parts: string[]): string[] =>
    Array.from({ length: layers }, (_, i) => parts.map((part) => `${stack}.layers.${i}.${part}`)).flat();
  for (const stack of [
    sublayers('encoder', 2, ['self_attn', 'final']),
    sublayers('decoder', 3, ['self_attn', 'encoder_attn', 'final']),
  ]) {
    let scale = 1;
    for (const sublayer of stack) {
      scales[`${sublayer}_residual_scale.weight`] = scale;
      values.set(`${sublayer}_residual_scale.weight`, new Float64Array(8).fill(scale));
      let next = NaN;
      slowTranslationLoss(values, src, trg, {
        config,
        labelSmoothing: 0,
        dropoutKey,
        observe: (norm, input, added) => {
          if (norm === `${sublayer}_layer_norm`) next = Math.sqrt(scale * scale * variance(input) + variance(added));
        },
      });
      scale = next;
    }
  }
  return scales;
}

for (const backend of testBackends) {
  describe(`Admin on ${backend}`, () => {
    before(async () => {
      await selectBackend(backend);
    });

    for (const dropoutKey of [undefined, { seed: 5, step: 0, microBatch: 0 }]) {
      test(`${dropoutKey ? 'with' : 'without'} dropout, every profiled scale equals the one that its definition gives in plain loops`, () => {
        const drawn = initParams(config, { method: 'fairseq', seed: 4 });
        const start = memory().numTensors;
        const { params, scales } = profileResidualScales(drawn, makeBatch([{ src, trg }]), config, dropoutKey);
        assert.equal(memory().numTensors, start + params.size);
        const expected = slowScales(drawn, dropoutKey);
        assert.deepEqual(Object.keys(scales).sort(), Object.keys(expected).sort());
        for (const [name, scale] of Object.entries(scales)) {
          assert.ok(
            Math.abs(scale - expected[name]) < 1e-5 * expected[name],
            `${name}: found ${scale}, expected ${expected[name]}`,
          );
          assert.deepEqual([...params.get(name)!.dataSync()], new Array(8).fill(Math.fround(scale)), name);
        }
        for (const [name, tensor] of drawn)
          if (!(name in scales)) assert.deepEqual(params.get(name)!.dataSync(), tensor.dataSync(), name);
        disposeParams(params);
        disposeParams(drawn);
      });
    }

    test('pads do not count: a batch of two pairs of different lengths is profiled on their tokens only', () => {
      const drawn = initParams(config, { method: 'fairseq', seed: 4 });
      const first = 'encoder.layers.0.final_residual_scale.weight';
      const scaleOf = (pairs: { src: number[]; trg: number[] }[]): number => {
        const { params, scales } = profileResidualScales(drawn, makeBatch(pairs), config);
        disposeParams(params);
        return scales[first];
      };
      const other = { src: [7, 2], trg: [11, 2] };
      // a batch of one length: the same tokens, so the same variances of what enters and leaves the first sublayer
      const seen: { input: number[]; added: number[] } = { input: [], added: [] };
      const values = new Map<string, ArrayLike<number>>([...drawn].map(([name, tensor]) => [name, tensor.dataSync()]));
      for (const pair of [{ src, trg }, other]) {
        slowTranslationLoss(values, pair.src, pair.trg, {
          config,
          labelSmoothing: 0,
          observe: (norm, input, added) => {
            if (norm === 'encoder.layers.0.self_attn_layer_norm') {
              seen.input.push(...input);
              seen.added.push(...added);
            }
          },
        });
      }
      const expected = Math.sqrt(variance(Float64Array.from(seen.input)) + variance(Float64Array.from(seen.added)));
      const found = scaleOf([{ src, trg }, other]);
      assert.ok(Math.abs(found - expected) < 1e-5, `found ${found}, expected ${expected}`);
      disposeParams(drawn);
    });
  });
}
