// Where the time of a training step goes, kernel by kernel.
//   node bench/profileTraining.mjs --backend wasm --arch tiny --sentences 256 --length 16
import { parseArgs } from 'node:util';
import { profile, scalar } from '@tensorflow/tfjs-core';
import { selectBackend } from '../dist/backend/select.js';
import { benchmarkBatch, benchmarkModel } from '../dist/experiment/benchmarks.js';
import { initParams } from '../dist/model/init.js';
import { createOptimizer } from '../dist/train/optimizer.js';
import { updateGradients } from '../dist/train/trainUpdate.js';

const { values } = parseArgs({ options: {
  backend: { type: 'string', default: 'auto' }, arch: { type: 'string', default: 'tiny' },
  precision: { type: 'string', default: 'fp32' }, sentences: { type: 'string', default: '256' }, length: { type: 'string', default: '16' },
} });
const backend = await selectBackend(values.backend);
const config = benchmarkModel(values.arch);
const batch = benchmarkBatch({ arch: values.arch, numSentences: Number(values.sentences), length: Number(values.length), repeats: 1 });
let params = initParams(config, { method: 'fairseq', seed: 1 });
const optimizer = createOptimizer({ optimizer: 'adam', beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0 });
let state = optimizer.init(params);

function step(update) {
  const { gradients, trgTokens } = updateGradients(params, [batch], { config, labelSmoothing: 0.1, seed: 1, update, precision: values.precision });
  ({ params, state } = optimizer.update(gradients, state, params, { lr: 5e-4, gradientScale: 1 / trgTokens }));
}

step(0);
const started = performance.now();
const { kernels } = await profile(() => {
  step(1);
  return scalar(0);
});
const total = performance.now() - started;
const rows = new Map();
for (const { name, kernelTimeMs } of kernels) {
  const row = rows.get(name) ?? { calls: 0, ms: 0 };
  rows.set(name, { calls: row.calls + 1, ms: row.ms + kernelTimeMs });
}
const slowest = [...rows].sort((a, b) => b[1].ms - a[1].ms).slice(0, 25);
console.log(`${backend}, ${values.arch}, ${values.sentences} x ${values.length}: ${total.toFixed(0)} ms with profiling`);
console.table(Object.fromEntries(slowest.map(([name, { calls, ms }]) => [name, { calls, ms: +ms.toFixed(1), percent: +((100 * ms) / total).toFixed(1) }])));
