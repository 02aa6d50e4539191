import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { withoutGpu } from '../../test/testBackends.js';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { loadedGpuBackend } from '../backend/webgpu/loadWebGpu.js';
import { makeBatch } from '../data/batch.js';
import { architectures, type ModelConfig } from '../model/config.js';
import { initParams } from '../model/init.js';
import { eosId } from '../text/specialIds.js';
import { applyUpdate } from './applyUpdate.js';
import { disposeOptimizerState } from './optimizer.js';
import { createOptimizer } from './optimizers.js';
import { updateGradients } from './trainUpdate.js';

describe('programs that an update starts on a GPU', { skip: withoutGpu }, () => {
  // narrow layers: the number depends on how many there are
  for (const [name, most] of [
    ['tiny', 200],
    ['iwslt', 290],
  ] as const)
    test(`at most ${most} for ${name}`, async () => {
      await selectBackend('webgpu');
      const backend = await loadedGpuBackend();
      const config: ModelConfig = {
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
      };
      const batch = makeBatch([
        { src: [4, 5, 6, eosId], trg: [7, 8, eosId] },
        { src: [9, 10, eosId], trg: [11, 12, 13, eosId] },
      ]);
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
        const gradients = await updateGradients(params, [batch], {
          config,
          labelSmoothing: 0.1,
          seed: 1,
          update,
          precision: 'fp32',
        });
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
});
