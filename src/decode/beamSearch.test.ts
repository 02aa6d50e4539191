import { ForwardPass } from '../model/forwardPass.js';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { matMul, memory, tensor, tensor1d, tidy, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { selectBackend } from '../backend/select.js';
import { testBackends } from '../../test/testBackends.js';
import { fixtureModelNames, fixtureParams, readFixtureModel, readModelFixture } from '../../test/modelFixture.js';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { eosId, padId } from '../text/specialIds.js';
import { ColdstartError, DataError, UsageError } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { initParams } from '../model/init.js';
import { outputMatrix } from '../model/parameters.js';
import { decode, encode } from '../model/transformer.js';
import { beamSearch, type BeamSearchOptions, type Hypothesis } from './beamSearch.js';

interface DecodeFixture {
  readonly sources: number[][];
  readonly max_len_a: number;
  readonly max_len_b: number;
  readonly greedy: { tokens: number[]; sum_logprob: number }[];
  readonly runs: {
    beam: number;
    lenpen: number;
    sentences: { hypotheses: { tokens: number[]; score: number; positional_scores: number[] }[] }[];
  }[];
}

function assertScores(found: readonly number[], expected: readonly number[], what: string): void {
  assert.equal(found.length, expected.length, what);
  expected.forEach((value, i) =>
    assert.ok(Math.abs(found[i] - value) <= 1e-4, `${what}[${i}]: found ${found[i]}, expected ${value}`),
  );
}

for (const backend of testBackends) {
  for (const name of fixtureModelNames) {
    describe(`beam search with ${name} on ${backend} equals the reference`, () => {
      let params: Map<string, Tensor>;
      before(async () => {
        await selectBackend(backend);
        params = fixtureParams(name);
      });
      after(() => disposeParams(params));

      const fixture = readModelFixture<DecodeFixture>(`${name}/decode.json`);
      const search = (sources: number[][], beamSize: number, lengthPenalty: number): Promise<Hypothesis[][]> => {
        const { config } = readFixtureModel(name);
        return beamSearch(
          params,
          config,
          sources.map((ids) => Int32Array.from(ids)),
          { beamSize, lengthPenalty, maxLenA: fixture!.max_len_a, maxLenB: fixture!.max_len_b },
        );
      };

      test('all beam sizes and length penalties, sentences together and separately', async () => {
        const start = memory().numTensors;
        for (const { beam, lenpen, sentences } of fixture!.runs) {
          const check = (found: Hypothesis[], i: number): void => {
            const what = `beam ${beam}, lenpen ${lenpen}, sentence ${i}`;
            const expected = sentences[i].hypotheses;
            assert.deepEqual(
              found.map(({ tokens }) => tokens),
              expected.map(({ tokens }) => tokens),
              what,
            );
            assertScores(
              found.map(({ score }) => score),
              expected.map(({ score }) => score),
              `${what} score`,
            );
            found.forEach(({ positionalScores }, rank) =>
              assertScores(positionalScores, expected[rank].positional_scores, `${what}, hypothesis ${rank}`),
            );
          };
          (await search(fixture!.sources, beam, lenpen)).forEach(check);
          await nextTurn(); // frees what a GPU's work left behind
          if (backend === 'webgpu') continue; // one by one would take minutes on a software device
          for (const [i, source] of fixture!.sources.entries()) check((await search([source], beam, lenpen))[0], i);
        }
        assert.equal(memory().numTensors, start);
      });

      test('beam 1 is greedy search', async () => {
        (await search(fixture!.sources, 1, 0)).forEach(([found], i) => {
          assert.deepEqual(found.tokens, fixture!.greedy[i].tokens);
          assertScores([found.score], [fixture!.greedy[i].sum_logprob], `sentence ${i}`);
        });
      });
    });
  }
}

/** Log-probabilities of the token after a prefix, by the whole decoder without caches. */
function nextLogProbs(params: Params, config: ModelConfig, source: number[], prefix: number[]): Float64Array {
  const tokens = (ids: number[]) => ({
    ids: tensor1d(ids, 'int32'),
    lengths: tensor1d([ids.length], 'int32'),
    batch: 1,
    length: ids.length,
  });
  const pass = new ForwardPass(config);
  const logits = tidy(() => {
    const hidden = decode(params, tokens([eosId, ...prefix]), encode(params, tokens(source), pass), pass);
    return matMul(hidden as Tensor2D, outputMatrix(params) as Tensor2D, false, true)
      .dataSync<'float32'>()
      .slice(-config.trgVocabSize);
  });
  const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  return Float64Array.from(logits, (logit) => logit - total);
}

/** Beam search for one sentence, by sorting every continuation and decoding every prefix again. */
function slowBeamSearch(
  params: Params,
  config: ModelConfig,
  source: number[],
  { beamSize, lengthPenalty, maxLenA, maxLenB }: BeamSearchOptions,
): Hypothesis[] {
  const maxLen = Math.floor(maxLenA * source.length + maxLenB);
  const finished: Hypothesis[] = [];
  let live: { tokens: number[]; positionalScores: number[]; total: number }[] = [
    { tokens: [], positionalScores: [], total: 0 },
  ];
  for (let step = 0; finished.length < beamSize && live.length > 0; step++) {
    const allowed = (token: number) =>
      token !== padId && (step > 0 || token !== eosId) && (step < maxLen || token === eosId);
    const candidates = live.flatMap(({ tokens, positionalScores, total }) =>
      [...nextLogProbs(params, config, source, tokens)].flatMap((logProb, token) =>
        allowed(token)
          ? [{ tokens: [...tokens, token], positionalScores: [...positionalScores, logProb], total: total + logProb }]
          : [],
      ),
    );
    const best = candidates.sort((a, b) => b.total - a.total).slice(0, 2 * beamSize);
    const ends = ({ tokens }: { tokens: number[] }) => tokens.at(-1) === eosId;
    const done = best
      .slice(0, beamSize)
      .filter(ends)
      .slice(0, beamSize - finished.length);
    finished.push(
      ...done.map(({ tokens, positionalScores, total }) => ({
        tokens,
        positionalScores,
        score: total / (step + 1) ** lengthPenalty,
      })),
    );
    live = best.filter((candidate) => !ends(candidate)).slice(0, beamSize);
  }
  return finished.sort((a, b) => b.score - a.score);
}

const smallConfig: ModelConfig = {
  srcVocabSize: 9,
  trgVocabSize: 6,
  dModel: 8,
  dFf: 12,
  numHeads: 2,
  numEncoderLayers: 1,
  numDecoderLayers: 2,
  sharing: 'none',
  layerNormEps: 1e-5,
  dropout: 0.3,
  attentionDropout: 0,
  reluDropout: 0,
};

// thousands of searches without a turn of the event loop are nothing for a GPU
for (const backend of testBackends.filter((name) => name !== 'webgpu')) {
  describe(`beam search on ${backend}`, () => {
    let params: Map<string, Tensor>;
    before(async () => {
      await selectBackend(backend);
      params = initParams(smallConfig, { method: 'xavier', seed: 4 });
    });
    after(() => disposeParams(params));
    const options: BeamSearchOptions = { beamSize: 3, lengthPenalty: 1, maxLenA: 1, maxLenB: 2 };
    const search = (sources: number[][], change: Partial<BeamSearchOptions> = {}) =>
      beamSearch(
        params,
        smallConfig,
        sources.map((ids) => Int32Array.from(ids)),
        { ...options, ...change },
      );

    test('sentences of any length together give the results of each decoded separately without caches, also with fewer continuations than hypotheses', async () => {
      const sources = [[5, 8, 4, 7, 2], [2], [6, 2], [3, 4, 4, 8, 2], [7, 5, 2]];
      const start = memory().numTensors;
      for (const beamSize of [1, 2, 5, 7]) {
        (await search(sources, { beamSize })).forEach((found, i) => {
          const expected = slowBeamSearch(params, smallConfig, sources[i], { ...options, beamSize });
          assert.deepEqual(
            found.map(({ tokens }) => tokens),
            expected.map(({ tokens }) => tokens),
            `beam ${beamSize}, sentence ${i}`,
          );
          assertScores(
            found.map(({ score }) => score),
            expected.map(({ score }) => score),
            `beam ${beamSize}, sentence ${i}`,
          );
          found.forEach(({ positionalScores }, rank) =>
            assertScores(positionalScores, expected[rank].positionalScores, 'positional'),
          );
        });
      }
      assert.equal(memory().numTensors, start);
    });

    test('no source, no hypotheses', async () => assert.deepEqual(await search([]), []));

    test('bad options, sources and parameters are named', async () => {
      const start = memory().numTensors;
      await assert.rejects(
        () => search([[2]], { beamSize: 0 }),
        (error: Error) =>
          error instanceof UsageError && /beamSize is 0, expected an integer from 1 to 1000\./.test(error.message),
      );
      await assert.rejects(() => search([[2]], { maxLenA: 0, maxLenB: 0 }), /room for one token/);
      await assert.rejects(
        () =>
          search([
            [4, 2],
            [4, 5],
          ]),
        (error: Error) =>
          error instanceof DataError && /source 1 does not end with eosId \(2\): \[4, 5\]/.test(error.message),
      );
      await assert.rejects(
        () => search([[9, 2]]),
        /source 0 holds id 9, outside the model's source vocabulary of 9 entries/,
      );
      const broken = new Map(params).set('decoder.layers.1.fc2.bias', tensor(new Float32Array(8).fill(NaN)));
      await assert.rejects(
        () => beamSearch(broken, smallConfig, [Int32Array.of(2)], options),
        (error: ColdstartError) => error.code === 'NOT_FINITE',
      );
      broken.get('decoder.layers.1.fc2.bias')!.dispose();
      assert.equal(memory().numTensors, start);
    });
  });
}
