import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { smallNetBatch, smallNetParams, smallNets } from '../../test/smallNets.js';
import { defaultStep, gradInit, releasedDefaults, type GradInitIteration, type GradInitOptions } from './gradInit.js';
import { metaInit, type MetaInitIteration } from './metaInit.js';

before(async () => void (await selectBackend('cpu')));

const net = smallNets['a multilayer perceptron'];
const batch = (i: number) => ({ first: smallNetBatch(8, i), second: smallNetBatch(8, i + 50) });
const total = 6;
/** The iterations as read back from a file. */
const stored = <T>(iterations: T): T => JSON.parse(JSON.stringify(iterations)) as T;
const numbers = (iterations: readonly { seconds: number }[]): unknown =>
  iterations.map((iteration) => ({ ...iteration, seconds: 0 }));

async function learn(
  options: GradInitOptions,
  done?: readonly GradInitIteration[],
): Promise<readonly GradInitIteration[]> {
  const params = smallNetParams(net, 3);
  const sideOf = (name: string): string => name.split('.')[0];
  const result = await gradInit({ params, loss: net.loss, batches: batch, options, done, sideOf });
  disposeParams(result.params);
  disposeParams(params);
  return result.report.iterations;
}

for (const algorithm of ['adam', 'sgd'] as const) {
  for (const variant of ['released', 'paper'] as const) {
    test(`GradInit ${algorithm}, ${variant}: resumed after any iteration it has every bit of an unbroken run`, async () => {
      // a bound near the first norm, so that both branches have moments to bring back
      const first = await learn({
        ...releasedDefaults,
        ...defaultStep(algorithm),
        variant: 'released',
        algorithm,
        normalizeGrad: false,
        iterations: 1,
      });
      const options = {
        ...releasedDefaults,
        eta: 0.01,
        gamma: first[0].gradNorm * 0.97,
        lr: 0.02,
        layerNormLr: 0.02,
        variant,
        algorithm,
        normalizeGrad: false,
        iterations: total,
      } as GradInitOptions;
      const unbroken = await learn(options);
      assert.equal(new Set(unbroken.map(({ branch }) => branch)).size, 2);
      for (const k of [1, 3, 5, total]) {
        const resumed = await learn(options, stored(unbroken.slice(0, k)));
        assert.deepEqual(numbers(resumed), numbers(unbroken), `after ${k}`);
      }
      await assert.rejects(
        learn({ ...options, lr: 0.03, layerNormLr: 0.03 } as GradInitOptions, unbroken.slice(0, 2)),
        {
          code: 'USAGE',
          message:
            /^gradInit: finished iteration 1 does not belong to this task: its derivatives do not lead to its scales\./,
        },
      );
    });
  }
}

test('GradInit with bounds by sides, resumed: its bounds are those of the first iteration', async () => {
  const options = {
    ...releasedDefaults,
    ...defaultStep('adam'),
    variant: 'released',
    algorithm: 'adam',
    gammaShare: 1,
    gammaScope: 'sides',
    lr: 0.02,
    layerNormLr: 0.02,
    normalizeGrad: false,
    iterations: total,
  } as const;
  const unbroken = await learn(options);
  assert.equal(new Set(unbroken.map(({ branch }) => branch)).size, 2);
  for (const { sideNorms, gradNorm } of unbroken) {
    const norms = Object.values(sideNorms!);
    assert.equal(norms.length, 3);
    assert.ok(Math.abs(norms.reduce((total, norm) => total + norm, 0) - gradNorm) < 1e-5 * gradNorm);
  }
  for (const k of [1, 3]) {
    const resumed = await learn(options, stored(unbroken.slice(0, k)));
    assert.deepEqual(numbers(resumed), numbers(unbroken), `after ${k}`);
  }
  await assert.rejects(learn({ ...options, goal: 'cosine' }), {
    code: 'USAGE',
    message: /^gradInit: gammaScope is "sides", expected all, as goal is cosine/,
  });
  await assert.rejects(learn({ ...options, gammaScope: 'all', goal: 'cosine', scaled: 'both' }), {
    code: 'USAGE',
    message: /^gradInit: goal is "cosine", expected step, as scaled is both \(cosine needs scaled: weights\)/,
  });
  await assert.rejects(learn({ ...options, gammaShare: undefined } as GradInitOptions), {
    code: 'USAGE',
    message: /^gradInit: gammaScope is "sides", expected all, as gammaShare is not set \(it says which share/,
  });
});

test('MetaInit resumed after any iteration has every bit of an unbroken run', async () => {
  const learnNorms = async (done?: readonly MetaInitIteration[]): Promise<readonly MetaInitIteration[]> => {
    const params = smallNetParams(net, 3);
    const result = await metaInit({
      params,
      loss: net.loss,
      batches: (i) => smallNetBatch(8, i),
      iterations: total,
      done,
    });
    disposeParams(result.params);
    disposeParams(params);
    return result.report.iterations;
  };
  const unbroken = await learnNorms();
  for (const k of [1, 4, total])
    assert.deepEqual(numbers(await learnNorms(stored(unbroken.slice(0, k)))), numbers(unbroken), `after ${k}`);
  await assert.rejects(learnNorms(unbroken.slice(1, 3)), /metaInit: finished iteration 1 does not belong/);
});
