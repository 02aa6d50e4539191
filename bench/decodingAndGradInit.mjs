// Two rows of docs/notes/performance.md as medians of alternating pairs in one run: translation on the native engine
// and on wasm, and GradInit's iterations compared with training steps.
//   node bench/decodingAndGradInit.mjs --checkpoint runs/multi30k/average.safetensors --text runs/multi30k/text --input test.en.gz
//   node bench/decodingAndGradInit.mjs --only gradinit --arch iwslt --sentences 80 --length 25
// The checkpoint is a trained one, since a random model ends its sentences late. wasm translates every fourth sentence
// of the text, the native engine all of them: sentences per second are compared. Prints a table; --json prints JSON
// instead.
import { parseOptions } from './options.mjs';
import { div } from '@tensorflow/tfjs-core';
import { nativeBackend } from '../dist/src/backend/native/loadNative.js';
import { disposeParams } from '../dist/src/backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../dist/src/backend/select.js';
import { gradInitParts } from '../dist/src/data/batch.js';
import { openTextPipeline } from '../dist/src/text/textPipeline.js';
import { translate } from '../dist/src/decode/translate.js';
import { benchmarkBatch, benchmarkModel } from '../dist/src/benchmark/benchmarks.js';
import { defaultStep, gradInit, releasedDefaults } from '../dist/src/gradinit/gradInit.js';
import { initParams } from '../dist/src/model/init.js';
import { translationLoss } from '../dist/src/model/loss.js';
import { withUnmovedOutputProjection } from '../dist/src/model/parameters.js';
import { readLineBlocks } from '../dist/src/storage/lines.js';
import { readCheckpoint, toTensors } from '../dist/src/train/checkpoint.js';
import { disposeOptimizerState } from '../dist/src/train/optimizer.js';
import { createOptimizer } from '../dist/src/train/optimizers.js';
import { updateGradients } from '../dist/src/train/trainUpdate.js';

const { values } = parseOptions({
  options: {
    checkpoint: { type: 'string' },
    text: { type: 'string' },
    only: { type: 'string' },
    pairs: { type: 'string', default: '5' },
    input: { type: 'string' }, // lines to translate, in subwords as the checkpoint's text
    beam: { type: 'string', default: '5' },
    arch: { type: 'string', default: 'tiny' },
    sentences: { type: 'string', default: '256' },
    length: { type: 'string', default: '16' },
    json: { type: 'boolean', default: false },
  },
});
const numPairs = Number(values.pairs);
const wasmEvery = 4;
const note = (line) => console.error(line);

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Wall seconds and processor seconds of `work`. */
async function timed(work) {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

const summary = (numbers) => ({
  median: +median(numbers).toFixed(3),
  least: +Math.min(...numbers).toFixed(3),
  most: +Math.max(...numbers).toFixed(3),
});

async function translationRow() {
  const { config, params: stored } = readCheckpoint(values.checkpoint);
  const pipeline = await openTextPipeline(values.text);
  const lines = [];
  for await (const block of readLineBlocks(values.input)) lines.push(...block);
  const sources = await pipeline.encodeSources(lines);
  await pipeline.close();
  const options = {
    beamSize: Number(values.beam),
    lengthPenalty: 1,
    maxLenA: 1.2,
    maxLenB: 10,
    maxTokens: 4096,
    maxSentences: 128,
  };
  const fewer = sources.filter((_, i) => i % wasmEvery === 0);
  const tokensOf = {};
  const run = async (backend, texts) => {
    await selectBackend(backend);
    const params = toTensors(stored);
    let found;
    const time = await timed(async () => {
      found = await translate(params, config, texts, options);
    });
    disposeParams(params);
    tokensOf[backend] = found.hypotheses.map(([best]) => best.tokens.join(' '));
    return { ...time, rate: texts.length / time.seconds, cpuRate: texts.length / time.cpuSeconds };
  };
  await run('native', fewer); // code and primitives are compiled once
  await run('wasm', fewer.slice(0, 20));
  const pairs = [];
  for (let i = 0; i < numPairs; i++) {
    const native = await run('native', sources);
    const wasm = await run('wasm', fewer);
    pairs.push({ native, wasm });
    note(
      `native ${native.rate.toFixed(1)} sentences/s, wasm ${wasm.rate.toFixed(1)}: ${(native.rate / wasm.rate).toFixed(2)}`,
    );
  }
  const different = tokensOf.wasm.filter((tokens, i) => tokens !== tokensOf.native[i * wasmEvery]).length;
  return {
    sentences: sources.length,
    wasmSentences: fewer.length,
    beam: options.beamSize,
    pairs: numPairs,
    nativeSentencesPerSecond: summary(pairs.map(({ native }) => native.rate)),
    wasmSentencesPerSecond: summary(pairs.map(({ wasm }) => wasm.rate)),
    ratio: summary(pairs.map(({ native, wasm }) => native.rate / wasm.rate)),
    processorTimeRatio: summary(pairs.map(({ native, wasm }) => native.cpuRate / wasm.cpuRate)),
    translationsThatDiffer: different,
  };
}

async function gradInitRow() {
  await selectBackend('native');
  const { addon } = nativeBackend();
  const task = { arch: values.arch, numSentences: Number(values.sentences), length: Number(values.length), repeats: 1 };
  const config = benchmarkModel(task.arch);
  const batch = benchmarkBatch(task);
  for (let row = 0; row < batch.numSentences; row++)
    batch.src[(row + 1) * batch.srcLength - 1] = batch.trgOut[(row + 1) * batch.trgLength - 1] = 2; // eosId
  const parts = gradInitParts(batch);
  let params = initParams(config, { method: 'fairseq', seed: 1 });
  const optimizer = createOptimizer({ optimizer: 'adam', beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0 });
  let state = optimizer.init(params);
  let update = 0;
  const trainingStep = async () => {
    const { gradients, trgTokens } = await updateGradients(params, [batch], {
      config,
      labelSmoothing: 0.1,
      seed: 1,
      update: update++,
      precision: 'fp32',
    });
    const next = optimizer.update(gradients, state, params, { lr: 5e-4, gradientScale: 1 / trgTokens });
    disposeParams(gradients);
    disposeParams(params);
    disposeOptimizerState(state);
    ({ params, state } = next);
  };
  const initial = initParams(config, { method: 'fairseq', seed: 1 });
  const loss = (p, part) => div(translationLoss(p, part, { config, labelSmoothing: 0.1 }).lossSum, part.trgTokens);
  const iteration = (gamma) => async () => {
    const options = {
      ...defaultStep('adam'),
      ...releasedDefaults,
      variant: 'released',
      algorithm: 'adam',
      gamma,
      normalizeGrad: false,
      iterations: 1,
    };
    const stepLoss = (moved, current, part) => loss(withUnmovedOutputProjection(moved, current), part);
    disposeParams((await gradInit({ params: initial, loss, stepLoss, batches: () => parts, options })).params);
  };
  // each kind separately first: the memory it takes in addition to the parameters and the optimiser's state
  const kinds = { trainingStep, objective: iteration(Infinity), constraint: iteration(Number.MIN_VALUE) };
  const peakMegabytes = {};
  for (const [name, work] of Object.entries(kinds)) {
    await work();
    peakMegabytes[name] = Math.round(addon.memory().peakBytes / 2 ** 20);
  }
  const times = { trainingStep: [], objective: [], constraint: [] };
  for (let i = 0; i < numPairs; i++) {
    for (const [name, work] of Object.entries(kinds)) times[name].push(await timed(work));
    note(
      `training step ${times.trainingStep[i].seconds.toFixed(3)} s, objective ${times.objective[i].seconds.toFixed(3)} s, constraint ${times.constraint[i].seconds.toFixed(3)} s`,
    );
  }
  const inSteps = (name, which) => summary(times[name].map((time, i) => time[which] / times.trainingStep[i][which]));
  return {
    arch: task.arch,
    sentences: task.numSentences,
    length: task.length,
    pairs: numPairs,
    partSentences: [parts.first.numSentences, parts.second.numSentences],
    trainingStepSeconds: summary(times.trainingStep.map(({ seconds }) => seconds)),
    objectiveInSteps: inSteps('objective', 'seconds'),
    objectiveInStepsProcessorTime: inSteps('objective', 'cpuSeconds'),
    constraintInSteps: inSteps('constraint', 'seconds'),
    constraintInStepsProcessorTime: inSteps('constraint', 'cpuSeconds'),
    // in this order: a peak is not less than the one before
    peakMegabytes,
  };
}

const result = {};
if (values.only !== 'gradinit') {
  if (values.checkpoint === undefined || values.text === undefined) {
    console.error(
      'Name a trained checkpoint and its vocabularies with --checkpoint FILE --text DIR, or measure only GradInit with --only gradinit.',
    );
    process.exit(2);
  }
  result.translation = await translationRow();
}
if (values.only !== 'translation') result.gradInit = await gradInitRow();

if (values.json) console.log(JSON.stringify(result));
else {
  const show = (value) =>
    value?.median === undefined ? JSON.stringify(value) : `${value.median} (${value.least} to ${value.most})`;
  for (const [row, facts] of Object.entries(result)) {
    console.log(row);
    for (const [name, value] of Object.entries(facts)) console.log(`  ${name.padEnd(32)}${show(value)}`);
  }
}
