import { ForwardPass } from './forwardPass.js';
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { fill, matMul, tidy, type Tensor2D } from '@tensorflow/tfjs-core';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { testBackends } from '../../test/testBackends.js';
import { makeBatch } from '../data/batch.js';
import { residualSchemes, type ModelConfig } from './config.js';
import { IncrementalDecoder } from './incrementalDecoder.js';
import { initParams } from './init.js';
import { sourceTokens, targetTokens } from './loss.js';
import { outputMatrix, parameterShapes } from './parameters.js';
import { deepNorm } from './residual.js';
import { decode, encode } from './transformer.js';

const config: ModelConfig = {
  srcVocabSize: 15,
  trgVocabSize: 15,
  dModel: 8,
  dFf: 12,
  numHeads: 2,
  numEncoderLayers: 2,
  numDecoderLayers: 2,
  sharing: 'tied',
  layerNormEps: 1e-5,
  dropout: 0,
  attentionDropout: 0,
  reluDropout: 0,
};
const batch = makeBatch([
  { src: [4, 9, 12, 2], trg: [5, 7, 2] },
  { src: [7, 2], trg: [11, 6, 8, 14, 2] },
]);

test('DeepNorm: the published formulas at 6+6 and at 16+1 layers', () => {
  // in the decoder of 6 layers: alpha 18^(1/4), beta 72^(-1/4)
  const close = (found: number, expected: number): void =>
    assert.ok(Math.abs(found - expected) < 1e-12, `found ${found}, expected ${expected}`);
  const six = deepNorm({ numEncoderLayers: 6, numDecoderLayers: 6 });
  close(six.encoder.alpha, 0.81 * 6 ** (5 / 16));
  close(six.encoder.beta, 0.87 * 6 ** (-5 / 16));
  close(six.decoder.alpha, 2.0597671439071177);
  close(six.decoder.beta, 0.3432945239845196);
  const uneven = deepNorm({ numEncoderLayers: 16, numDecoderLayers: 1 });
  close(uneven.encoder.alpha, 0.81 * 2);
  close(uneven.encoder.beta, 0.435);
  close(uneven.decoder.alpha, 3 ** 0.25);
});

test('parameters of each scheme', () => {
  const names = (residual: ModelConfig['residual']): string[] => [...parameterShapes({ ...config, residual }).keys()];
  assert.deepEqual(names('deepnorm'), names('post-ln'));
  assert.deepEqual(
    names('none'),
    names('post-ln').filter((name) => !name.includes('layer_norm')),
  );
  assert.deepEqual(
    names('pre-ln').filter((name) => !names('post-ln').includes(name)),
    ['encoder.layer_norm.weight', 'encoder.layer_norm.bias', 'decoder.layer_norm.weight', 'decoder.layer_norm.bias'],
  );
  assert.equal(
    names('pre-ln').indexOf('encoder.layer_norm.weight'),
    names('pre-ln').indexOf('encoder.layers.1.final_layer_norm.bias') + 1,
  );
  assert.equal(names('pre-ln').at(-1), 'decoder.layer_norm.bias');
  const added = names('admin').filter((name) => !names('post-ln').includes(name));
  assert.deepEqual(added.slice(0, 2), [
    'encoder.layers.0.self_attn_residual_scale.weight',
    'encoder.layers.0.final_residual_scale.weight',
  ]);
  assert.equal(added.length, 2 * 2 + 2 * 3);
  assert.ok(
    added.every(
      (name) =>
        parameterShapes({ ...config, residual: 'admin' })
          .get(name)!
          .join() === '8',
    ),
  );
});

for (const backend of testBackends) {
  describe(`residual schemes on ${backend}`, () => {
    before(async () => {
      await selectBackend(backend);
    });

    for (const residual of residualSchemes) {
      test(`${residual}: the decoder step by step gives the logits of the whole decoder`, () => {
        const model: ModelConfig = { ...config, residual };
        const drawn = initParams(model, { method: 'fairseq', seed: 3 });
        const params = new Map(
          [...drawn].map(([name, value]) => [name, name.includes('residual_scale') ? fill([8], 1.7) : value]),
        );
        tidy(() => {
          const encoded = encode(params, sourceTokens(batch, model), new ForwardPass(model));
          const whole = matMul(
            decode(params, targetTokens(batch, model), encoded, new ForwardPass(model)) as Tensor2D,
            outputMatrix(params) as Tensor2D,
            false,
            true,
          ).dataSync();
          const decoder = new IncrementalDecoder(params, model, encoded);
          for (let t = 0; t < 3; t++) {
            const hidden = decoder.advance(Int32Array.from([0, 1], (row) => batch.trgIn[row * batch.trgLength + t]));
            const logits = matMul(hidden as Tensor2D, outputMatrix(params) as Tensor2D, false, true).dataSync();
            for (const row of [0, 1]) {
              for (let v = 0; v < 15; v++) {
                const expected = whole[(row * batch.trgLength + t) * 15 + v];
                assert.ok(
                  Math.abs(logits[row * 15 + v] - expected) < 1e-5 * (1 + Math.abs(expected)),
                  `step ${t}, row ${row}, token ${v}: found ${logits[row * 15 + v]}, expected ${expected}`,
                );
              }
            }
          }
          assert.throws(
            () => decoder.select(Int32Array.of(0, 1), Int32Array.of(0, 2), 1),
            /rows has 2, expected numbers from 0 to 1/,
          );
          assert.throws(() => decoder.select(Int32Array.of(-1), Int32Array.of(0), 1), /sentences has -1/);
          assert.throws(
            () => decoder.select(Int32Array.of(0), Int32Array.of(0), 2),
            /1 rows for 1 sentences of 2 hypotheses, expected 2/,
          );
          decoder.dispose();
        });
        disposeParams(params);
      });
    }
  });
}
