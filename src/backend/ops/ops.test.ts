import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  add,
  fill,
  fused,
  grads,
  matMul,
  memory,
  mul,
  scalar,
  slice,
  sum,
  tensor,
  tidy,
  transpose,
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
} from '@tensorflow/tfjs-core';
import { ShapeError, UsageError } from '../../errors.js';
import { selectBackend } from '../select.js';
import { testBackends } from '../../../test/testBackends.js';
import { attention } from './attention.js';
import { adamStep } from './adamStep.js';
import { labelSmoothedCrossEntropy } from './crossEntropy.js';
import { dropout, dropoutMask } from './dropout.js';
import type { DropoutDraw } from './dropoutDraw.js';
import { embedTokens } from './embedding.js';
import { layerNorm, residualLayerNorm } from './layerNorm.js';
import { linear, linears } from './linear.js';
import { sgdStep } from './sgdStep.js';
import {
  finiteDifferences,
  slowAttention,
  slowCrossEntropy,
  slowLayerNorm,
  slowLinear,
} from '../../../test/slowOps.js';
import { rowLogSumExp } from './rowLogSumExp.js';
import { normBlock } from './normBlocks.js';
import { squaredNorms, totalSquaredNorm } from './squaredNorm.js';

/** Reproducible numbers in about [-1.5, 1.5]. */
function numbers(count: number, salt: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => 1.5 * Math.sin(12.9898 * (i + 1) + 78.233 * salt));
}

function assertClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(found.length, expected.length, `${what}: length`);
  for (let i = 0; i < expected.length; i++) {
    assert.ok(
      Math.abs(found[i] - expected[i]) <= tolerance * (1 + Math.abs(expected[i])),
      `${what}[${i}]: found ${found[i]}, expected ${expected[i]}`,
    );
  }
}

function weightedSum(values: ArrayLike<number>, weights: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] * weights[i];
  return total;
}

/** Checks the gradient of sum(weights * op(inputs)) for every input against finite differences of the slow loops. */
function checkGradients(
  op: (...inputs: Tensor[]) => Tensor,
  slow: (...inputs: ArrayLike<number>[]) => ArrayLike<number>,
  inputs: Tensor[],
  tolerance = 2e-4,
): void {
  const values = inputs.map((input) => input.dataSync());
  const weights = numbers(slow(...values).length, 99);
  const found = grads((...x: Tensor[]) => {
    const y = op(...x);
    return sum(mul(y, tensor(weights, y.shape))) as Scalar;
  })(inputs);
  inputs.forEach((_, which) => {
    const expected = finiteDifferences(
      (x) => weightedSum(slow(...values.map((v, i) => (i === which ? x : v))), weights),
      values[which],
    );
    assertClose(found[which].dataSync(), expected, tolerance, `gradient of input ${which}`);
  });
}

const draw: DropoutDraw = { rate: 0.3, seed: 2 ** 40 + 17, step: 5, microBatch: 1, site: 3 };

test('a dropout mask keeps the right share and depends on every part of the draw', () => {
  const mask = dropoutMask(40_000, draw);
  const kept = mask.filter((m) => m !== 0).length / mask.length;
  assert.ok(Math.abs(kept - 0.7) < 0.01, `kept ${kept}`); // 4 standard deviations
  assert.ok(mask.every((m) => m === 0 || m === Math.fround(1 / 0.7)));
  for (const other of [{ seed: 18 }, { seed: 2 ** 41 + 17 }, { step: 6 }, { microBatch: 0 }, { site: 4 }]) {
    assert.notDeepEqual(dropoutMask(64, { ...draw, ...other }), mask.slice(0, 64));
  }
  assert.deepEqual(dropoutMask(7, draw), mask.slice(0, 7));
});

for (const backend of testBackends) {
  describe(`ops on ${backend}`, () => {
    let tensorsBefore = 0;
    before(async () => {
      await selectBackend(backend);
      tensorsBefore = memory().numTensors;
    });
    after(() => assert.equal(memory().numTensors, tensorsBefore, 'leaked tensors'));
    const check = (name: string, run: () => void): void => void test(name, () => tidy(run));

    check('dropout applies its mask, and the same mask to the gradient', () => {
      const x = numbers(35, 1);
      const mask = dropoutMask(35, draw);
      assertClose(
        dropout(tensor(x, [5, 7]), draw).dataSync(),
        x.map((value, i) => value * mask[i]),
        1e-6,
        'dropout',
      );
      checkGradients(
        (t) => dropout(t, draw),
        (values) => Array.from(values, (value, i) => value * mask[i]),
        [tensor(x, [5, 7])],
      );
      const t = tensor(x);
      assert.equal(dropout(t), t);
      assert.equal(dropout(t, { ...draw, rate: 0 }), t);
      assert.throws(() => dropout(t, { ...draw, rate: 1 }), UsageError);
    });

    check('linear is x Wᵀ + b with ReLU and dropout', () => {
      assertClose(
        linear(
          tensor([[1, 2]]),
          tensor([
            [3, 4],
            [5, 6],
            [7, 8],
          ]),
          tensor([0.5, 0, -100]),
        ).dataSync(),
        [11.5, 17, -77],
        1e-6,
        'by hand',
      );
      const inputs = [tensor(numbers(6 * 5, 1), [6, 5]), tensor(numbers(3 * 5, 2), [3, 5]), tensor(numbers(3, 3))];
      for (const relu of [false, true]) {
        for (const mask of [undefined, dropoutMask(18, draw)]) {
          const slow = (x: ArrayLike<number>, w: ArrayLike<number>, b: ArrayLike<number>) =>
            slowLinear(x, w, b, 5, 3, relu).map((y, i) => y * (mask?.[i] ?? 1));
          const op = (x: Tensor, w: Tensor, b: Tensor) => linear(x, w, b, { relu, dropout: mask && draw });
          assertClose(
            op(inputs[0], inputs[1], inputs[2]).dataSync(),
            slow(inputs[0].dataSync(), inputs[1].dataSync(), inputs[2].dataSync()),
            1e-5,
            'linear',
          );
          checkGradients(op as never, slow, inputs);
        }
      }
      checkGradients(
        (x, w) => linear(x, w),
        (x, w) => slowLinear(x, w, [0, 0, 0], 5, 3, false),
        inputs.slice(0, 2),
      );
      assert.throws(() => linear(inputs[0], tensor(numbers(6, 1), [2, 3])), ShapeError);
      assert.throws(
        () => linear(inputs[0], inputs[1], tensor([1, 2])),
        /found weight \[3,5\] and bias \[2\]; expected bias \[3\]/,
      );
    });

    check('what is not a number stays so behind ReLU', () => {
      // wide enough for a register of every width and a rest, and for more than one thread
      const [rows, inSize, outSize] = [300, 72, 90];
      const spoilt = numbers(rows * inSize, 1);
      spoilt[5 * inSize + 3] = NaN;
      const [x, weight, bias] = [
        tensor(spoilt, [rows, inSize]),
        tensor(numbers(outSize * inSize, 2), [outSize, inSize]),
        tensor(numbers(outSize, 3)),
      ];
      const mask = dropoutMask(rows * outSize, draw);
      for (const dropped of [false, true]) {
        const y = linear(x, weight, bias, { relu: true, dropout: dropped ? draw : undefined }).dataSync();
        y.forEach((value, i) => {
          if (Math.floor(i / outSize) !== 5) assert.ok(value >= 0, `element ${i}: ${value}`);
          else if (!dropped || mask[i] !== 0) assert.ok(Number.isNaN(value), `element ${i}: ${value}`);
        });
      }
      if (backend === 'wasm') return; // tfjs's own fused product, which is not used here, gives 0
      const product = fused
        .matMul({ a: x as Tensor2D, b: transpose(weight) as Tensor2D, bias, activation: 'relu' })
        .arraySync() as number[][];
      assert.ok(product[5].every(Number.isNaN));
      assert.ok(product[4].every((value) => value >= 0));
    });

    check('matMul repeats each operand along its own dimensions of size 1', () => {
      const ones = tensor(new Float32Array(6).fill(1), [2, 3, 1, 1]);
      const right = [10, 10, 10, 20, 20, 20];
      assert.deepEqual([...matMul(ones, tensor([10, 20], [2, 1, 1, 1])).dataSync()], right);
      assert.deepEqual([...matMul(tensor([10, 20], [2, 1, 1, 1]), ones).dataSync()], right);
      const outer = matMul(tensor([1, 2], [2, 1, 1, 1]), tensor([10, 20], [1, 2, 1, 1]));
      assert.deepEqual(outer.shape, [2, 2, 1, 1]);
      assert.deepEqual([...outer.dataSync()], [10, 20, 20, 40]);
      const [da, db] = grads(
        (a: Tensor, b: Tensor) => sum(mul(matMul(a, b), tensor([1, 2, 3, 4], [2, 2, 1, 1]))) as Scalar,
      )([tensor([1, 2], [2, 1, 1, 1]), tensor([10, 20], [1, 2, 1, 1])]);
      assert.deepEqual([...da.dataSync(), ...db.dataSync()], [50, 110, 7, 10]);
      const transposed = matMul(tensor(numbers(24, 1), [2, 1, 4, 3]), tensor(numbers(36, 2), [3, 3, 4]), true, true);
      assert.deepEqual(transposed.shape, [2, 3, 3, 3]);
      const [a, b] = [numbers(24, 1), numbers(36, 2)];
      assertClose(
        transposed.dataSync(),
        Array.from({ length: 54 }, (_, i) => {
          const [first, second, row, column] = [
            Math.floor(i / 27),
            Math.floor(i / 9) % 3,
            Math.floor(i / 3) % 3,
            i % 3,
          ];
          return [0, 1, 2, 3].reduce(
            (total, k) => total + a[first * 12 + k * 3 + row] * b[second * 12 + column * 4 + k],
            0,
          );
        }),
        1e-5,
        'transposed',
      );
    });

    check('operations of no rows, no width or no tokens', () => {
      // reused memory does not contain zeros by chance
      fill([4096], NaN).dispose();
      const [none, ids] = [tensor([], [0, 6]), tensor([], [0], 'int32')];
      const [weight, bias] = [tensor(numbers(24, 1), [4, 6]), tensor([1, -2, 3, -4])];
      const shifted = tensor([1, 2, 3, 4, 5, 6]);
      const options = { labelSmoothing: 0.1, padId: 1 };
      const empty: [Tensor, number[]][] = [
        [linear(none, weight, bias, { relu: true }), [0, 4]],
        ...linears(none, [weight, weight], [bias, bias]).map((y): [Tensor, number[]] => [y, [0, 4]]),
        [layerNorm(none, shifted, shifted, 1e-2), [0, 6]],
        [embedTokens(ids, weight, { scale: 2, padId: 1 }), [0, 6]],
        [
          attention(none, none, none, {
            batch: 0,
            queryLength: 3,
            keyLength: 3,
            numHeads: 2,
            keyLengths: ids as Tensor1D,
            causal: true,
          }),
          [0, 6],
        ],
        [rowLogSumExp(none), [0]],
        [dropout(none, draw), [0, 6]],
      ];
      for (const [y, shape] of empty) assert.deepEqual([y.shape, [...y.dataSync()]], [shape, []]);
      assert.deepEqual(
        [
          ...labelSmoothedCrossEntropy(none, weight, ids, options).lossSum.dataSync(),
          ...squaredNorms([none, bias]).dataSync(),
        ],
        [0, 30],
      );

      const [narrow, narrowWeight] = [tensor([], [3, 0]), tensor([], [4, 0])];
      assert.deepEqual(
        [...linear(narrow, narrowWeight, bias, { relu: true }).dataSync()],
        [1, 0, 3, 0, 1, 0, 3, 0, 1, 0, 3, 0],
      );
      assert.deepEqual([...linear(narrow, narrowWeight).dataSync()], Array(12).fill(0));
      assert.deepEqual([...matMul(tensor([], [2, 0]), tensor([], [0, 3])).dataSync()], Array(6).fill(0));

      const operations: ((x: Tensor, w: Tensor, b: Tensor) => Tensor)[] = [
        (x, w, b) => linear(x, w, b, { relu: true }),
        (x, w, b) => linears(x, [w], [b])[0],
        (x, w) => labelSmoothedCrossEntropy(x, w, ids, options).lossSum,
      ];
      for (const operation of operations) {
        const gradients = grads((x: Tensor, w: Tensor, b: Tensor) => add(operation(x, w, b), mul(sum(b), 0)))(
          [none, weight, bias],
          operation(none, weight, bias),
        );
        assert.deepEqual(
          gradients.map((gradient) => [gradient.shape, [...gradient.dataSync()]]),
          [
            [[0, 6], []],
            [[4, 6], Array(24).fill(0)],
            [[4], [0, 0, 0, 0]],
          ],
        );
      }
    });

    check('a vocabulary of one token, and a pad outside the vocabulary', () => {
      const hidden = tensor(numbers(6, 1), [2, 3]);
      for (const labelSmoothing of [0, 0.1]) {
        const one = labelSmoothedCrossEntropy(hidden, tensor(numbers(3, 2), [1, 3]), tensor([0, 0], [2], 'int32'), {
          labelSmoothing,
          padId: 7,
        });
        assertClose([...one.lossSum.dataSync(), ...one.nllSum.dataSync()], [0, 0], 1e-6, 'one token');
        if (backend === 'cpu' || backend === 'webgpu') continue; // tfjs's gather takes no id outside the table
        const table = tensor(numbers(12, 2), [4, 3]);
        const lossOf = (h: Tensor, targets: number[]): Scalar =>
          labelSmoothedCrossEntropy(h, table, tensor(targets, [targets.length], 'int32'), { labelSmoothing, padId: 7 })
            .lossSum;
        assertClose(
          lossOf(hidden, [2, 7]).dataSync(),
          lossOf(slice(hidden, [0, 0], [1, 3]), [2]).dataSync(),
          1e-6,
          'pad',
        );
      }
      assert.throws(() =>
        labelSmoothedCrossEntropy(hidden, tensor(numbers(12, 2), [4, 3]), tensor([2, 5], [2], 'int32'), {
          labelSmoothing: 0,
          padId: 7,
        }).lossSum.dataSync(),
      );
    });

    check('linears gives every projection of one input', () => {
      const x = tensor(numbers(20, 1), [4, 5]);
      const weights = [tensor(numbers(15, 2), [3, 5]), tensor(numbers(10, 3), [2, 5])];
      const biases = [tensor(numbers(3, 4)), tensor(numbers(2, 5))];
      linears(x, weights, biases).forEach((y, i) => {
        assertClose(
          y.dataSync(),
          slowLinear(x.dataSync(), weights[i].dataSync(), biases[i].dataSync(), 5, weights[i].shape[0]!, false),
          1e-5,
          `projection ${i}`,
        );
      });
      const weightOf = [numbers(12, 6), numbers(8, 7)];
      const found = grads((input: Tensor, w0: Tensor, w1: Tensor, b0: Tensor, b1: Tensor) => {
        const [y0, y1] = linears(input, [w0, w1], [b0, b1]);
        return add(sum(mul(y0, tensor(weightOf[0], [4, 3]))), sum(mul(y1, tensor(weightOf[1], [4, 2])))) as Scalar;
      })([x, ...weights, ...biases]);
      const all = [x, ...weights, ...biases].map((t) => t.dataSync());
      all.forEach((_, which) => {
        const expected = finiteDifferences((changed) => {
          const [input, w0, w1, b0, b1] = all.map((values, i) => (i === which ? changed : values));
          return (
            weightedSum(slowLinear(input, w0, b0, 5, 3, false), weightOf[0]) +
            weightedSum(slowLinear(input, w1, b1, 5, 2, false), weightOf[1])
          );
        }, all[which]);
        assertClose(found[which].dataSync(), expected, 2e-4, `gradient of input ${which}`);
      });
    });

    check('layer normalisation, alone and of a residual with dropout', () => {
      const x = tensor(numbers(21, 1), [3, 7]);
      const residual = tensor(numbers(21, 2), [3, 7]);
      const gamma = tensor(numbers(7, 3));
      const beta = tensor(numbers(7, 4));
      assertClose(layerNorm(tensor([[1, 3]]), tensor([1, 1]), tensor([0, 1]), 0).dataSync(), [-1, 2], 1e-6, 'by hand');
      assertClose(
        layerNorm(x, gamma, beta, 1e-5).dataSync(),
        slowLayerNorm(x.dataSync(), gamma.dataSync(), beta.dataSync(), 1e-5),
        1e-5,
        'layerNorm',
      );
      checkGradients(
        (a, g, b) => layerNorm(a, g, b, 1e-5),
        (a, g, b) => slowLayerNorm(a, g, b, 1e-5),
        [x, gamma, beta],
      );
      for (const mask of [undefined, dropoutMask(21, draw)]) {
        const slow = (a: ArrayLike<number>, r: ArrayLike<number>, g: ArrayLike<number>, b: ArrayLike<number>) =>
          slowLayerNorm(
            Float64Array.from(r, (value, i) => value + a[i] * (mask?.[i] ?? 1)),
            g,
            b,
            1e-5,
          );
        const op = (a: Tensor, r: Tensor, g: Tensor, b: Tensor) => residualLayerNorm(a, r, g, b, 1e-5, mask && draw);
        assertClose(
          op(x, residual, gamma, beta).dataSync(),
          slow(x.dataSync(), residual.dataSync(), gamma.dataSync(), beta.dataSync()),
          1e-5,
          'residualLayerNorm',
        );
        checkGradients(op as never, slow, [x, residual, gamma, beta]);
      }
      assert.throws(() => layerNorm(x, gamma, tensor([1]), 1e-5), ShapeError);
      assert.throws(() => residualLayerNorm(x, gamma, gamma, beta, 1e-5), ShapeError);
    });

    check('attention masks short sources and later positions, head by head', () => {
      const size = { batch: 2, queryLength: 3, keyLength: 3, numHeads: 2 };
      const keyLengths = tensor([3, 2], [2], 'int32') as Tensor1D;
      const inputs = [1, 2, 3].map((salt) => tensor(numbers(2 * 3 * 10, salt), [6, 10]));
      for (const causal of [false, true]) {
        for (const mask of [undefined, dropoutMask(2 * 2 * 3 * 3, draw)]) {
          const slow = (q: ArrayLike<number>, k: ArrayLike<number>, v: ArrayLike<number>) =>
            slowAttention(q, k, v, [3, 2], mask, { ...size, causal });
          const op = (q: Tensor, k: Tensor, v: Tensor) =>
            attention(q, k, v, { ...size, keyLengths, causal, dropout: mask && draw });
          assertClose(
            op(inputs[0], inputs[1], inputs[2]).dataSync(),
            slow(inputs[0].dataSync(), inputs[1].dataSync(), inputs[2].dataSync()),
            1e-5,
            'attention',
          );
          checkGradients(op as never, slow, inputs);
        }
      }
      const wider = { ...size, keyLength: 5 };
      const keys = [4, 5].map((salt) => tensor(numbers(100, salt), [10, 10]));
      const cross = (q: Tensor, k: Tensor, v: Tensor) =>
        attention(q, k, v, { ...wider, keyLengths: tensor([5, 1], [2], 'int32') as Tensor1D, causal: false });
      checkGradients(
        cross as never,
        (q, k, v) => slowAttention(q, k, v, [5, 1], undefined, { ...wider, causal: false }),
        [inputs[0], ...keys],
      );
      assert.throws(
        () => attention(inputs[0], keys[0], keys[1], { ...wider, keyLengths, causal: true }),
        /found T=3 and S=5/,
      );
      assert.throws(
        () => attention(inputs[0], inputs[1], inputs[2], { ...size, numHeads: 3, keyLengths, causal: false }),
        ShapeError,
      );
    });

    check('embedTokens adds repeated rows up and leaves the pad row alone', () => {
      const ids = tensor([3, 1, 3, 0, 1, 2], [6], 'int32');
      const table = tensor(numbers(15, 1), [5, 3]);
      const options = { scale: 2, padId: 1 };
      const slow = (e: ArrayLike<number>) =>
        [3, 1, 3, 0, 1, 2].flatMap((id) => [0, 1, 2].map((i) => 2 * e[id * 3 + i]));
      assertClose(embedTokens(ids, table, options).dataSync(), slow(table.dataSync()), 1e-6, 'rows');
      const weights = numbers(18, 5);
      const gradient = grads((e: Tensor) => sum(mul(embedTokens(ids, e, options), tensor(weights, [6, 3]))) as Scalar)([
        table,
      ])[0].dataSync();
      const expected = new Float64Array(15);
      [3, 1, 3, 0, 1, 2].forEach((id, n) => {
        if (id !== 1) for (let i = 0; i < 3; i++) expected[id * 3 + i] += 2 * weights[n * 3 + i];
      });
      assertClose(gradient, expected, 1e-5, 'gradient');
      assert.throws(() => embedTokens(tensor([1, 2]), table, options), ShapeError);
    });

    check('label-smoothed cross-entropy skips pads and divides the smoothing by V - 1', () => {
      const hidden = tensor(numbers(5 * 4, 1), [5, 4]);
      const embedding = tensor(numbers(7 * 4, 2), [7, 4]);
      const targets = tensor([2, 1, 6, 3, 1], [5], 'int32');
      for (const labelSmoothing of [0, 0.1]) {
        const options = { labelSmoothing, padId: 1 };
        const expected = slowCrossEntropy(
          hidden.dataSync(),
          embedding.dataSync(),
          targets.dataSync(),
          4,
          labelSmoothing,
          1,
        );
        const { lossSum, nllSum } = labelSmoothedCrossEntropy(hidden, embedding, targets, options);
        assertClose(lossSum.dataSync(), [expected.lossSum], 1e-5, 'lossSum');
        assertClose(nllSum.dataSync(), [expected.nllSum], 1e-5, 'nllSum');
        checkGradients(
          (h, e) => labelSmoothedCrossEntropy(h, e, targets, options).lossSum,
          (h, e) => [slowCrossEntropy(h, e, targets.dataSync(), 4, labelSmoothing, 1).lossSum],
          [hidden, embedding],
        );
      }
      const uniform = labelSmoothedCrossEntropy(
        tensor([[0, 0]]),
        tensor(numbers(8, 1), [4, 2]),
        tensor([3], [1], 'int32'),
        { labelSmoothing: 0.1, padId: 1 },
      );
      assertClose(uniform.lossSum.dataSync(), [Math.log(4)], 1e-6, 'uniform');
      assert.throws(
        () => labelSmoothedCrossEntropy(hidden, embedding, tensor([1], [1], 'int32'), { labelSmoothing: 0, padId: 1 }),
        ShapeError,
      );
    });

    check('adamStep follows the formula over two steps and leaves values alone that others share', () => {
      const p = numbers(6, 1);
      const g = numbers(6, 2);
      const options = { lr: 0.1, beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0.1, gradientScale: 0.5 };
      const start = tensor(p, [2, 3]);
      const shared = start.clone();
      let state = {
        params: [start],
        firstMoments: [tensor(new Float32Array(6), [2, 3])],
        secondMoments: [tensor(new Float32Array(6), [2, 3])],
      };
      const expected = { p: Float64Array.from(p), m: new Float64Array(6), v: new Float64Array(6) };
      for (let step = 1; step <= 2; step++) {
        state = adamStep(state.params, [tensor(g, [2, 3])], state.firstMoments, state.secondMoments, {
          ...options,
          step,
        });
        for (let i = 0; i < 6; i++) {
          const gradient = 0.5 * g[i];
          expected.m[i] = 0.9 * expected.m[i] + 0.1 * gradient;
          expected.v[i] = 0.98 * expected.v[i] + 0.02 * gradient ** 2;
          const rate = (0.1 * Math.sqrt(1 - 0.98 ** step)) / (1 - 0.9 ** step);
          expected.p[i] = expected.p[i] * (1 - 0.01) - (rate * expected.m[i]) / (Math.sqrt(expected.v[i]) + 1e-8);
        }
      }
      assertClose(state.params[0].dataSync(), expected.p, 1e-5, 'params');
      assertClose(state.firstMoments[0].dataSync(), expected.m, 1e-5, 'first moments');
      assertClose(state.secondMoments[0].dataSync(), expected.v, 1e-5, 'second moments');
      assert.deepEqual(state.params[0].shape, [2, 3]);
      assert.deepEqual(shared.dataSync(), p);
      assert.ok(start.isDisposed);
    });

    check('sgdStep follows torch: plain, momentum, Nesterov, weight decay', () => {
      const p = numbers(5, 1);
      const g = numbers(5, 2);
      for (const { momentum, nesterov, weightDecay } of [
        { momentum: 0, nesterov: false, weightDecay: 0 },
        { momentum: 0.9, nesterov: false, weightDecay: 0.1 },
        { momentum: 0.9, nesterov: true, weightDecay: 0 },
      ]) {
        let params = [tensor(p)];
        let buffers: Tensor[] | undefined;
        const expected = Float64Array.from(p);
        const buffer = new Float64Array(5);
        for (let step = 1; step <= 2; step++) {
          ({ params, buffers } = sgdStep(params, [tensor(g)], buffers, {
            lr: 0.1,
            momentum,
            nesterov,
            weightDecay,
            gradientScale: 2,
          }));
          for (let i = 0; i < 5; i++) {
            const gradient = 2 * g[i] + weightDecay * expected[i];
            buffer[i] = step === 1 ? gradient : momentum * buffer[i] + gradient;
            expected[i] -= 0.1 * (nesterov ? gradient + momentum * buffer[i] : buffer[i]);
          }
        }
        if (momentum === 0) {
          for (let i = 0; i < 5; i++) expected[i] = p[i] - 0.4 * g[i];
          assert.equal(buffers, undefined);
        } else {
          assertClose(buffers![0].dataSync(), buffer, 1e-5, 'buffer');
        }
        assertClose(params[0].dataSync(), expected, 1e-5, `momentum ${momentum}, nesterov ${nesterov}`);
      }
    });

    check('rowLogSumExp does not overflow, keeps rows apart and passes NaN on', () => {
      const x = numbers(3 * 1031, 1).map((value) => 20 * value);
      x.fill(1000, 1031, 1033); // two of e^1000
      const expected = [0, 1, 2].map((row) => {
        const values = Array.from(x.subarray(row * 1031, (row + 1) * 1031));
        const largest = Math.max(...values);
        return largest + Math.log(values.reduce((total, value) => total + Math.exp(value - largest), 0));
      });
      assertClose(rowLogSumExp(tensor(x, [3, 1031])).dataSync(), expected, 1e-6, 'rowLogSumExp');
      const [broken, whole] = rowLogSumExp(
        tensor([
          [1, NaN, 3, 4, 5],
          [0, 0, 0, 0, 0],
        ]),
      ).dataSync();
      assert.ok(Number.isNaN(broken));
      assertClose([whole], [Math.log(5)], 1e-6, 'equal logits');
    });

    check('squaredNorms adds the squares of each block, and a block gives the same bits in another tensor', () => {
      const few = squaredNorms([tensor([1, 2]), tensor([[3], [4]]), scalar(5)]);
      assert.deepEqual([...few.dataSync()], [5, 25, 25]);
      const values = Float32Array.from({ length: 2 * normBlock + 1235 }, (_, i) => Math.sin(i));
      const whole = squaredNorms([tensor([7, 7]), tensor(values, [values.length / 7, 7])]).dataSync<'float32'>();
      assert.equal(whole.length, 4);
      const expected = values.reduce((total, value) => total + value * value, 98);
      assertClose([totalSquaredNorm(whole)], [expected], 1e-6, 'all squares');
      const parts = [values.slice(0, normBlock), values.slice(normBlock)];
      const ofParts = parts.flatMap((part) => [...squaredNorms([tensor(part)]).dataSync()]);
      assert.deepEqual(ofParts, [...whole.slice(1)]);
    });
  });
}
