// Where the time of a training step goes, kernel by kernel.
//   node bench/profileTraining.mjs --backend wasm --arch tiny --sentences 256 --length 16
import { parseOptions } from './options.mjs';
import { profile, scalar } from '@tensorflow/tfjs-core';
import { selectBackend } from '../dist/src/backend/select.js';
import { trainingStep } from './trainingStep.mjs';

const { values } = parseOptions({
  options: {
    backend: { type: 'string', default: 'auto' },
    arch: { type: 'string', default: 'tiny' },
    precision: { type: 'string', default: 'fp32' },
    sentences: { type: 'string', default: '256' },
    length: { type: 'string', default: '16' },
  },
});
const backend = await selectBackend(values.backend);
const { step } = trainingStep(values);

await step();
const started = performance.now();
const { kernels } = await profile(async () => {
  await step();
  return scalar(0);
});
const total = performance.now() - started;
const rows = new Map();
for (const { name, kernelTimeMs } of kernels) {
  const row = rows.get(name) ?? { calls: 0, ms: 0 };
  rows.set(name, { calls: row.calls + 1, ms: row.ms + kernelTimeMs });
}
const slowest = [...rows].sort((a, b) => b[1].ms - a[1].ms).slice(0, 25);
console.log(
  `${backend}, ${values.arch}, ${values.sentences} x ${values.length}: ${total.toFixed(0)} ms with profiling`,
);
console.table(
  Object.fromEntries(
    slowest.map(([name, { calls, ms }]) => [
      name,
      { calls, ms: +ms.toFixed(1), percent: +((100 * ms) / total).toFixed(1) },
    ]),
  ),
);
