import '../../test/float64.js';
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { abs, addN, div, fill, memory, mul, sum, tidy, type Scalar } from '@tensorflow/tfjs-core';
import { finiteDifferences } from '../../test/slowOps.js';
import { disposeParams, valueAndGradients, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { cutBatch, makeBatch, type Batch } from '../data/batch.js';
import { gradInit, type GradInitReport } from '../gradinit/gradInit.js';
import { residualSchemes, type ModelConfig } from '../model/config.js';
import { initParams } from '../model/init.js';
import { translationLoss } from '../model/loss.js';

before(async () => void (await selectBackend('cpu')));

const batch = makeBatch([
  { src: [4, 7, 2], trg: [5, 2] },
  { src: [8, 2], trg: [6, 4, 2] },
]);

for (const residual of residualSchemes) {
  const model: ModelConfig = {
    srcVocabSize: 9,
    trgVocabSize: 9,
    dModel: 4,
    dFf: 6,
    numHeads: 2,
    numEncoderLayers: 1,
    numDecoderLayers: 1,
    sharing: 'tied',
    residual,
    layerNormEps: 1e-5,
    dropout: 0,
    attentionDropout: 0,
    reluDropout: 0,
  };
  const loss = (params: Params, of: Batch): Scalar =>
    div(translationLoss(params, of, { config: model, labelSmoothing: 0.1 }).lossSum, of.trgTokens);

  test(`${residual}: GradInit's constraint differentiates the gradient norm exactly, residual scales included`, async () => {
    const drawn = initParams(model, { method: 'fairseq', seed: 2 });
    const params = new Map(
      [...drawn].map(([name, tensor]) => [name, name.includes('residual_scale') ? fill(tensor.shape, 1.3) : tensor]),
    );
    const { params: learned, report } = await gradInit({
      params,
      loss,
      batches: () => ({ first: batch, second: batch }),
      options: {
        algorithm: 'adam',
        variant: 'paper',
        eta: 1e-2,
        gamma: 1e-6,
        iterations: 1,
        normalizeGrad: false,
        lr: 1e-4,
        minScale: 0.01,
      },
    });
    disposeParams(learned);
    const norm = (scales: ArrayLike<number>): number => {
      let value = NaN;
      tidy(() => {
        const scaled = new Map([...params].map(([name, tensor], t) => [name, mul(tensor, scales[t])]));
        value = addN(
          [...valueAndGradients((p) => loss(p, batch), scaled).gradients.values()].map((g) => sum(abs(g))),
        ).dataSync()[0];
      });
      return value;
    };
    const expected = finiteDifferences(
      norm,
      [...params].map(() => 1),
      1e-6,
    );
    const largest = Math.max(...expected.map(Math.abs));
    report.iterations[0].scaleGradients.forEach((found, t) => {
      assert.ok(
        Math.abs(found! - expected[t]) < 1e-5 * largest,
        `${[...params.keys()][t]}: found ${found}, expected ${expected[t]}`,
      );
    });
    disposeParams(params);
  });

  for (const algorithm of ['adam', 'sgd'] as const) {
    for (const [branch, gamma] of [
      ['constraint', 1e-6],
      ['objective', 1e6],
    ] as const) {
      test(`${residual}, ${algorithm}, ${branch}: a batch in pieces gives what the whole batch gives, one piece at a time`, async () => {
        const params = initParams(model, { method: 'fairseq', seed: 2 });
        const tensorsAtLoss: number[] = [];
        const run = async (pieceTokens: number): Promise<GradInitReport> => {
          tensorsAtLoss.length = 0;
          const { params: learned, report } = await gradInit({
            params,
            loss: (p: Params, of: Batch) => {
              tensorsAtLoss.push(memory().numTensors);
              return loss(p, of);
            },
            batches: () => ({ first: batch, second: batch }),
            pieces: (whole) =>
              cutBatch(whole, pieceTokens).map((piece) => ({
                batch: piece,
                weight: piece.trgTokens / whole.trgTokens,
              })),
            options: {
              algorithm,
              variant: 'paper',
              eta: 1e-2,
              gamma,
              iterations: 2,
              normalizeGrad: false,
              lr: 1e-3,
              minScale: 0.01,
            },
          });
          disposeParams(learned);
          return report;
        };
        const before = memory().numTensors;
        const whole = await run(100);
        assert.equal(tensorsAtLoss.length, 4); // two computations in two iterations
        const pieces = await run(3);
        assert.equal(tensorsAtLoss.length, 8);
        // the first piece's tensors are released before the second begins, except its gradients and its loss
        assert.ok(tensorsAtLoss[1] - tensorsAtLoss[0] <= params.size + 1, `${tensorsAtLoss}`);
        assert.equal(memory().numTensors, before, 'leaked tensors');
        whole.iterations.forEach((expected, i) => {
          const found = pieces.iterations[i];
          assert.equal(found.branch, branch);
          const close = (a: number, b: number): void =>
            assert.ok(Math.abs(a - b) < 1e-10 * (1 + Math.abs(b)), `found ${a}, expected ${b}`);
          close(found.gradNorm, expected.gradNorm);
          close(found.lossBefore, expected.lossBefore);
          close(found.lossAfter ?? 0, expected.lossAfter ?? 0);
          expected.scaleGradients.forEach((derivative, t) => close(found.scaleGradients[t]!, derivative!));
        });
        disposeParams(params);
      });
    }
  }
}
