import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { engine, memory, zeros } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { isAddonBuilt } from '../backend/native/addon.js';
import { countTensorBytes } from '../backend/native/countingBackend.js';
import { nativeBackend } from '../backend/native/loadNative.js';
import { selectBackend } from '../backend/select.js';
import { changeConfig, defaultConfig } from '../config/loadConfig.js';
import { modelOptions } from '../config/modelOptions.js';
import type { Config } from '../config/schema.js';
import { trainOptions } from '../config/trainOptions.js';
import type { PreparedCorpus } from '../corpus/preparedCorpus.js';
import { makeBatch, type Batch } from '../data/batch.js';
import { pairsInMemory } from '../data/pairSource.js';
import { initParams } from '../model/init.js';
import { numParameters, parameterShapes } from '../model/parameters.js';
import { disposeOptimizerState } from '../train/optimizer.js';
import { createOptimizer } from '../train/optimizers.js';
import { updateGradients } from '../train/trainUpdate.js';
import { memoryLine } from '../report/text/memoryText.js';
import { checkRunMemory, refuseTooLarge, reportMemory, type MemoryReport } from './checkMemory.js';
import { countUpdate } from './countMemory.js';
import { initialParams } from './initialParams.js';
import type { MemoryTask, StageMemory } from './memoryEstimate.js';

const pair = (length: number) => ({ src: [...new Array<number>(length - 1).fill(5), 2], trg: [6, 7, 8, 2] });
const trainPairs = pairsInMemory(Array.from({ length: 2048 }, () => pair(16)));

function taskOf(settings: Record<string, unknown>): MemoryTask {
  const config = changeConfig(
    defaultConfig(),
    { 'train.maxUpdates': 5, 'decode.maxSentences': 8, 'decode.maxLenB': 4, ...settings },
    'test',
  );
  const model = modelOptions(config, { src: 2000, trg: 2000 });
  return { config, model, trainPairs, heldOutLengths: new Int32Array(20).fill(8) };
}

const gigabyte = 2 ** 30;
const gradInit = { 'gradinit.algorithm': 'adam', 'gradinit.variant': 'released', 'gradinit.iterations': 1 };
const refusal = async (
  task: MemoryTask,
  report: MemoryReport | undefined,
  isBegun = false,
): Promise<string | undefined> =>
  refuseTooLarge(task, 'wasm', report!, isBegun).then(
    () => undefined,
    (error: Error & { code: string; exitCode: number }) => {
      assert.deepEqual([error.code, error.exitCode], ['TOO_LARGE', 1]);
      return error.message;
    },
  );

describe('memory', () => {
  before(async () => void (await selectBackend('wasm')));

  test('counting a stage computes no values, leaves no tensor in memory, and grows with the batch', async () => {
    const { config, model } = taskOf({});
    const before = memory().numTensors;
    const count = (numSentences: number): Promise<number> =>
      countUpdate(trainOptions(config), model, { numSentences, srcLength: 16, trgLength: 16 });
    const [small, large, huge] = [await count(8), await count(64), await count(20_000)];
    assert.equal(memory().numTensors, before);
    // counts that are begun together wait for each other, and leave the backend as it was
    assert.deepEqual(await Promise.all([count(8), count(64)]), [small, large]);
    assert.equal(engine().backendName, 'wasm');
    const parameters = 4 * (2000 * 128 + 4 * 132_480 + 4 * 198_784);
    assert.ok(small > 4 * parameters && large > small, `${small} ${large}`); // parameters, two moments, gradients
    assert.ok(huge > 10 * gigabyte, `${huge}`); // more than any memory, but countable
  });

  test('products in bf16 are counted as those in float32', async () => {
    const count = (precision: string): Promise<number> => {
      const { config, model } = taskOf({ 'train.precision': precision });
      return countUpdate(trainOptions(config), model, { numSentences: 8, srcLength: 16, trgLength: 16 });
    };
    assert.equal(await count('bf16'), await count('fp32'));
  });

  test('more batches in an update: the sums that wait for their partners are counted', async () => {
    const { config, model } = taskOf({});
    const options = trainOptions(config);
    const ids = [...new Array<number>(15).fill(1), 2];
    const batch = makeBatch(new Array<{ src: number[]; trg: number[] }>(64).fill({ src: ids, trg: ids }));
    /** Of two updates with all their batches. */
    const peak = (updateFreq: number): Promise<number> =>
      countTensorBytes(async () => {
        const optimizer = createOptimizer(options);
        let params: Params = new Map([...parameterShapes(model)].map(([name, shape]) => [name, zeros(shape)]));
        let state = optimizer.init(params);
        for (const update of [0, 1]) {
          const { gradients } = await updateGradients(params, new Array<Batch>(updateFreq).fill(batch), {
            config: model,
            labelSmoothing: options.labelSmoothing,
            seed: 1,
            update,
            precision: 'fp32',
          });
          ({ params, state } = optimizer.update(gradients, state, params, { lr: 0, gradientScale: 1 }));
        }
        disposeParams(params);
        disposeOptimizerState(state);
      });
    const shape = { numSentences: 64, srcLength: 16, trgLength: 16 };
    const counts: number[] = [];
    for (const updateFreq of [1, 2, 3, 4, 7, 8, 13]) {
      const count = await countUpdate({ ...options, updateFreq }, model, shape);
      // two losses of each batch wait to be read
      const uncounted = (await peak(updateFreq)) - count;
      assert.ok(uncounted >= 0 && uncounted <= 8 * updateFreq, `${updateFreq} batches: ${uncounted}`);
      counts.push(count);
    }
    const parameters = 4 * numParameters(model);
    assert.deepEqual(
      counts.slice(1).map((count) => count - counts[1]),
      [0, 0, 1, 1, 2, 2].map((kept) => kept * parameters),
    );
  });

  test('several processes hold sums of gradients outside the backend', async () => {
    const parameters = 4 * numParameters(taskOf({}).model);
    const added = async (processes: number, updateFreq: number): Promise<number> => {
      const task = taskOf({ 'train.updateFreq': updateFreq });
      const { train: alone, decode } = (await reportMemory(task, 'wasm', gigabyte))!.stages;
      const shared = (await reportMemory({ ...task, processes }, 'wasm', gigabyte))!.stages;
      // each process has its part of both moments
      const saved = 2 * (1 - 1 / processes) * parameters;
      assert.ok(Math.abs(alone.tensors - shared.train.tensors - 1.15 * saved) < 1);
      assert.ok(Math.abs(decode.tensors - shared.decode.tensors - 1.15 * saved) < 1);
      const outside = ({ process, tensors }: StageMemory): number => process - tensors;
      return (outside(shared.train) - outside(alone)) / parameters;
    };
    const near = (found: number, expected: number): void =>
      assert.ok(Math.abs(found - expected) < 1e-9, `${found}, expected ${expected}`);
    // a sum of each own node, everybody's shards, the own shard twice, and the nodes' parts in exchange; instead of a
    // checkpoint's four copies
    near(await added(2, 8), 1 + 1 + 2 / 2 + (1 + 2 / 2 + 1) - 4);
    // batches 0 to 1 and 2; 3, and 4 to 5; 6 to 7: five nodes
    near(await added(3, 8), 2 + 1 + 2 / 3 + (2 + 5 / 3 + 1) - 4);
    near(await added(1, 8), 0);
  });

  test('several processes that share out the pieces of GradInit hold sums of gradients, too', async () => {
    const parameters = 4 * numParameters(taskOf({}).model);
    const outside = async (processes: number, pieceTokens: number): Promise<number> => {
      const task = taskOf({ ...gradInit, 'gradinit.maxTokens': 2048, 'gradinit.pieceTokens': pieceTokens });
      const { process, tensors } = (await reportMemory({ ...task, processes }, 'wasm', gigabyte))!.stages['gradinit']!;
      return process - tensors;
    };
    const alone = await outside(1, 512);
    assert.ok(Math.abs((await outside(2, 2048)) - alone) < 1); // one piece
    assert.ok(Math.abs((await outside(2, 512)) - alone - (1 + 1 + 2 / 2 + (1 + 2 / 2 + 1) - 4) * parameters) < 1);
  });

  test('a run that fits starts, one that clearly does not is refused with the settings that do', async () => {
    const task = taskOf({ 'train.maxTokens': 16_384 });
    const report = (await reportMemory(task, 'wasm', 8 * gigabyte))!;
    assert.deepEqual(Object.keys(report.stages), ['train', 'decode']);
    const { needed } = report;
    // either side of the margin
    for (const share of [1, 1 / 1.14])
      assert.equal(await refusal(task, { ...report, available: share * needed }), undefined);
    const message = await refusal(task, { ...report, available: needed / 1.16 });
    assert.match(
      message!,
      /^this run needs about (\d\.\d+) GB of memory \(train \1 GB, decode 0\.\d\d GB\), \d\.\d+ GB are available\. Set train\.maxTokens=(8192|5461|4096) and train\.updateFreq=[234], or give --ignore-memory to start it all the same\.$/,
    );
    const [, maxTokens, updateFreq] = /maxTokens=(\d+) and train\.updateFreq=(\d+)/.exec(message!)!;
    assert.equal(Math.floor(16_384 / Number(updateFreq)), Number(maxTokens)); // the whole batch is kept
    const smaller = { ...task, config: changeConfig(task.config, { 'train.maxTokens': Number(maxTokens) }, 'test') };
    const fitting = (await reportMemory(smaller, 'wasm', needed / 1.16))!;
    assert.ok(fitting.needed <= fitting.available);
    assert.match(
      (await refusal(task, { ...report, available: 1000 }))!,
      /^this run needs .*, 0\.00 GB are available\. No batch size would fit: use a smaller model, or a machine with more memory, or give/,
    );
  });

  test('GradInit is cut into smaller pieces, and its batch stays', async () => {
    const task = taskOf({
      ...gradInit,
      'train.maxTokens': 256,
      'gradinit.maxTokens': 2048,
      'gradinit.pieceTokens': 2048,
    });
    const report = (await reportMemory(task, 'wasm', gigabyte))!;
    const { gradinit, train } = report.stages;
    assert.ok(gradinit!.process > train!.process + 100 * 2 ** 20);
    assert.match(
      (await refusal(task, { ...report, available: 0.7 * gradinit!.process }))!,
      /\(gradinit [\d.]+ GB, train [\d.]+ GB, decode [\d.]+ GB\), [\d.]+ GB are available\. Set gradinit\.pieceTokens=(1024|682|512|341), or give/,
    );
    // pieces of train.maxTokens, unless another size is set
    const pieces = taskOf({ ...gradInit, 'train.maxTokens': 256, 'gradinit.maxTokens': 2048 });
    const small = (await reportMemory(pieces, 'wasm', gigabyte, ['gradinit']))!.stages.gradinit!;
    assert.ok(small.tensors < gradinit!.tensors / 2, `${small.tensors} ${gradinit!.tensors}`);
  });

  test('MetaInit is cut into smaller pieces, too', async () => {
    const settings = { 'metainit.iterations': 1, 'metainit.maxTokens': 2048, 'train.maxTokens': 256 };
    const task = taskOf({ ...settings, 'metainit.pieceTokens': 2048 });
    const report = (await reportMemory(task, 'wasm', gigabyte, ['metainit']))!;
    const { metainit } = report.stages;
    assert.match(
      (await refusal(task, { ...report, available: 0.7 * metainit!.process }))!,
      /\. Set metainit\.pieceTokens=(1024|682|512|341), or give/,
    );
    const small = (await reportMemory(taskOf(settings), 'wasm', gigabyte, ['metainit']))!.stages.metainit!;
    assert.ok(small.tensors < metainit!.tensors / 2, `${small.tensors} ${metainit!.tensors}`);
  });

  test('GradInit counts the branches that it can take: second derivatives only where the norm is bounded', async () => {
    const tensorsOf = async (settings: object): Promise<number> =>
      (await reportMemory(taskOf({ ...gradInit, 'train.maxTokens': 512, ...settings }), 'wasm', gigabyte, [
        'gradinit',
      ]))!.stages.gradinit!.tensors;
    const robust = { 'gradinit.variant': 'robust' };
    const [bounded, share, unbounded, bySgd] = [
      await tensorsOf({ 'gradinit.variant': 'released' }),
      await tensorsOf({ 'gradinit.variant': 'released', 'gradinit.gammaShare': 5 }),
      await tensorsOf(robust),
      await tensorsOf({ ...robust, 'gradinit.algorithm': 'sgd' }),
    ];
    assert.equal(share, bounded); // a norm may grow beyond a multiple of the first
    assert.ok(unbounded < 0.6 * bounded, `${unbounded} ${bounded}`);
    assert.ok(bySgd < 0.6 * bounded, `${bySgd} ${bounded}`);
    assert.ok((await tensorsOf({ ...robust, 'gradinit.gammaShare': 0.5 })) > 1.5 * unbounded);
  });

  test('a run that has begun needs no memory for finished learning, and is advised only settings that may change', async () => {
    const task = taskOf({ ...gradInit, 'train.maxTokens': 512 });
    const corpus = { dataset: () => trainPairs, has: () => false } as unknown as PreparedCorpus;
    const check = (options: object) => checkRunMemory(task.config, task.model, corpus, 'wasm', options);
    assert.deepEqual(Object.keys((await check({}))!.stages), ['gradinit', 'train', 'decode']);
    assert.deepEqual(Object.keys((await check({ isLearned: true }))!.stages), ['train', 'decode']);
    assert.deepEqual(Object.keys((await check({ initOnly: true }))!.stages), ['gradinit']);
    const small = { process: 1, tensors: 1 };
    const large = { process: 3 * gigabyte, tensors: 1 };
    const messageOf = (stages: MemoryReport['stages']): Promise<string | undefined> =>
      refusal(task, { stages, needed: 3 * gigabyte, available: 2 * gigabyte }, true);
    assert.match(
      (await messageOf({ train: large, decode: small }))!,
      /, 2\.0 GB are available\. A run that has begun keeps its batch sizes: resume it where more memory is free, or start another run with smaller ones, or give --ignore-memory/,
    );
    assert.match(
      (await messageOf({ train: small, decode: large }))!,
      /available\. Set decode\.maxSentences=4, or give/,
    );
  });

  test("wasm's own limit counts if the machine has more memory", async () => {
    const task = taskOf({ 'train.maxTokens': 2048 });
    const report = (await reportMemory(task, 'wasm', 64 * gigabyte))!;
    const stages = { ...report.stages, train: { process: 6 * gigabyte, tensors: 5 * gigabyte } };
    assert.match(
      (await refusal(task, { ...report, stages, needed: 6 * gigabyte }))!,
      /^this run needs about 6\.0 GB of memory \(.*\), the wasm backend cannot have more than 4\.0 GB\. Set train\.maxTokens=1024 and train\.updateFreq=2, or/,
    );
    await refuseTooLarge(task, 'native', { ...report, stages, needed: 6 * gigabyte });
  });

  test('other backends are not checked; the output shows the available memory', async () => {
    assert.equal(await reportMemory(taskOf({}), 'cpu', 1), undefined);
    const stage = (process: number) => ({ process, tensors: 0 });
    const report = {
      stages: { gradinit: stage(3 * gigabyte), train: stage(2.25 * gigabyte), decode: stage(0.5 * gigabyte) },
      needed: 3 * gigabyte,
      available: 20 * gigabyte,
    };
    assert.equal(
      memoryLine(report),
      'memory    about 3.0 GB (gradinit 3.0 GB, train 2.3 GB, decode 0.50 GB), 20.0 GB are available',
    );
    assert.match(
      memoryLine({ ...report, available: 3.1 * gigabyte }),
      /, 3\.1 GB are available: this may not be enough$/,
    );
  });
});

describe('the memory of the native engine', { skip: !isAddonBuilt() }, () => {
  before(async () => void (await selectBackend('native')));

  /** The peak of live tensors in bytes, and the count for the same computation. */
  const compare = async (
    config: Config,
    run: () => Promise<void> | void,
    stage: 'train' | 'gradinit',
    task: MemoryTask,
  ) => {
    const { addon } = nativeBackend();
    addon.trimMemory();
    const before = addon.memory();
    await run();
    const { liveBytes } = addon.memory();
    assert.equal(liveBytes, before.liveBytes);
    const counted = (await reportMemory({ ...task, config }, 'native', gigabyte, [stage]))!.stages[stage]!.tensors;
    return { counted, measured: addon.memory().peakBytes };
  };

  test('equals the counted memory within a tenth: an update, then an iteration of GradInit', async () => {
    const task = taskOf({ ...gradInit, 'gradinit.gamma': 1e-9, 'train.maxTokens': 2048 });
    const { config, model } = task;
    const update = await compare(
      config,
      async () => {
        const { labelSmoothing } = config.train;
        const params = initParams(model, { method: 'fairseq', seed: 1 });
        const batch = makeBatch(Array.from({ length: 128 }, () => pair(16)));
        const options = { config: model, labelSmoothing, seed: 1, update: 0, precision: 'fp32' } as const;
        disposeParams((await updateGradients(params, [batch], options)).gradients);
        disposeParams(params);
      },
      'train',
      task,
    );
    // the optimiser's two moments were not there
    const moments = 2 * 4 * 1_581_312;
    const near = (counted: number, measured: number): void =>
      assert.ok(counted > 0.9 * measured && counted < 1.15 * measured, `${counted} counted, ${measured} measured`);
    near(update.counted - 1.08 * moments, update.measured);
    const init = await compare(
      config,
      async () => disposeParams((await initialParams(config, model, trainPairs)).params),
      'gradinit',
      task,
    );
    near(init.counted, init.measured);
    assert.ok(init.measured > 2 * update.measured);
  });
});
