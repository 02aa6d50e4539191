// A whole training step on a synthetic batch, for the benches that look inside it.
import { awaitUpdate, benchmarkBatch, benchmarkModel } from '../dist/src/benchmark/benchmarks.js';
import { initParams } from '../dist/src/model/init.js';
import { createOptimizer } from '../dist/src/train/optimizers.js';
import { updateGradients } from '../dist/src/train/trainUpdate.js';

/** @returns the model, its batch, and a function that makes one update and waits for its end */
export function trainingStep({ arch, sentences, length, precision = 'fp32' }) {
  const config = benchmarkModel(arch);
  const batch = benchmarkBatch({ arch, numSentences: Number(sentences), length: Number(length), repeats: 1 });
  const optimizer = createOptimizer({ optimizer: 'adam', beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0 });
  let params = initParams(config, { method: 'fairseq', seed: 1 });
  let state = optimizer.init(params);
  let update = 0;
  const step = async () => {
    const { gradients, trgTokens } = await updateGradients(params, [batch], {
      config,
      labelSmoothing: 0.1,
      seed: 1,
      update: update++,
      precision,
    });
    ({ params, state } = optimizer.update(gradients, state, params, { lr: 5e-4, gradientScale: 1 / trgTokens }));
    await awaitUpdate(params);
  };
  return { config, batch, step };
}
