// A whole training step (loss, gradients, Adam) on a synthetic batch, its share of the backend's own matrix-product rate, and
// with --profile where the time goes, kernel by kernel.
//   node bench/trainingStep.mjs --backend wasm --arch tiny --sentences 256 --length 16 --steps 5 --profile
import { parseArgs } from 'node:util';
import { memory, profile, scalar } from '@tensorflow/tfjs-core';
import { measureMatmulGflops, selectBackend } from '../dist/backend/select.js';
import { disposeParams, valueAndGradients } from '../dist/backend/params.js';
import { architectures } from '../dist/model/config.js';
import { initParams } from '../dist/model/init.js';
import { translationLoss } from '../dist/model/loss.js';
import { trainingFlops } from '../dist/model/trainingFlops.js';
import { createOptimizer, disposeOptimizerState } from '../dist/train/optimizer.js';

const { values } = parseArgs({ options: {
  backend: { type: 'string', default: 'wasm' }, arch: { type: 'string', default: 'tiny' }, sentences: { type: 'string', default: '256' },
  length: { type: 'string', default: '16' }, steps: { type: 'string', default: '5' }, vocab: { type: 'string', default: '9800' },
  dropout: { type: 'string', default: '0.3' }, profile: { type: 'boolean', default: false },
} });
const [numSentences, length, steps, vocabSize] = [values.sentences, values.length, values.steps, values.vocab].map(Number);
const backend = await selectBackend(values.backend);
const config = {
  ...architectures[values.arch], srcVocabSize: vocabSize, trgVocabSize: vocabSize, sharing: 'tied', layerNormEps: 1e-5,
  dropout: Number(values.dropout), attentionDropout: 0, reluDropout: 0,
};
const ids = (salt) => Int32Array.from({ length: numSentences * length }, (_, i) => 4 + ((i * 7919 + salt * 104729) % (vocabSize - 4)));
const trgTokens = numSentences * length;
const batch = {
  indices: new Int32Array(numSentences), numSentences, srcLength: length, trgLength: length,
  src: ids(1), trgIn: ids(2), trgOut: ids(3), srcTokens: trgTokens, trgTokens,
};

const optimizer = createOptimizer({ optimizer: 'adam', beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0 });
let params = initParams(config, { method: 'fairseq', seed: 1 });
let state = optimizer.init(params);
let step = 0;

function trainingStep() {
  const dropoutKey = { seed: 1, step: step++, microBatch: 0 };
  const { value, gradients } = valueAndGradients((p) => translationLoss(p, batch, { config, labelSmoothing: 0.1, dropoutKey }).lossSum, params);
  const updated = optimizer.update(gradients, state, params, { lr: 5e-4, gradientScale: 1 / trgTokens });
  disposeParams(params);
  disposeParams(gradients);
  disposeOptimizerState(state);
  ({ params, state } = updated);
  const loss = value.dataSync()[0] / trgTokens;
  value.dispose();
  return loss;
}

const peakGflops = measureMatmulGflops();
let loss = trainingStep();
const tensors = memory().numTensors;
const seconds = [];
for (let i = 0; i < steps; i++) {
  const start = performance.now();
  loss = trainingStep();
  seconds.push((performance.now() - start) / 1000);
}
if (memory().numTensors !== tensors) throw new Error(`${memory().numTensors - tensors} tensors leaked in ${steps} steps`);
const median = seconds.sort((a, b) => a - b)[Math.floor(steps / 2)];
const gflops = trainingFlops(config, { numSentences, srcLength: length, trgLength: length }) / median / 1e9;
console.log(JSON.stringify({
  backend, arch: values.arch, sentences: numSentences, length, loss: +loss.toFixed(4), s_per_step: +median.toFixed(3),
  target_tokens_per_s: Math.round(trgTokens / median), gflops: +gflops.toFixed(1), matmul_gflops: +peakGflops.toFixed(1),
  share_of_matmul: +(gflops / peakGflops).toFixed(3), peak_memory_mb: Math.round(process.resourceUsage().maxRSS / 1024),
}));

if (values.profile) {
  const start = performance.now();
  const { kernels } = await profile(() => {
    trainingStep();
    return scalar(0);
  });
  const total = performance.now() - start;
  const rows = new Map();
  for (const { name, kernelTimeMs } of kernels) {
    const row = rows.get(name) ?? { calls: 0, ms: 0 };
    rows.set(name, { calls: row.calls + 1, ms: row.ms + kernelTimeMs });
  }
  const slowest = [...rows].sort((a, b) => b[1].ms - a[1].ms).slice(0, 25);
  console.table(Object.fromEntries(slowest.map(([name, { calls, ms }]) => [name, { calls, ms: +ms.toFixed(1) }])));
  console.log(`step with profiling ${total.toFixed(0)} ms`);
}
