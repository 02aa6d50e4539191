import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { memory, type Tensor } from '@tensorflow/tfjs-core';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { testBackends } from '../../test/testBackends.js';
import { UsageError } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { initParams } from '../model/init.js';
import { fixtureParams, readFixtureModel, readModelFixture } from '../../test/modelFixture.js';
import { beamSearch } from './beamSearch.js';
import { translate, type TranslateOptions } from './translate.js';

const config: ModelConfig = {
  srcVocabSize: 20,
  trgVocabSize: 20,
  dModel: 8,
  dFf: 12,
  numHeads: 2,
  numEncoderLayers: 1,
  numDecoderLayers: 1,
  sharing: 'tied',
  layerNormEps: 1e-5,
  dropout: 0,
  attentionDropout: 0,
  reluDropout: 0,
};
const options: TranslateOptions = {
  beamSize: 3,
  lengthPenalty: 1,
  maxLenA: 1,
  maxLenB: 3,
  maxTokens: 12,
  maxSentences: 3,
};

/** Sources of 1 to 7 tokens, eosId included, in no order of length. */
const sources = Array.from({ length: 11 }, (_, i) =>
  Int32Array.from({ length: 1 + ((i * 5) % 7) }, (_unused, j) => 4 + ((i * 7 + j * 3) % 16)),
);
sources.forEach((source) => {
  source[source.length - 1] = 2;
});

for (const backend of testBackends.filter((name) => name !== 'cpu'))
  describe(`translate on ${backend}`, () => {
    let params: Map<string, Tensor>;
    before(async () => {
      await selectBackend(backend);
      params = initParams(config, { method: 'xavier', seed: 11 });
    });
    after(() => disposeParams(params));

    test('gives the result of translating each source separately, in the order of the sources; empty lines stay empty', async () => {
      const start = memory().numTensors;
      const { hypotheses, truncated } = await translate(params, config, sources, { ...options, nbest: 2 });
      assert.deepEqual(truncated, []);
      assert.equal(hypotheses.length, sources.length);
      for (const [i, found] of hypotheses.entries()) {
        const separate =
          sources[i].length === 1
            ? [{ tokens: [2] }]
            : (await beamSearch(params, config, [sources[i]], options))[0].slice(0, 2);
        assert.deepEqual(
          found.map(({ tokens }) => tokens),
          separate.map(({ tokens }) => tokens),
          `source ${i}`,
        );
      }
      assert.ok(hypotheses.some((found) => found.length === 2));
      assert.equal(memory().numTensors, start);
    });

    test('progress rises from the empty lines to all sentences', async () => {
      const calls: number[][] = [];
      await translate(params, config, sources, { ...options, onProgress: (...call) => calls.push(call) });
      const empty = sources.filter(({ length }) => length === 1).length;
      assert.ok(empty > 0);
      assert.deepEqual(
        [calls[0], calls.at(-1)],
        [
          [empty, 11],
          [11, 11],
        ],
      );
      for (let i = 1; i < calls.length; i++) assert.ok(calls[i][0] > calls[i - 1][0]);
      assert.ok(calls.length > 4);
    });

    test('overlong sources are cut before their end mark, and named', async () => {
      const { hypotheses, truncated } = await translate(params, config, sources, { ...options, maxSourceTokens: 4 });
      assert.deepEqual(
        truncated,
        sources.flatMap(({ length }, i) => (length > 4 ? [i] : [])),
      );
      const long = sources.find(({ length }) => length === 7)!;
      const [[expected]] = await beamSearch(params, config, [Int32Array.of(long[0], long[1], long[2], 2)], options);
      assert.deepEqual(hypotheses[sources.indexOf(long)][0].tokens, expected.tokens);
    });

    test('a source of 200,000 tokens is cut like any other', async () => {
      const long = Int32Array.from({ length: 200_000 }, (_, i) => (i === 199_999 ? 2 : 4 + (i % 3)));
      const { hypotheses, truncated } = await translate(params, config, [long], { ...options, maxSourceTokens: 20 });
      assert.deepEqual(truncated, [0]);
      const cut = Int32Array.of(...long.subarray(0, 19), 2);
      const [[expected]] = await beamSearch(params, config, [cut], options);
      assert.deepEqual(hypotheses[0][0].tokens, expected.tokens);
    });

    test('an aborted translation stops with its reason and leaves no tensor in memory', async () => {
      const start = memory().numTensors;
      const controller = new AbortController();
      const run = translate(params, config, sources, {
        ...options,
        signal: controller.signal,
        onProgress: (done) => {
          if (done > 4) controller.abort(new Error('enough'));
        },
      });
      await assert.rejects(run, /enough/);
      assert.equal(memory().numTensors, start);
    });

    test('nothing to translate; bad sources and options are named', async () => {
      assert.deepEqual(await translate(params, config, [], options), { hypotheses: [], truncated: [] });
      await assert.rejects(translate(params, config, sources, { ...options, nbest: 4 }), /nbest is 4 but beamSize 3/);
      await assert.rejects(
        translate(params, config, [...sources, Int32Array.of(20, 2)], options),
        /source 11 holds id 20, outside the model's source vocabulary of 20 entries/,
      );
      await assert.rejects(
        translate(params, config, sources, { ...options, maxTokens: 0 }),
        (error) => error instanceof UsageError && /maxTokens is 0/.test(error.message),
      );
      await assert.rejects(
        translate(params, config, sources, { ...options, maxSourceTokens: 1 }),
        /maxSourceTokens is 1, expected an integer from 2 to/,
      );
    });

    test('a trained model reverses its input in any batching', async () => {
      const fixture = readModelFixture<{
        sources: number[][];
        runs: { beam: number; lenpen: number; sentences: { hypotheses: { tokens: number[] }[] }[] }[];
      }>('trained-reverse/decode.json');
      const run = fixture.runs.find(({ beam, lenpen }) => beam === 5 && lenpen === 1)!;
      const trained = fixtureParams('trained-reverse');
      for (const maxTokens of [1, 25, 1000]) {
        const { hypotheses } = await translate(
          trained,
          readFixtureModel('trained-reverse').config,
          fixture.sources.map((ids) => Int32Array.from(ids)),
          { beamSize: 5, lengthPenalty: 1, maxLenA: 1.2, maxLenB: 10, maxTokens, maxSentences: 100, nbest: 5 },
        );
        assert.deepEqual(
          hypotheses.map((found) => found.map(({ tokens }) => tokens)),
          run.sentences.map((sentence) => sentence.hypotheses.map(({ tokens }) => tokens)),
        );
      }
      disposeParams(trained);
    });
  });
