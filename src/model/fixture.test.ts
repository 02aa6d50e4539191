import { ForwardPass } from './forwardPass.js';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { div, matMul, memory, tidy, type Scalar, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { disposeParams, valueAndGradients, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { testBackends } from '../../test/testBackends.js';
import {
  fixtureParams,
  forwardFixtureNames,
  readFixtureModel,
  readFixtureTensors,
  readModelFixture,
} from '../../test/modelFixture.js';
import { sourceTokens, targetTokens, translationLoss } from './loss.js';
import { outputMatrix, parameterShapes } from './parameters.js';
import { decode, encode } from './transformer.js';

/** Tolerances that the reference numbers state for float32. */
const absoluteTolerance = 1e-4;
const relativeTolerance = 1e-4;

function assertRelative(found: number, expected: number, what: string): void {
  assert.ok(
    Math.abs(found - expected) <= relativeTolerance * Math.abs(expected),
    `${what}: found ${found}, expected ${expected}`,
  );
}

function l2(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((total, value) => total + value * value, 0));
}

for (const backend of testBackends) {
  for (const name of forwardFixtureNames) {
    describe(`${name} on ${backend} equals the reference numbers`, () => {
      let params: Map<string, Tensor>;
      before(async () => {
        await selectBackend(backend);
        params = fixtureParams(name);
      });
      after(() => disposeParams(params));

      test('names, shapes and order of the parameters', () => {
        const { config, shapes } = readFixtureModel(name);
        assert.deepEqual([...parameterShapes(config)], [...shapes]);
      });

      test('encoder output and logits', () => {
        const { config, batch } = readFixtureModel(name);
        const expected = readFixtureTensors(`${name}/activations.safetensors`);
        tidy(() => {
          const encoded = encode(params, sourceTokens(batch, config), new ForwardPass(config));
          const logits = matMul(
            decode(params, targetTokens(batch, config), encoded, new ForwardPass(config)) as Tensor2D,
            outputMatrix(params) as Tensor2D,
            false,
            true,
          );
          assertRowsClose(encoded.hidden, expected.get('encoder_out')!.data, batch.src, 'encoder_out');
          assertRowsClose(logits, expected.get('logits')!.data, batch.trgOut, 'logits');
        });
      });

      test('loss and every gradient', () => {
        const { config, labelSmoothing, batch } = readFixtureModel(name);
        const expected = readModelFixture<{
          loss: number;
          nll: number;
          loss_sum: number;
          nll_sum: number;
          grad: Record<string, { l1: number; l2: number }>;
        }>(`${name}/expected.json`);
        const expectedGradients = readFixtureTensors(`${name}/grads.safetensors`);
        const before = memory().numTensors;
        tidy(() => {
          const { lossSum, nllSum } = translationLoss(params, batch, { config, labelSmoothing });
          assertRelative(lossSum.dataSync()[0], expected.loss_sum, 'lossSum');
          assertRelative(nllSum.dataSync()[0], expected.nll_sum, 'nllSum');

          const meanLoss = (named: Params): Scalar =>
            div(translationLoss(named, batch, { config, labelSmoothing }).lossSum, batch.trgTokens);
          const { value, gradients } = valueAndGradients(meanLoss, params);
          assertRelative(value.dataSync()[0], expected.loss, 'loss');
          assert.deepEqual([...gradients.keys()], [...params.keys()]);
          gradients.forEach((gradient, parameterName) => {
            if (parameterName.endsWith('k_proj.bias')) return; // zero in exact arithmetic: only rounding is left
            const found = gradient.dataSync<'float32'>();
            const { data } = expectedGradients.get(parameterName)!;
            const error = l2(found.map((value, at) => value - data[at]));
            assert.ok(error <= relativeTolerance * l2(data), `${parameterName}: relative error ${error / l2(data)}`);
            assertRelative(l2(found), expected.grad[parameterName].l2, `L2 of ${parameterName}`);
            assertRelative(
              found.reduce((total, value) => total + Math.abs(value), 0),
              expected.grad[parameterName].l1,
              `L1 of ${parameterName}`,
            );
          });
        });
        assert.equal(memory().numTensors, before);
      });
    });
  }
}

/** Compares the rows of tokens that are not pads. */
function assertRowsClose(found: Tensor, expected: ArrayLike<number>, ids: Int32Array, what: string): void {
  const width = found.shape[1]!;
  const values = found.dataSync();
  assert.equal(values.length, expected.length);
  ids.forEach((id, row) => {
    if (id === 1) return;
    for (let at = row * width; at < (row + 1) * width; at++) {
      assert.ok(
        Math.abs(values[at] - expected[at]) <= absoluteTolerance,
        `${what}[${row}, ${at - row * width}]: found ${values[at]}, expected ${expected[at]}`,
      );
    }
  });
}
