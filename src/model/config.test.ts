import { test } from 'node:test';
import assert from 'node:assert/strict';
import { UsageError } from '../errors.js';
import { architectures, checkModelConfig, modelDifference, type ModelConfig } from './config.js';
import { numParameters } from './parameters.js';

const rates = { layerNormEps: 1e-5, dropout: 0.3, attentionDropout: 0.1, reluDropout: 0.1 };
const tiny: ModelConfig = { ...architectures.tiny, ...rates, srcVocabSize: 9716, trgVocabSize: 9716, sharing: 'tied' };

test('named architectures have the published sizes', () => {
  // Counted by hand: per encoder layer 4 d² + 4 d + 2 d f + f + d + 4 d, per decoder layer 8 d² + 8 d + 2 d f + f + d +
  // 6 d.
  const layers = ({ dModel: d, dFf: f, numEncoderLayers: e, numDecoderLayers: n }: ModelConfig): number =>
    e * (4 * d * d + 2 * d * f + 9 * d + f) + n * (8 * d * d + 2 * d * f + 15 * d + f);
  assert.equal(numParameters(tiny), 9716 * 128 + layers(tiny));
  // Vaswani et al. 2017: the base model has 65 million parameters (joint vocabulary of about 37 000).
  const base: ModelConfig = {
    ...architectures.base,
    ...rates,
    srcVocabSize: 37000,
    trgVocabSize: 37000,
    sharing: 'tied',
  };
  assert.equal(numParameters(base), 37000 * 512 + 44_138_496);
  assert.equal(layers(base), 44_138_496);
  const iwslt: ModelConfig = {
    ...architectures.iwslt,
    ...rates,
    srcVocabSize: 8848,
    trgVocabSize: 6632,
    sharing: 'decoder-tied',
  };
  assert.equal(numParameters(iwslt), 39_469_056); // as fairseq prints for transformer_iwslt_de_en on IWSLT14
  assert.equal(numParameters({ ...iwslt, sharing: 'none' }), 39_469_056 + 6632 * 512);
});

test('configurations that cannot be built are refused with what was found and what is needed', () => {
  assert.equal(checkModelConfig(tiny), tiny);
  const cases: [Partial<ModelConfig>, RegExp][] = [
    [{ dModel: 130 }, /model\.dModel is 130, expected a multiple of model\.numHeads \(4\)/],
    [{ dModel: 63, numHeads: 3 }, /model\.dModel is 63, expected an even number/],
    [{ numHeads: 0 }, /model\.numHeads is 0, expected an integer from 1 to 65536\.$/],
    [{ dFf: 1.5 }, /model\.dFf is 1\.5/],
    [{ numDecoderLayers: '4' as never }, /model\.numDecoderLayers is "4", expected an integer/],
    [{ trgVocabSize: 4 }, /model\.trgVocabSize is 4, expected an integer from 5 to/],
    [
      { trgVocabSize: 8000 },
      /"tied" but the vocabularies have 9716 and 8000 entries\. Prepare the corpus with one joint vocabulary/,
    ],
    [{ sharing: 'all' as never }, /model\.sharing is "all", expected one of none, decoder-tied, tied/],
    [{ dropout: 1 }, /model\.dropout is 1, expected a number from 0 to 0\.99\.$/],
    [{ attentionDropout: NaN }, /model\.attentionDropout/],
    [{ layerNormEps: 0 }, /model\.layerNormEps is 0/],
  ];
  for (const [change, message] of cases) {
    assert.throws(
      () => checkModelConfig({ ...tiny, ...change }),
      (error: Error) => error instanceof UsageError && message.test(error.message),
      `${message}`,
    );
  }
});

test('models are compared by value: an absent key has its default, the order does not count', () => {
  const plain = tiny;
  assert.equal(modelDifference(plain, { residual: 'post-ln', ...plain }), undefined);
  assert.equal(modelDifference(plain, { ...plain, residual: 'admin' }), 'residual');
  assert.equal(modelDifference(plain, { ...plain, dFf: plain.dFf + 1 }), 'dFf');
});
