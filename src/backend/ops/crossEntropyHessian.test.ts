import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { add, memory, mul, setBackend, sum, tensor, tidy, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import { valueAndGradients } from '../autodiff/valueAndGradients.js';
import { selectBackend } from '../select.js';
import { testBackends } from '../../../test/testBackends.js';
import { labelSmoothedCrossEntropy } from './crossEntropy.js';
import { hasKernel } from './dispatch.js';
import { crossEntropyHessianKernel } from './kernels.js';

const padId = 1;

function numbers(count: number, salt: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => 1.5 * Math.sin(12.9898 * (i + 1) + 78.233 * salt));
}

interface Case {
  readonly rows: number;
  readonly vocabSize: number;
  readonly d: number;
  readonly labelSmoothing: number;
}

/** The derivative of (u, gradient of the loss) by hidden and embedding: the Hessian times u. */
function hessianProduct({ rows, vocabSize, d, labelSmoothing }: Case): number[][] {
  const found: number[][] = [];
  tidy(() => {
    const targets = tensor(
      Int32Array.from({ length: rows }, (_, i) => (i % 5 === 3 ? padId : (7 * i + 2) % vocabSize)),
      [rows],
      'int32',
    );
    const at = new Map<string, Tensor>([
      ['hidden', tensor(numbers(rows * d, 1), [rows, d])],
      ['embedding', tensor(numbers(vocabSize * d, 2), [vocabSize, d])],
    ]);
    const u = [tensor(numbers(rows * d, 3), [rows, d]), tensor(numbers(vocabSize * d, 4), [vocabSize, d])];
    const { gradients } = valueAndGradients((p) => {
      const inner = valueAndGradients(
        (q) =>
          labelSmoothedCrossEntropy(q.get('hidden')!, q.get('embedding')!, targets, { labelSmoothing, padId }).lossSum,
        p,
      ).gradients;
      return add(sum(mul(inner.get('hidden')!, u[0])), sum(mul(inner.get('embedding')!, u[1]))) as Scalar;
    }, at);
    found.push(...[...gradients.values()].map((gradient) => [...gradient.dataSync()]));
  });
  return found;
}

// cpu has no kernel for it
for (const backend of testBackends.filter((name) => name !== 'cpu')) {
  describe(`Hessian product of the cross-entropy on ${backend}`, () => {
    let tensorsBefore = 0;
    before(async () => {
      await selectBackend('cpu');
      await selectBackend(backend);
      tensorsBefore = memory().numTensors;
    });
    after(() => assert.equal(memory().numTensors, tensorsBefore, 'leaked tensors'));

    // the last has more rows than a block of any backend
    for (const shape of [
      { rows: 3, vocabSize: 5, d: 2, labelSmoothing: 0 },
      { rows: 7, vocabSize: 40, d: 9, labelSmoothing: 0.1 },
      { rows: 300, vocabSize: 11, d: 4, labelSmoothing: 0.1 },
    ]) {
      test(`equals that of the composed twin: ${shape.rows} rows, ${shape.vocabSize} entries`, async () => {
        await setBackend('cpu');
        assert.ok(!hasKernel(crossEntropyHessianKernel));
        const expected = hessianProduct(shape);
        await setBackend(backend);
        assert.ok(hasKernel(crossEntropyHessianKernel));
        hessianProduct(shape).forEach((values, which) =>
          values.forEach((value, i) => {
            const wanted = expected[which][i];
            assert.ok(
              Math.abs(value - wanted) <= 2e-4 * (1 + Math.abs(wanted)),
              `${which === 0 ? 'hidden' : 'embedding'}[${i}]: found ${value}, expected ${wanted}`,
            );
          }),
        );
      });
    }
  });
}
