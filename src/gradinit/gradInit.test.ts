import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { memory, mul, scalar, type Scalar } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { testBackends } from '../../test/testBackends.js';
import { ColdstartError, UsageError } from '../errors.js';
import { smallNetBatch, smallNetParams, smallNets, type LabelledBatch } from '../../test/smallNets.js';
import { benchGradInit } from '../benchmark/benchGradInit.js';
import {
  defaultStep,
  gradInit,
  releasedDefaults,
  type GradInitOptions,
  type GradInitReport,
  type GradInitTask,
} from './gradInit.js';
import { metaInit } from './metaInit.js';

const batches = [1, 2, 3].map((salt) => ({ first: smallNetBatch(8, salt), second: smallNetBatch(8, salt + 10) }));
const mlp = smallNets['a multilayer perceptron'];

async function learn(
  netName: string,
  options: GradInitOptions,
  more: Partial<GradInitTask<LabelledBatch>> = {},
): Promise<GradInitReport> {
  const net = smallNets[netName];
  const params = smallNetParams(net, 3);
  const tensors = memory().numTensors;
  try {
    const { params: learned, report } = await gradInit({
      params,
      loss: net.loss,
      batches: (i) => batches[i % batches.length],
      options,
      ...more,
    });
    assert.deepEqual([...learned.keys()], [...params.keys()]);
    for (const [name, tensor] of learned) {
      const before = params.get(name)!.dataSync();
      assert.deepEqual(tensor.shape, params.get(name)!.shape);
      tensor
        .dataSync()
        .forEach((value, i) =>
          assert.ok(Math.abs(value - before[i] * report.scales[name]) <= 1e-6 * Math.abs(value), name),
        );
    }
    disposeParams(learned);
    return report;
  } finally {
    assert.equal(memory().numTensors, tensors, 'leaked tensors');
    disposeParams(params);
  }
}

const released = { ...releasedDefaults, variant: 'released', normalizeGrad: false } as const;

describe('GradInit of any network, on every backend', () => {
  // tfjs's wasm backend has no gradient of a convolution with respect to its filter
  for (const netName of Object.keys(smallNets)) {
    const reports = new Map<string, GradInitReport>();
    for (const backend of testBackends.filter((name) => name !== 'wasm' || netName === 'a multilayer perceptron')) {
      test(`${netName} on ${backend}: the norm falls below its bound, the loss after the step falls`, async () => {
        await selectBackend(backend);
        const options = {
          ...released,
          algorithm: 'sgd',
          eta: 0.1,
          gamma: 1,
          lr: 0.03,
          layerNormLr: 0.03,
          iterations: 60,
        } as const;
        const report = await learn(netName, options, {
          groupOf: (name) => (name.endsWith('bias') ? 'bias' : name === 'norm.weight' ? 'layer_norm' : 'weight'),
        });
        reports.set(backend, report);
        const { iterations } = report;
        assert.equal(iterations[0].branch, 'constraint');
        assert.ok(iterations[0].gradNorm > 1);
        assert.ok(
          iterations.slice(-12).every(({ gradNorm }) => gradNorm < 1.5),
          'norms stay near the bound',
        );
        assert.ok(iterations.some(({ branch }) => branch === 'objective'));
        assert.ok(iterations.at(-1)!.lossBefore < iterations[0].lossBefore);
        // as on the first backend
        const [[, reference]] = reports;
        iterations.slice(0, 10).forEach((iteration, i) => {
          assert.equal(iteration.branch, reference.iterations[i].branch);
          iteration.scales.forEach((scale, t) =>
            assert.ok(Math.abs(scale - reference.iterations[i].scales[t]) < 1e-3, `iteration ${i + 1}, scale ${t}`),
          );
        });
      });
    }
  }
});

describe('GradInit as a library', () => {
  before(async () => void (await selectBackend('cpu')));
  const options = { ...released, ...defaultStep('adam'), algorithm: 'adam', iterations: 6 } as const;

  test('the same task gives the same numbers', async () => {
    const withoutTimes = ({ iterations, scales }: GradInitReport): unknown => ({
      scales,
      iterations: iterations.map((iteration) => ({ ...iteration, seconds: 0 })),
    });
    assert.deepEqual(
      withoutTimes(await learn('a multilayer perceptron', options)),
      withoutTimes(await learn('a multilayer perceptron', options)),
    );
  });

  test('default steps: eta gamma = 1 for adam, eta gamma² = 0.1 for sgd', () => {
    assert.deepEqual(defaultStep('adam'), { eta: 1e-3, gamma: 1000 });
    assert.deepEqual(defaultStep('sgd'), { eta: 0.1, gamma: 1 });
    assert.ok(Math.abs(defaultStep('sgd', 0.4).gamma - 0.5) < 1e-12);
  });

  test('progress is reported after every iteration, with the numbers of the report', async () => {
    const progress: unknown[] = [];
    const { iterations } = await learn('a multilayer perceptron', options, {
      onIteration: (iteration) => progress.push(iteration),
    });
    assert.deepEqual(progress, iterations);
    assert.deepEqual(
      iterations.map(({ iteration }) => iteration),
      [1, 2, 3, 4, 5, 6],
    );
  });

  test('an abort signal ends it between two iterations with its reason', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    let iterations = 0;
    const run = learn('a multilayer perceptron', options, {
      signal: controller.signal,
      onIteration: () => {
        if (++iterations === 2) controller.abort(reason);
      },
    });
    await assert.rejects(run, reason);
    assert.equal(iterations, 2);
  });

  test('the event loop runs between iterations', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await learn('a multilayer perceptron', { ...options, iterations: 20 });
    clearInterval(timer);
    assert.ok(turns > 0);
  });

  test('a loss that is not finite is refused with its iteration', async () => {
    const task: Partial<GradInitTask<LabelledBatch>> = {
      loss: (p, batch) => mul(mlp.loss(p, batch), batch === batches[1].first ? scalar(Infinity) : scalar(1)) as Scalar,
    };
    await assert.rejects(
      learn('a multilayer perceptron', options, task),
      (error) => error instanceof ColdstartError && /iteration 2\b.*loss Infinity/.test(error.message),
    );
  });

  test('an error in the loss reaches the caller, and no tensor stays in memory', async () => {
    let calls = 0;
    const loss = (p: Params, batch: LabelledBatch): Scalar => {
      const value = mlp.loss(p, batch);
      if (++calls === 3) throw new Error('the data ran out');
      return value;
    };
    await assert.rejects(learn('a multilayer perceptron', options, { loss }), /the data ran out/);
  });

  for (const [what, change] of [
    ['eta', { eta: 0 }],
    ['gamma', { gamma: NaN }],
    ['iterations', { iterations: 1.5 }],
    ['lr', { lr: -1 }],
    ['normalizeGrad', { normalizeGrad: true }],
    ['algorithm', { algorithm: 'adagrad' }],
    ['variant', { variant: 'improved' }],
    ['eta', { eta: Infinity }],
    ['lr', { lr: Infinity }],
    ['minScale', { minScale: NaN }],
    ['layerNormLr', { layerNormLr: NaN }],
    ['beta1', { beta1: 1 }],
    ['beta2', { beta2: 1 }],
    ['eps', { eps: 0 }],
    ['biasMinScale', { biasMinScale: -1 }],
    ['layerNormMaxScale', { layerNormMaxScale: 0 }],
    ['layerNormMaxScale', { layerNormMinScale: 2, layerNormMaxScale: 1 }],
    ['layerNormMinScale', { layerNormMinScale: -1 }],
    ['scaleStep', { scaleStep: 'halve' }],
    ['gradClip', { gradClip: 0 }],
  ] as const) {
    test(`options out of range are refused: ${what}`, async () => {
      await assert.rejects(
        learn('a multilayer perceptron', { ...options, ...change } as GradInitOptions),
        (error) => error instanceof UsageError && error.message.includes(what),
      );
    });
  }

  for (const key of ['maxScale', 'layerNormLr', 'beta1', 'gradClip'] as const)
    test(`the paper's variant refuses what it lacks: ${key}`, async () => {
      const paper = { variant: 'paper', algorithm: 'sgd', iterations: 1, [key]: 0.5 } as const;
      await assert.rejects(
        gradInit({ ...paper, params: new Map(), loss: mlp.loss, batches: () => batches[0] }),
        (error) => error instanceof UsageError && error.message.includes(`gradInit: ${key} is 0.5, expected no value`),
      );
    });

  test('a scale that is no longer finite is refused with its tensor', async () => {
    const rising = (p: Params, batch: LabelledBatch): Scalar => mul(mlp.loss(p, batch), -1e3) as Scalar; // falls as scales grow
    await assert.rejects(
      learn(
        'a multilayer perceptron',
        {
          algorithm: 'adam',
          variant: 'paper',
          eta: 1e-3,
          gamma: Infinity,
          iterations: 1,
          normalizeGrad: false,
          lr: 1.7e308,
          minScale: 0.01,
        },
        { loss: rising },
      ),
      (error) =>
        error instanceof ColdstartError &&
        error.code === 'GRADINIT' &&
        /moved the scale of "\S+" to Infinity, along a derivative of -/.test(error.message),
    );
  });

  test('stepLoss sees the moved and the current parameters', async () => {
    const seen: number[] = [];
    await learn(
      'a multilayer perceptron',
      { ...options, gamma: Infinity, iterations: 1 },
      {
        stepLoss: (moved, current, batch) => {
          moved
            .get('out.weight')!
            .dataSync()
            .forEach((value, i) => seen.push(Math.abs(value - current.get('out.weight')!.dataSync()[i])));
          return mlp.loss(moved, batch);
        },
      },
    );
    assert.ok(seen.length === 24 && seen.every((difference) => Math.abs(difference - 1e-3) < 1e-6 || difference === 0));
    assert.ok(seen.some((difference) => difference > 0));
  });

  test('MetaInit lowers the gradient quotient', async () => {
    const params = smallNetParams(mlp, 3);
    const tensors = memory().numTensors;
    const { params: learned, report } = await metaInit({
      params,
      loss: mlp.loss,
      batches: () => batches[0].first,
      iterations: 15,
      lr: 0.05,
    });
    assert.ok(report.iterations.at(-1)!.gradientQuotient < report.iterations[0].gradientQuotient);
    assert.deepEqual(report.names, ['fc1.weight', 'fc2.weight', 'out.weight']);
    disposeParams(learned);
    assert.equal(memory().numTensors, tensors);
    disposeParams(params);
  });

  test('the bench measures every kind of iteration and leaves no tensor in memory', async () => {
    const params = smallNetParams(mlp, 3);
    const tensors = memory().numTensors;
    const bench = await benchGradInit({ params, loss: mlp.loss, ...batches[0], algorithm: 'adam', repeats: 3 });
    assert.equal(memory().numTensors, tensors);
    for (const value of Object.values(bench)) assert.ok(value > 0 && Number.isFinite(value));
    assert.ok(bench.objectiveAlwaysSecondOrderMegabytes > bench.objectiveMegabytes);
    disposeParams(params);
  });
});
