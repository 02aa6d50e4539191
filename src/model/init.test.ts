import { test } from 'node:test';
import assert from 'node:assert/strict';
import '@tensorflow/tfjs-backend-cpu';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { ModelConfig } from './config.js';
import { initMethods, initParams, type InitMethod } from './init.js';
import { parameterShapes } from './parameters.js';

const config: ModelConfig = {
  srcVocabSize: 300,
  trgVocabSize: 200,
  dModel: 64,
  dFf: 96,
  numHeads: 4,
  numEncoderLayers: 2,
  numDecoderLayers: 3,
  sharing: 'none',
  layerNormEps: 1e-5,
  dropout: 0,
  attentionDropout: 0,
  reluDropout: 0,
};

function values(params: Map<string, Tensor>, name: string): number[] {
  return Array.from(params.get(name)!.dataSync());
}

/** Values of all tensors whose name matches. */
function pooled(params: Map<string, Tensor>, name: RegExp): number[] {
  return [...params.keys()].filter((key) => name.test(key)).flatMap((key) => values(params, key));
}

/**
 * Uniform on ±bound: nothing outside, something near both ends, mean 0 and standard deviation bound / sqrt 3 within
 * four of their errors.
 */
function assertUniform(sample: number[], bound: number, what: string): void {
  const mean = sample.reduce((a, b) => a + b, 0) / sample.length;
  const variance = sample.reduce((a, b) => a + b * b, 0) / sample.length;
  const [least, most] = sample.reduce(([low, high], x) => [Math.min(low, x), Math.max(high, x)], [0, 0]);
  assert.ok(most <= bound * (1 + 1e-6) && least >= -bound * (1 + 1e-6), `${what}: outside ±${bound}`);
  assert.ok(
    most > bound * (1 - 40 / sample.length) && least < -bound * (1 - 40 / sample.length),
    `${what}: ends of ±${bound} not reached`,
  );
  assert.ok(Math.abs(mean) < (4 * bound) / Math.sqrt(3 * sample.length), `${what}: mean ${mean}`);
  // The variance of x² is 4/45 bound⁴.
  assert.ok(
    Math.abs(variance - bound ** 2 / 3) < 4 * bound ** 2 * Math.sqrt(4 / 45 / sample.length),
    `${what}: variance ${variance}, expected ${bound ** 2 / 3}`,
  );
}

/** Normal: mean, variance and fourth moment within four of their errors. */
function assertNormal(sample: number[], std: number, what: string): void {
  const moment = (power: number) => sample.reduce((a, x) => a + (x / std) ** power, 0) / sample.length;
  assert.ok(Math.abs(moment(1)) < 4 / Math.sqrt(sample.length), `${what}: mean ${moment(1)}`);
  assert.ok(Math.abs(moment(2) - 1) < 4 * Math.sqrt(2 / sample.length), `${what}: variance ${moment(2)}`);
  assert.ok(Math.abs(moment(4) - 3) < 4 * Math.sqrt(96 / sample.length), `${what}: fourth moment ${moment(4)}`);
}

const square = Math.sqrt(6 / (64 + 64)); // Xavier bound of an attention projection
const rectangle = Math.sqrt(6 / (64 + 96)); // of fc1 and fc2
const attentionBiases = /_attn\.[kvq]_proj\.bias/;

test('fairseq: its defaults, projection by projection', () => {
  const params = initParams(config, { method: 'fairseq', seed: 5 });
  assert.deepEqual(
    [...params].map(([name, { shape }]) => [name, shape]),
    [...parameterShapes(config)],
  );
  for (const kind of ['k', 'v', 'q'])
    assertUniform(pooled(params, RegExp(`_attn\\.${kind}_proj\\.weight`)), square / Math.sqrt(2), kind);
  assertUniform(pooled(params, /out_proj\.weight/), square, 'out_proj');
  assertUniform(pooled(params, attentionBiases), 1 / 8, 'q, k and v biases');
  assertUniform(pooled(params, /fc1\./), 1 / 8, 'fc1 weights and biases');
  assertUniform(pooled(params, /fc2\./), 1 / Math.sqrt(96), 'fc2 weights and biases');
  assert.ok(pooled(params, /out_proj\.bias|layer_norm\.bias/).every((value) => value === 0));
  assert.ok(pooled(params, /layer_norm\.weight/).every((value) => value === 1));
});

test('all methods: embeddings N(0, 1/d) with the padding row 0, scaled by T-Fixup; layer norms 1 and 0', () => {
  for (const method of initMethods) {
    const params = initParams(config, { method, seed: 6 });
    const scale = method === 'tfixup' ? 27 ** -0.25 : 1;
    for (const side of ['encoder', 'decoder']) {
      const table = values(params, `${side}.embed_tokens.weight`);
      assert.ok(
        table.slice(64, 128).every((value) => value === 0),
        `${method}: padding row`,
      );
      assertNormal([...table.slice(0, 64), ...table.slice(128)], scale / 8, `${method} ${side} embeddings`);
    }
    assertNormal(values(params, 'decoder.output_projection.weight'), 1 / 8, `${method} output projection`);
    assert.ok(
      values(params, 'decoder.output_projection.weight')
        .slice(64, 128)
        .some((value) => value !== 0),
    );
    assert.ok(
      pooled(params, /layer_norm\.weight/).every((value) => value === 1) &&
        pooled(params, /layer_norm\.bias/).every((value) => value === 0),
    );
    if (method !== 'fairseq')
      assert.ok(
        pooled(params, /\.bias$/).every((value) => value === 0),
        `${method}: biases`,
      );
  }
});

test('xavier and kaiming: uniform by fan-in and fan-out', () => {
  const xavier = initParams(config, { method: 'xavier', seed: 7 });
  assertUniform(pooled(xavier, /attn\..*_proj\.weight/), square, 'xavier projections');
  assertUniform(pooled(xavier, /fc[12]\.weight/), rectangle, 'xavier feed-forward');
  const kaiming = initParams(config, { method: 'kaiming', seed: 7 });
  assertUniform(pooled(kaiming, /attn\..*_proj\.weight|fc1\.weight/), Math.sqrt(6 / 64), 'kaiming, 64 inputs');
  assertUniform(pooled(kaiming, /fc2\.weight/), Math.sqrt(6 / 96), 'kaiming, 96 inputs');
});

test('tfixup: Xavier with value, output and feed-forward weights scaled by depth', () => {
  const params = initParams(config, { method: 'tfixup', seed: 8 });
  const encoderScale = 0.67 * 2 ** -0.25;
  const decoderScale = 27 ** -0.25;
  assertUniform(pooled(params, /attn\.[qk]_proj\.weight/), square, 'queries and keys');
  assertUniform(
    pooled(params, /^encoder\..*attn\.(v|out)_proj\.weight/),
    encoderScale * square,
    'encoder values and outputs',
  );
  assertUniform(
    pooled(params, /^decoder\..*attn\.(v|out)_proj\.weight/),
    decoderScale * square,
    'decoder values and outputs',
  );
  assertUniform(pooled(params, /^encoder\..*fc[12]\.weight/), encoderScale * rectangle, 'encoder feed-forward');
  assertUniform(pooled(params, /^decoder\..*fc[12]\.weight/), decoderScale * rectangle, 'decoder feed-forward');
});

test('tfixup at the depth of its paper, 6 layers: 0.428 in the encoder, 0.369 in the decoder and on embeddings, of the same draws', () => {
  for (const sharing of ['none', 'tied'] as const) {
    const deep: ModelConfig = { ...config, trgVocabSize: 300, numEncoderLayers: 6, numDecoderLayers: 6, sharing };
    const [xavier, tfixup] = (['xavier', 'tfixup'] as const).map((method) => initParams(deep, { method, seed: 8 }));
    for (const name of xavier.keys()) {
      const isScaled = /(v_proj|out_proj|fc1|fc2)\.weight$/.test(name);
      const factor = name.endsWith('embed_tokens.weight')
        ? 0.36888
        : isScaled
          ? name.startsWith('encoder')
            ? 0.42809
            : 0.36888
          : 1;
      const found = values(tfixup, name);
      values(xavier, name).forEach((value, i) =>
        assert.ok(
          Math.abs(found[i] - factor * value) <= 2e-5 * Math.abs(value),
          `${sharing} ${name}[${i}]: found ${found[i]}, expected ${factor * value}`,
        ),
      );
    }
  }
});

test('deepnorm: Xavier normal with gain beta for values, outputs and feed-forward weights', () => {
  const params = initParams(config, { method: 'deepnorm', seed: 8 });
  // N = 2, M = 3: beta 0.87 (2^4 3)^(-1/16) in the encoder, 36^(-1/4) in the decoder
  const [encoderBeta, decoderBeta] = [0.87 * 48 ** (-1 / 16), 36 ** -0.25];
  const [squareStd, rectangleStd] = [Math.sqrt(2 / 128), Math.sqrt(2 / 160)];
  assertNormal(pooled(params, /attn\.[qk]_proj\.weight/), squareStd, 'queries and keys');
  assertNormal(
    pooled(params, /^encoder\..*attn\.(v|out)_proj\.weight/),
    encoderBeta * squareStd,
    'encoder values and outputs',
  );
  assertNormal(
    pooled(params, /^decoder\..*attn\.(v|out)_proj\.weight/),
    decoderBeta * squareStd,
    'decoder values and outputs',
  );
  assertNormal(pooled(params, /^encoder\..*fc[12]\.weight/), encoderBeta * rectangleStd, 'encoder feed-forward');
  assertNormal(pooled(params, /^decoder\..*fc[12]\.weight/), decoderBeta * rectangleStd, 'decoder feed-forward');
});

test('residual scales are 1, and a model without layer norms has none', () => {
  const admin = initParams({ ...config, residual: 'admin' }, { method: 'fairseq', seed: 5 });
  assert.ok(
    pooled(admin, /residual_scale/).length === (2 * 2 + 3 * 3) * 64 &&
      pooled(admin, /residual_scale/).every((value) => value === 1),
  );
  const bare = initParams({ ...config, residual: 'none' }, { method: 'tfixup', seed: 5 });
  assert.ok([...bare.keys()].every((name) => !name.includes('layer_norm')));
  assert.deepEqual(
    values(bare, 'decoder.layers.0.fc1.weight'),
    values(initParams(config, { method: 'tfixup', seed: 5 }), 'decoder.layers.0.fc1.weight'),
  );
});

test('a tensor depends only on its name and the seed', () => {
  const first = initParams(config, { method: 'fairseq', seed: 9 });
  const again = initParams(config, { method: 'fairseq', seed: 9 });
  for (const name of first.keys()) assert.deepEqual(values(first, name), values(again, name), name);
  const deeper = initParams(
    { ...config, numEncoderLayers: 3, sharing: 'decoder-tied' },
    { method: 'fairseq', seed: 9 },
  );
  assert.deepEqual(values(deeper, 'decoder.layers.1.fc1.weight'), values(first, 'decoder.layers.1.fc1.weight'));
  // Tensors of equal shape, neighbouring seeds, and seeds that differ only above 32 bits have different streams.
  assert.notDeepEqual(values(first, 'decoder.layers.0.fc1.weight'), values(first, 'decoder.layers.1.fc1.weight'));
  for (const seed of [10, 9 + 2 ** 32]) {
    assert.notDeepEqual(
      values(initParams(config, { method: 'fairseq', seed }), 'decoder.layers.0.fc1.weight'),
      values(first, 'decoder.layers.0.fc1.weight'),
    );
  }
});

test('the stream is fixed: these values must never change', () => {
  const params = initParams(config, { method: 'fairseq', seed: 1 });
  // Philox4x32-10 and SHA-256 computed by a program of another language.
  const known: [string, number[]][] = [
    ['encoder.layers.0.fc1.bias', [0.025823592877713963, 0.07871213278849609, -0.06344883373822086]],
    ['encoder.embed_tokens.weight', [0.05791104364588054, -0.1266528523887643, -0.10127480655452661]],
  ];
  for (const [name, expected] of known) {
    const found = values(params, name);
    expected.forEach((value, i) =>
      assert.ok(Math.abs(found[i] - value) < 1e-7, `${name}[${i}]: found ${found[i]}, expected ${value}`),
    );
  }
});

test('unknown methods and seeds are refused', () => {
  assert.throws(
    () => initParams(config, { method: 'orthogonal' as InitMethod, seed: 1 }),
    /"orthogonal", expected one of fairseq, xavier, kaiming, tfixup, deepnorm/,
  );
  assert.throws(() => initParams(config, { method: 'xavier', seed: -1 }), /seed is -1, expected an integer from 0/);
  assert.throws(() => initParams({ ...config, numHeads: 5 }, { method: 'xavier', seed: 1 }), /model\.dModel is 64/);
});
