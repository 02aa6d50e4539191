import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { memory, tensor, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { disposeParams, valueAndGradients } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { testBackends } from '../../test/testBackends.js';
import { makeBatch } from '../data/batch.js';
import { residualSchemes, sharings, type ModelConfig } from './config.js';
import type { DropoutKey } from './dropouts.js';
import { translationLoss } from './loss.js';
import { parameterShapes } from './parameters.js';
import { slowTranslationLoss } from '../../test/slowTransformer.js';

const config: ModelConfig = {
  srcVocabSize: 13,
  trgVocabSize: 13,
  dModel: 8,
  dFf: 12,
  numHeads: 2,
  numEncoderLayers: 2,
  numDecoderLayers: 1,
  sharing: 'none',
  layerNormEps: 1e-5,
  dropout: 0.3,
  attentionDropout: 0.1,
  reluDropout: 0.2,
};
/** Different lengths on both sides, so that both are padded; one source is empty but for its end. */
const pairs = [
  { src: [4, 9, 12, 2], trg: [5, 2] },
  { src: [7, 2], trg: [11, 6, 6, 8, 2] },
  { src: [2], trg: [3, 2] },
];
const batch = makeBatch(pairs);
const labelSmoothing = 0.1;

/**
 * Values in about ±0.6 around 0, or around 1 for layer-norm weights: no tensor has a special value, the padding row
 * neither.
 */
function numbers(modelConfig: ModelConfig): Map<string, Float32Array> {
  let count = 0;
  return new Map(
    [...parameterShapes(modelConfig)].map(([name, shape]) => {
      const centre = /(layer_norm|residual_scale)\.weight$/.test(name) ? 1 : 0;
      return [
        name,
        Float32Array.from(
          { length: shape.reduce((a, b) => a * b, 1) },
          () => centre + 0.6 * Math.sin(12.9898 * ++count),
        ),
      ];
    }),
  );
}

function tensors(values: Map<string, Float32Array>, modelConfig: ModelConfig): Map<string, Tensor> {
  const shapes = parameterShapes(modelConfig);
  return new Map([...values].map(([name, data]) => [name, tensor(data, shapes.get(name)!)]));
}

/** The slow loss summed over the pairs. */
function slowSum(
  values: Map<string, ArrayLike<number>>,
  modelConfig: ModelConfig,
): { lossSum: number; nllSum: number } {
  return pairs
    .map(({ src, trg }) => slowTranslationLoss(values, src, trg, { config: modelConfig, labelSmoothing }))
    .reduce((a, b) => ({ lossSum: a.lossSum + b.lossSum, nllSum: a.nllSum + b.nllSum }));
}

function assertClose(found: number, expected: number, tolerance: number, what: string): void {
  assert.ok(
    Math.abs(found - expected) <= tolerance * (1 + Math.abs(expected)),
    `${what}: found ${found}, expected ${expected}`,
  );
}

for (const backend of testBackends) {
  describe(`translation loss on ${backend}`, () => {
    before(async () => {
      await selectBackend(backend);
    });

    const variants: Partial<ModelConfig>[] = [
      ...sharings.map((sharing) => ({ sharing })),
      ...residualSchemes.slice(1).map((residual) => ({ residual })),
    ];
    for (const variant of variants) {
      const modelConfig: ModelConfig = { ...config, ...variant };
      test(`${Object.entries(variant).join().replace(',', ' ')}: the loss of a padded batch and all gradients equal those of its sentences in slow loops`, () => {
        const values = numbers(modelConfig);
        const params = tensors(values, modelConfig);
        tidy(() => {
          const { lossSum, nllSum } = translationLoss(params, batch, { config: modelConfig, labelSmoothing });
          const expected = slowSum(values, modelConfig);
          assertClose(lossSum.dataSync()[0], expected.lossSum, 1e-5, 'lossSum');
          assertClose(nllSum.dataSync()[0], expected.nllSum, 1e-5, 'nllSum');

          const { gradients } = valueAndGradients(
            (named) => translationLoss(named, batch, { config: modelConfig, labelSmoothing }).lossSum,
            params,
          );
          gradients.forEach((gradient, name) => {
            // Along one direction per tensor. The padding row gets no gradient through lookups, which the slow loops
            // never do either.
            const direction = values.get(name)!.map((_, at) => Math.cos(7.3 * (at + 1)));
            const moved = (step: number) =>
              slowSum(
                new Map<string, ArrayLike<number>>(values).set(
                  name,
                  Float64Array.from(values.get(name)!, (value, at) => value + step * direction[at]),
                ),
                modelConfig,
              ).lossSum;
            const slope = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            const found = gradient.dataSync<'float32'>().reduce((total, value, at) => total + value * direction[at], 0);
            assertClose(found, slope, 3e-4, `slope along ${name}`);
          });
        });
        disposeParams(params);
      });
    }

    test('dropout is applied after the embedding, on attention weights, after ReLU and at the end of each sublayer', () => {
      const values = numbers(config);
      const params = tensors(values, config);
      const [src, trg] = [
        [4, 9, 12, 2],
        [5, 6, 2],
      ]; // one sentence: masks number the elements of unpadded activations
      const options = { config, labelSmoothing, dropoutKey: { seed: 2 ** 33 + 5, step: 7, microBatch: 1 } };
      const found = tidy(() => translationLoss(params, makeBatch([{ src, trg }]), options).lossSum.dataSync()[0]);
      assertClose(found, slowTranslationLoss(values, src, trg, options).lossSum, 1e-5, 'lossSum');
      disposeParams(params);
    });

    test('dropout: the same key gives the same loss, other keys give others; without a key there is no dropout', () => {
      const params = tensors(numbers(config), config);
      const loss = (dropoutKey?: DropoutKey, change: Partial<ModelConfig> = {}) =>
        tidy(
          () =>
            translationLoss(params, batch, {
              config: { ...config, ...change },
              labelSmoothing,
              dropoutKey,
            }).lossSum.dataSync()[0],
        );
      const key: DropoutKey = { seed: 1, step: 2, microBatch: 0 };
      assert.equal(loss(key), loss({ ...key }));
      const losses = [
        loss(),
        loss(key),
        loss({ ...key, seed: 2 }),
        loss({ ...key, step: 3 }),
        loss({ ...key, microBatch: 1 }),
        loss(key, { dropout: 0 }),
        loss(key, { attentionDropout: 0 }),
        loss(key, { reluDropout: 0 }),
      ];
      assert.equal(new Set(losses).size, losses.length, `${losses}`);
      assert.equal(loss(key, { dropout: 0, attentionDropout: 0, reluDropout: 0 }), loss());
      disposeParams(params);
    });

    test('loss and gradients leave no tensor in memory', () => {
      const params = tensors(numbers(config), config);
      const step = (dropoutKey?: DropoutKey) => {
        const { value, gradients } = valueAndGradients(
          (named) => translationLoss(named, batch, { config, labelSmoothing, dropoutKey }).lossSum,
          params,
        );
        value.dispose();
        disposeParams(gradients);
      };
      step();
      const start = memory().numTensors;
      for (let i = 0; i < 3; i++) step({ seed: 1, step: i, microBatch: 0 });
      assert.equal(memory().numTensors, start);
      disposeParams(params);
    });

    test('an id outside a vocabulary is named', () => {
      const params = tensors(numbers(config), config);
      const loss = (src: number[], trg: number[]) =>
        tidy(() => translationLoss(params, makeBatch([{ src, trg }]), { config, labelSmoothing }));
      assert.throws(
        () => loss([13, 2], [4, 2]),
        /the batch has source id 13, the model's source vocabulary has 13 entries/,
      );
      assert.throws(() => loss([4, 2], [-1, 2]), /the batch has target id -1/);
      disposeParams(params);
    });
  });
}
