// How fast a training step could be at most. Times three things: its matrix products in the step's order, each on
// separate operands as in the step; whole steps; and the step's kernels without such products. Attention's products
// count among the other kernels. Rounds alternate; medians.
//   node bench/productsAlone.mjs --backend native --arch tiny --sentences 256 --length 16 --rounds 7
import { parseOptions } from './options.mjs';
import { matMul, profile, randomUniform, scalar, tidy } from '@tensorflow/tfjs-core';
import { selectBackend } from '../dist/src/backend/select.js';
import { median } from './commandTime.mjs';
import { trainingStep } from './trainingStep.mjs';

const { values } = parseOptions({
  options: {
    backend: { type: 'string', default: 'native' },
    arch: { type: 'string', default: 'tiny' },
    sentences: { type: 'string', default: '256' },
    length: { type: 'string', default: '16' },
    rounds: { type: 'string', default: '7' },
  },
});
const backend = await selectBackend(values.backend);
const { config, batch, step } = trainingStep(values);

/** Kernels that spend almost all their time in the products measured separately here. */
const productKernels = /CrossEntropy|Linear(s)?(Grad)?$/;

/** Milliseconds of a step's kernels that contain none of these products. */
async function otherKernels() {
  const { kernels } = await profile(async () => {
    await step();
    return scalar(0);
  });
  // other names are scopes around kernels
  return kernels.reduce(
    (sum, { name, kernelTimeMs }) => sum + (name === 'unnamed scope' || productKernels.test(name) ? 0 : kernelTimeMs),
    0,
  );
}

const { dModel: d, dFf } = config;
const rows = batch.numSentences * batch.srcLength;
const random = (height, width) => randomUniform([height, width], -1, 1);
const layer = (inputs, outputs) => ({ x: random(rows, inputs), w: random(inputs, outputs), dy: random(rows, outputs) });
const feedForward = () => [layer(d, dFf), layer(dFf, d)];
const projections = (times) => Array.from({ length: 4 * times }, () => layer(d, d)); // queries, keys, values, output
const layers = [
  ...Array.from({ length: config.numEncoderLayers }, () => [...projections(1), ...feedForward()]).flat(),
  ...Array.from({ length: config.numDecoderLayers }, () => [...projections(2), ...feedForward()]).flat(),
];
const embedding = random(config.trgVocabSize, d);
const blockRows = 256;
const hidden = Array.from({ length: Math.ceil(rows / blockRows) }, () => random(blockRows, d));

function products() {
  const started = performance.now();
  for (const { x, w } of layers) matMul(x, w).dispose();
  const forward = performance.now();
  for (const h of hidden) {
    const logits = matMul(h, embedding, false, true);
    matMul(logits, embedding).dispose();
    matMul(logits, h, true, false).dispose();
    logits.dispose();
  }
  const loss = performance.now();
  for (const { x, w, dy } of layers.toReversed()) {
    matMul(dy, w, false, true).dispose();
    matMul(x, dy, true, false).dispose();
  }
  return { forward: forward - started, loss: loss - forward, backward: performance.now() - loss };
}

await step();
tidy(products);
const measured = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const started = performance.now();
  await step();
  const whole = performance.now() - started;
  const alone = products();
  measured.push({
    step: whole,
    ...alone,
    products: alone.forward + alone.loss + alone.backward,
    other: await otherKernels(),
  });
}
const ms = Object.fromEntries(Object.keys(measured[0]).map((key) => [key, median(measured.map((each) => each[key]))]));
console.log(
  `${backend}, ${values.arch}, ${values.sentences} x ${values.length}, medians of ${values.rounds} rounds in ms`,
);
console.table({
  'whole step': { ms: +ms.step.toFixed(1) },
  'products alone': { ms: +ms.products.toFixed(1) },
  '  linear layers, forward': { ms: +ms.forward.toFixed(1) },
  '  loss': { ms: +ms.loss.toFixed(1) },
  '  linear layers, backward': { ms: +ms.backward.toFixed(1) },
  'kernels without them': { ms: +ms.other.toFixed(1) },
});
console.log(
  `With products as fast as in isolation the step would be ${(ms.step / (ms.products + ms.other)).toFixed(2)} times as fast; with nothing but products, ${(ms.step / ms.products).toFixed(2)} times.`,
);
