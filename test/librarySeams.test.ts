import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { dispose, mul, sign, sub, tidy, type Scalar } from '@tensorflow/tfjs-core';
import {
  adam,
  createBatches,
  createOptimizer,
  cycleBatches,
  disposeOptimizerState,
  disposeParams,
  gradInit,
  gradInitParts,
  initParams,
  integer,
  isCrossAttention,
  jsonObject,
  learnedInit,
  learningRate,
  loadConfig,
  meanLoss,
  openPreparedCorpus,
  optimizerKind,
  optimizerTable,
  ownInit,
  parameterGroup,
  passes,
  prepareCorpus,
  readCheckpoint,
  real,
  run,
  selectBackend,
  toTensors,
  train,
  translationLoss,
  valueAndGradients,
  variantDefaults,
  withMultipliers,
  withUnmovedOutputProjection,
  type Batch,
  type Config,
  type LearnedReport,
  type ModelConfig,
  type Params,
} from '../src/index.js';
import { tinyTask } from './tinyRun.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-seams-'));
after(() => rmSync(folder, { recursive: true }));
const at = (...path: string[]): string => join(folder, ...path);

before(async () => {
  await selectBackend('wasm');
  const words = ['a', 'b', 'c', 'd', 'e', 'f'];
  for (const side of ['de', 'en'])
    writeFileSync(
      at(`text.${side}`),
      words.flatMap((one) => words.map((other) => `${one} ${other} ${side}\n`)).join(''),
    );
  const pairs = { src: at('text.de'), trg: at('text.en') };
  await prepareCorpus(
    {
      outDir: at('data'),
      srcLang: 'de',
      trgLang: 'en',
      train: pairs,
      valid: pairs,
      subwords: { method: 'none' },
      vocabulary: { joined: true },
    },
    { workers: 1 },
  );
  writeFileSync(
    at('config.yaml'),
    `
seed: 5
backend: wasm
corpus: { dir: data, srcLang: de, trgLang: en }
model: { dModel: 16, dFf: 32, numHeads: 2, numEncoderLayers: 1, numDecoderLayers: 1, dropout: 0 }
train: { lr: 1e-2, warmupUpdates: 0, maxUpdates: 3, maxTokens: 40, validateBleu: false, keepEpochs: 0, logEveryUpdates: 1 }
record: { tensorBoard: false }
`,
  );
});

const configOf = (...settings: string[]): Config => loadConfig(at('config.yaml'), settings);
const json = (path: string): Record<string, never> => JSON.parse(readFileSync(path, 'utf8')) as Record<string, never>;
const valuesOf = (params: Params): [string, Float32Array][] =>
  [...params].map(([name, tensor]) => [name, tensor.dataSync<'float32'>()]);

test('an optimiser of a library user trains by name', async () => {
  const toy = optimizerKind({
    fields: { stride: real(0.5, 'length of a step in rates.', { above: 0, max: 1 }) },
    create: ({ stride }) => ({
      slots: [],
      init: () => ({ step: 0, slots: new Map() }),
      update(gradients, state, params, { lr }) {
        const moved = new Map(
          [...params].map(([name, tensor]) => [
            name,
            tidy(() => sub(tensor, mul(sign(gradients.get(name)!), lr * stride))),
          ]),
        );
        dispose([...params.values(), ...gradients.values()]);
        return { params: moved, state: { step: state.step + 1, slots: new Map() } };
      },
    }),
  });
  const optimizers = optimizerTable({ adam, toy });
  assert.throws(
    () => optimizers.create({ optimizer: 'toy', stride: 2 }),
    /train\.stride is 2, expected a number above 0 and at most 1/,
  );
  const task = tinyTask(folder, 'toy', { maxUpdates: 1, schedule: 'constant', warmupUpdates: 0, lr: 0.25 });
  const before = new Map(valuesOf(task.params).map(([name, values]) => [name, values.slice()]));
  const { params } = await train({ ...task, options: { ...task.options, optimizer: 'toy', stride: 0.5 }, optimizers });
  const moves = valuesOf(params).flatMap(([name, values]) =>
    Array.from(values, (value, i) => Math.abs(value - before.get(name)![i])),
  );
  assert.ok(moves.every((move) => move === 0 || Math.abs(move - 0.125) < 1e-6));
  assert.ok(moves.some((move) => move > 0));
  disposeParams(params);
});

const fields = {
  passes: integer(1, 'Batches to look at.', { min: 1, max: 4, unit: 'batches' }),
  factor: real(0.5, 'What every matrix is multiplied by.', { above: 0, max: 1 }),
};

/** Shrinks every matrix. */
const shrink = learnedInit<'shrink', typeof fields, LearnedReport>({
  name: 'shrink',
  fields,
  switch: { on: 'shrink.passes', off: '0' },
  isOn: ({ passes: count }) => count > 0,
  learn({ settings, drawn, model, ...task }) {
    const next = cycleBatches(task);
    const uses = Array.from({ length: settings.passes }, (_, i) => {
      const batch = next();
      const loss = meanLoss(task.train, model)(drawn, batch);
      task.onIteration({ iteration: i + 1, seconds: 0.1 }, `loss ${loss.dataSync()[0]}`);
      loss.dispose();
      return { trgTokens: batch.trgTokens, passes: passes.forward };
    });
    const factorOf = (rank: number): number => (rank === 2 ? settings.factor : 1);
    const params = new Map([...drawn].map(([name, tensor]) => [name, mul(tensor, factorOf(tensor.rank))]));
    const scales = Object.fromEntries([...drawn].map(([name, { rank }]) => [name, factorOf(rank)]));
    return Promise.resolve({ params, report: { scales, seconds: 0.1 * settings.passes }, uses });
  },
  uses({ settings, ...task }) {
    const next = cycleBatches(task);
    return {
      total: settings.passes,
      maxTokens: task.train.maxTokens,
      next: () => {
        const { trgTokens } = next();
        return () => [{ trgTokens, passes: passes.forward }];
      },
    };
  },
  describe: () => ({ iterations: [] }),
  reportShape: jsonObject({}),
});

describe('a learned initialisation of a library user', () => {
  const runWith = (name: string, init = ownInit(shrink, { passes: 2 }), ...settings: string[]) =>
    run({ config: configOf(...settings), runDir: at(name), resume: false, ignoreMemory: true, init });

  test('a run learns with it, counts its cost, and is this run again', async () => {
    const stages: string[] = [];
    const { scores } = await run({
      config: configOf('train.maxUpdates=4', 'train.countInit=true'),
      runDir: at('shrunk'),
      resume: false,
      ignoreMemory: true,
      init: ownInit(shrink, { passes: 2 }),
      onEvent: (event) => {
        if (event.event === 'progress' && event.stage === 'shrink')
          stages.push(`${event.stage} ${event.done} of ${event.total}`);
      },
    });
    assert.deepEqual(stages, ['shrink 1 of 2', 'shrink 2 of 2']);
    assert.equal(scores.updates, 3); // a forward pass of two batches is less than one update
    const report = json(at('shrunk', 'gradinit.json'));
    assert.deepEqual([report.method, report.scales['decoder.layers.0.fc1.weight']], ['shrink', 0.5]);
    const { config: model, params } = readCheckpoint(at('shrunk', 'initial.safetensors'));
    const drawn = initParams(model, { method: 'fairseq', seed: 5 });
    const learned = toTensors(params);
    for (const [name, values] of valuesOf(drawn)) {
      const factor = drawn.get(name)!.rank === 2 ? 0.5 : 1;
      assert.deepEqual(
        learned.get(name)!.dataSync(),
        values.map((value) => value * factor),
        name,
      );
    }
    for (const all of [drawn, learned]) disposeParams(all);
    const again = ['train.maxUpdates=4', 'train.countInit=true'];
    assert.equal((await runWith('shrunk', undefined, ...again)).alreadyComplete, true);
    await assert.rejects(
      runWith('shrunk', ownInit(shrink, { passes: 3 }), ...again),
      /learned initialisation: .*passes":2/,
    );
  });

  test('its settings are checked by their fields; another one may not be on as well', async () => {
    assert.throws(() => ownInit(shrink, { factor: 2 }), {
      message: 'shrink.factor is 2, expected a number above 0 and at most 1.',
    });
    await assert.rejects(
      runWith('both', undefined, 'metainit.iterations=1'),
      /metainit\.iterations and shrink\.passes are both set/,
    );
  });
});

test("a library's own loop after GradInit's variant robust equals the first updates of a run", async () => {
  const settings = ['gradinit.algorithm=adam', 'gradinit.eta=0.02', 'gradinit.iterations=4', 'gradinit.fallBack=false'];
  const config = configOf(...settings);
  await run({ config, runDir: at('robust'), resume: false, ignoreMemory: true });
  const { config: model, params: expected } = readCheckpoint(at('robust', 'checkpoints', 'last.safetensors'));
  const { maxTokens, labelSmoothing } = config.train;
  const corpus = await openPreparedCorpus(at('data'));
  const pairs = corpus.dataset('train');

  const drawn = initParams(model, { method: 'fairseq', seed: config.seed });
  const loss = (params: Params, batch: Batch): Scalar => meanLoss({ labelSmoothing }, model)(params, batch);
  const next = cycleBatches({ train: config.train, seed: config.seed, trainPairs: pairs } as never, {
    leastSentences: 3,
  });
  const learned = await gradInit<Batch>({
    params: drawn,
    loss,
    // a tied matrix moves where it is looked up only
    stepLoss: (moved, current, batch) => loss(withUnmovedOutputProjection(moved, current), batch),
    groupOf: (name) => (isCrossAttention(name) ? 'fixed' : parameterGroup(name)),
    batches: () => gradInitParts(next()),
    algorithm: 'adam',
    variant: 'robust',
    eta: 0.02,
    iterations: 4,
  });
  assert.deepEqual(learned.report.scales, json(at('robust', 'gradinit.json')).scales);

  const optimizer = withMultipliers(createOptimizer({ optimizer: 'adam', secondMomentStart: 'first-gradient' }), {
    scales: learned.report.scales,
    releaseUpdates: variantDefaults.robust.releaseUpdates,
  });
  const trained = trainByHand(learned.params, optimizer, model);
  for (const [name, values] of valuesOf(trained)) assert.deepEqual(values, expected.get(name)!.data, name);
  for (const all of [drawn, trained]) disposeParams(all);
  await corpus.close();

  /** Three updates, as any program would write them. */
  function trainByHand(initial: Params, { init, update }: typeof optimizer, sizes: ModelConfig): Params {
    const epoch = createBatches(pairs, { maxTokens, seed: config.seed }).epochBatches(1);
    let params = initial;
    let state = init(params);
    for (let i = 0; i < 3; i++) {
      const batch = epoch.batch(i);
      const { value, gradients } = valueAndGradients(
        (p) => translationLoss(p, batch, { config: sizes, labelSmoothing }).lossSum,
        params,
      );
      value.dispose();
      const rates = { lr: learningRate({ ...config.train, warmupInitLr: -1 }, i), gradientScale: 1 / batch.trgTokens };
      ({ params, state } = update(gradients, state, params, rates));
    }
    disposeOptimizerState(state);
    return params;
  }
});
