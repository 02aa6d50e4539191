import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { div, memory, type Scalar } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { cutBatch, gradInitParts, type Batch } from '../data/batch.js';
import { translationLoss } from '../model/loss.js';
import { withUnmovedOutputProjection } from '../model/parameters.js';
import { hasSoftwareGpu } from '../../test/testBackends.js';
import {
  fixtureBatch,
  fixtureParams,
  readFixtureModel,
  readModelFixture,
  type FixtureModelName,
  type FixturePair,
} from '../../test/modelFixture.js';
import { gradInit, type GradInitOptions, type GradInitReport } from './gradInit.js';
import { metaInit } from './metaInit.js';
import { releasedScaleOptimizer, type ReleasedScaleOptions, type TensorGroup } from './scaleOptimizer.js';

interface Config {
  alg: 'adam' | 'sgd';
  eta: number;
  gamma: number;
  lr: number;
  ln_lr: number;
  beta1: number;
  beta2: number;
  eps: number;
  tau: number;
  min_scale: number;
  bias_min_scale: number;
  ln_max_scale: number;
  grad_clip: number;
  normalize_grad: boolean;
  iterations: number;
  tied_step: 'shared' | 'lookup-only';
}

interface Trajectory {
  model: FixtureModelName;
  batches: string;
  config: Config;
  params: string[];
  group?: TensorGroup[];
  undetermined: string[];
  iterations: {
    branch: 'constraint' | 'objective';
    gnorm: number;
    init_loss: number;
    updated_loss: number | null;
    alpha_grad: (number | null)[];
    alpha: number[];
  }[];
}

function releasedOptions(config: Config): ReleasedScaleOptions {
  return {
    lr: config.lr,
    layerNormLr: config.ln_lr,
    beta1: config.beta1,
    beta2: config.beta2,
    eps: config.eps,
    minScale: config.min_scale,
    biasMinScale: config.bias_min_scale,
    layerNormMaxScale: config.ln_max_scale,
    gradClip: config.grad_clip,
  };
}

function readBatches(path: string): Batch[] {
  return readModelFixture<{ batches: { pairs: FixturePair[] }[] }>(path).batches.map(({ pairs }) =>
    fixtureBatch(pairs),
  );
}

function within(found: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(found - expected) <= tolerance, `${what}: found ${found}, expected ${expected}`);
}

async function follow(trajectory: Trajectory, params: Params): Promise<GradInitReport> {
  const { config, labelSmoothing } = readFixtureModel(trajectory.model);
  const {
    alg,
    eta,
    gamma,
    iterations,
    normalize_grad: normalizeGrad,
    tied_step: tiedStep,
    tau: lr,
    min_scale: minScale,
  } = trajectory.config;
  const common = { algorithm: alg, eta, gamma, iterations, normalizeGrad };
  const options: GradInitOptions = trajectory.group
    ? { ...common, variant: 'released', ...releasedOptions(trajectory.config) }
    : { ...common, variant: 'paper', lr, minScale };
  const loss = (p: Params, batch: Batch): Scalar =>
    div(translationLoss(p, batch, { config, labelSmoothing }).lossSum, batch.trgTokens);
  const batches = readBatches(`gradinit/${trajectory.batches}`);
  const groups = new Map(trajectory.params.map((name, i) => [name, trajectory.group?.[i] ?? 'weight']));
  const result = await gradInit({
    params,
    loss,
    options,
    batches: (i) => gradInitParts(batches[i % batches.length]),
    groupOf: (name) => groups.get(name)!,
    ...(tiedStep === 'lookup-only' && {
      stepLoss: (moved: Params, current: Params, batch: Batch) =>
        loss(withUnmovedOutputProjection(moved, current), batch),
    }),
  });
  disposeParams(result.params);
  return result.report;
}

/**
 * The cases of each backend: all on one, a first- and a second-order one on the slow reference, and on the slow
 * software GPU one of each variant and algorithm.
 */
const backends: Record<string, (file: string) => boolean> = {
  wasm: () => true,
  ...(hasSoftwareGpu && {
    webgpu: (file: string) =>
      /\/tied\.(adam-mixed\.shared|sgd-mixed\.shared|sgd-normalized\.lookup-only|plain-adam|plain-sgd)\.json$/.test(
        file,
      ),
  }),
  cpu: (file) => file.includes('/tied.adam-mixed.shared'),
};

for (const [backend, follows] of Object.entries(backends)) {
  describe(`GradInit on ${backend} takes the reference trajectories`, () => {
    before(async () => void (await selectBackend(backend)));
    const files = fixtureFiles();
    for (const file of files.filter(follows)) {
      test(file, async () => {
        const trajectory = readModelFixture<Trajectory>(file);
        const params = fixtureParams(trajectory.model);
        assert.deepEqual([...params.keys()], trajectory.params);
        const tensors = memory().numTensors;
        const { iterations } = await follow(trajectory, params);
        assert.equal(memory().numTensors, tensors);
        disposeParams(params);
        assert.equal(iterations.length, trajectory.iterations.length);
        const determined = trajectory.params.map((name) => !trajectory.undetermined.includes(name));
        trajectory.iterations.forEach((expected, i) => {
          const found = iterations[i];
          const what = `iteration ${i + 1}`;
          assert.equal(found.branch, expected.branch, `${what} branch`);
          within(found.gradNorm, expected.gnorm, 1e-3 * expected.gnorm, `${what} gradNorm`);
          within(found.lossBefore, expected.init_loss, 1e-3 * expected.init_loss, `${what} lossBefore`);
          assert.equal(found.lossAfter === null, expected.updated_loss === null);
          if (expected.updated_loss !== null)
            within(found.lossAfter!, expected.updated_loss, 1e-3 * expected.updated_loss, `${what} lossAfter`);
          const largest = Math.max(...expected.alpha_grad.map((gradient) => Math.abs(gradient ?? 0)));
          expected.alpha_grad.forEach((gradient, t) => {
            if (!determined[t]) return;
            assert.equal(
              found.scaleGradients[t] === null,
              gradient === null,
              `${what} ${trajectory.params[t]} is moved or not`,
            );
            if (gradient !== null)
              within(
                found.scaleGradients[t]!,
                gradient,
                2e-2 * largest,
                `${what} scale gradient of ${trajectory.params[t]}`,
              );
          });
        });
        const last = trajectory.iterations.length - 1;
        trajectory.iterations[last].alpha.forEach((scale, t) => {
          if (determined[t]) within(iterations[last].scales[t], scale, 1e-3, `final scale of ${trajectory.params[t]}`);
        });
      });
    }
  });
}

function fixtureFiles(): string[] {
  const manifest = readModelFixture<Record<string, unknown>>('manifest.json');
  const files =
    JSON.stringify(manifest).match(/gradinit\/(tied|decoder-tied)\.[a-z-]+(\.(shared|lookup-only))?\.json/g) ?? [];
  return [...new Set(files)].filter((file) => !file.includes('batches'));
}

test('the scale optimiser takes the reference steps', () => {
  const { config, group, iterations } = readModelFixture<{
    config: Config;
    group: TensorGroup[];
    iterations: { branch: 'constraint' | 'objective'; alpha_grad: (number | null)[]; alpha: number[] }[];
  }>('gradinit/scale-optimizer.json');
  const optimizer = releasedScaleOptimizer(group, releasedOptions(config));
  const scales = new Float64Array(group.length).fill(1);
  iterations.forEach(({ branch, alpha_grad: gradients, alpha }, i) => {
    optimizer.update(scales, gradients, branch);
    alpha.forEach((expected, t) => within(scales[t], expected, 1e-9, `iteration ${i + 1}, scale ${t}`));
  });
});

for (const [backend, model, maxTokens] of [
  ['wasm', 'tied', undefined],
  ['wasm', 'tied', 16],
  ['wasm', 'decoder-tied', undefined],
  ...(hasSoftwareGpu ? [['webgpu', 'tied', undefined] as const] : []),
] as const) {
  test(`MetaInit on ${backend} takes the reference trajectory of ${model}${maxTokens ? ' in pieces' : ''}`, async () => {
    await selectBackend(backend);
    const expected = readModelFixture<{
      config: { lr: number; momentum: number; eps: number; iterations: number };
      params: string[];
      iterations: {
        gq: number;
        loss: number;
        gnorm_l2: number;
        norm_grad: number[];
        norm: number[];
        alpha: number[];
      }[];
    }>(`metainit/${model}.json`);
    const { config, labelSmoothing } = readFixtureModel(model);
    const batches = readBatches(`metainit/${model}.batches.json`);
    const params = fixtureParams(model);
    const tensors = memory().numTensors;
    const { params: learned, report } = await metaInit({
      params,
      ...expected.config,
      loss: (p, batch: Batch) =>
        div(translationLoss(p, batch, { config, labelSmoothing }).lossSum, batch.trgTokens) as Scalar,
      batches: (i) => batches[i % batches.length],
      pieces: (batch) => {
        const pieces = cutBatch(batch, maxTokens ?? Infinity);
        assert.equal(pieces.length > 1, maxTokens !== undefined);
        return pieces.map((piece) => ({ batch: piece, weight: piece.trgTokens / batch.trgTokens }));
      },
    });
    disposeParams(learned);
    assert.equal(memory().numTensors, tensors);
    disposeParams(params);
    assert.deepEqual(report.names, expected.params);
    expected.iterations.forEach(({ gq, loss, gnorm_l2: norm, norm_grad: normGradients, alpha }, i) => {
      const found = report.iterations[i];
      within(found.gradientQuotient, gq, 1e-3 * gq, `iteration ${i + 1} quotient`);
      within(found.loss, loss, 1e-3 * loss, `iteration ${i + 1} loss`);
      within(found.gradNormL2, norm, 1e-3 * norm, `iteration ${i + 1} gradient norm`);
      normGradients.forEach((gradient, t) =>
        assert.equal(
          Math.sign(found.normGradients[t]),
          Math.sign(gradient),
          `iteration ${i + 1} sign of ${expected.params[t]}`,
        ),
      );
      alpha.forEach((scale, t) =>
        within(found.scales[t], scale, 1e-3 * scale, `iteration ${i + 1} scale of ${expected.params[t]}`),
      );
    });
  });
}
