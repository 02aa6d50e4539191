import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { div } from '@tensorflow/tfjs-core';
import { withoutGpu } from '../../test/testBackends.js';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { loadedGpuBackend } from '../backend/webgpu/loadWebGpu.js';
import { makeBatch, type Batch } from '../data/batch.js';
import { gradInit } from '../gradinit/gradInit.js';
import { architectures, type ModelConfig } from '../model/config.js';
import { initParams } from '../model/init.js';
import { translationLoss } from '../model/loss.js';
import { eosId } from '../text/specialIds.js';
import { applyUpdate } from './applyUpdate.js';
import { disposeOptimizerState } from './optimizer.js';
import { createOptimizer } from './optimizers.js';
import { updateGradients, type UpdateOptions } from './trainUpdate.js';

/** A model of this depth with narrow layers: the number of programs depends on how many layers there are. */
const configOf = (name: 'tiny' | 'iwslt'): ModelConfig => ({
  ...architectures[name],
  dModel: 16,
  dFf: 32,
  srcVocabSize: 30,
  trgVocabSize: 30,
  sharing: 'tied',
  layerNormEps: 1e-5,
  dropout: 0.1,
  attentionDropout: 0,
  reluDropout: 0,
});

const batch = makeBatch([
  { src: [4, 5, 6, eosId], trg: [7, 8, eosId] },
  { src: [9, 10, eosId], trg: [11, 12, 13, eosId] },
]);

const optionsOf = (config: ModelConfig, update = 0): UpdateOptions => ({
  config,
  labelSmoothing: 0.1,
  seed: 1,
  update,
  precision: 'fp32',
});

describe('programs that an update starts on a GPU', { skip: withoutGpu }, () => {
  for (const [name, most] of [
    ['tiny', 200],
    ['iwslt', 290],
  ] as const)
    test(`at most ${most} for ${name}`, async () => {
      await selectBackend('webgpu');
      const backend = await loadedGpuBackend();
      const config = configOf(name);
      const optimizer = createOptimizer({
        optimizer: 'adam',
        beta1: 0.9,
        beta2: 0.98,
        eps: 1e-8,
        weightDecay: 0.01,
        secondMomentStart: 'zeros',
      });
      let params: Params = initParams(config, { method: 'fairseq', seed: 1 });
      let state = optimizer.init(params);
      const programs: number[] = [];
      for (let update = 0; update < 2; update++) {
        const before = backend.dispatches;
        const gradients = await updateGradients(params, [batch], optionsOf(config, update));
        const options = {
          schedule: 'constant',
          lr: 1e-3,
          warmupUpdates: 0,
          warmupInitLr: -1,
          minLr: 0,
          maxUpdates: 2,
          clipNorm: 0.1,
        } as const;
        ({ params, state } = applyUpdate({ optimizer, options, update }, gradients, params, state));
        programs.push(backend.dispatches - before);
      }
      disposeParams(params);
      disposeOptimizerState(state);
      assert.ok(programs[1] > 100 && programs[1] <= most, `found ${programs.join(', ')}`);
    });

  for (const [branch, gamma, most] of [
    ['objective', Infinity, 1800],
    ['constraint', 1e-9, 6600],
  ] as const)
    test(`at most ${most} in an iteration of GradInit on tiny, ${branch}`, async () => {
      await selectBackend('webgpu');
      const backend = await loadedGpuBackend();
      const config = { ...configOf('tiny'), dropout: 0 };
      const params: Params = initParams(config, { method: 'fairseq', seed: 1 });
      const started: number[] = []; // until the end of each iteration
      const { params: learned, report } = await gradInit({
        params,
        loss: (p, b: Batch) => div(translationLoss(p, b, { config, labelSmoothing: 0.1 }).lossSum, b.trgTokens),
        batches: () => ({ first: batch, second: batch }),
        algorithm: 'adam',
        gamma,
        iterations: 2,
        onIteration: () => started.push(backend.dispatches),
      });
      disposeParams(learned);
      disposeParams(params);
      assert.equal(report.iterations[1].branch, branch);
      const programs = started[1] - started[0];
      assert.ok(programs > 1000 && programs <= most, `found ${programs}`);
    });

  test('a turn of the event loop has those of one batch, however many batches an update has', async () => {
    await selectBackend('webgpu');
    const backend = await loadedGpuBackend();
    const config = configOf('tiny');
    const params: Params = initParams(config, { method: 'fairseq', seed: 1 });
    const programsOf = async (numBatches: number): Promise<number[]> => {
      const inTurns: number[] = [];
      let before = backend.dispatches;
      let isDone = false;
      const endTurn = (): void => {
        inTurns.push(backend.dispatches - before);
        before = backend.dispatches;
        if (!isDone) setImmediate(endTurn);
      };
      setImmediate(endTurn);
      const batches = Array.from({ length: numBatches }, () => batch);
      const { gradients } = await updateGradients(params, batches, optionsOf(config));
      isDone = true;
      disposeParams(gradients);
      return inTurns.filter((programs) => programs > 0);
    };
    const [ofOne] = await programsOf(1);
    const ofSix = await programsOf(6);
    disposeParams(params);
    assert.ok(ofOne > 100);
    assert.ok(ofSix.length >= 6, `${ofSix}`);
    // a batch, and the sums of gradients that follow it: a program for each parameter, twice after the fourth batch
    assert.ok(Math.max(...ofSix) < 3 * ofOne, `one batch: ${ofOne}; turns of six: ${ofSix}`);
  });
});
