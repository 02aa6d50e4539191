import '../../test/float64.js';
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import {
  add,
  cos,
  memory,
  mul,
  pow,
  square,
  sub,
  sum,
  tensor,
  tensor1d,
  tidy,
  type Scalar,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { UsageError } from '../errors.js';
import { gradientQuotient, metaInit } from './metaInit.js';

/* Losses whose gradient g and Hessian H are known: with a diagonal H the quotient's term of an element is |(g - Hg) / (g ± eps) - 1|. */

before(async () => void (await selectBackend('cpu')));

const quotientOf = (loss: (params: Params) => Scalar, params: Params, eps: number): number => {
  let value = NaN;
  tidy(() => {
    value = gradientQuotient(loss, params, eps).dataSync()[0];
  });
  return value;
};
const close = (found: number, expected: number, what: string): void =>
  assert.ok(
    Math.abs(found - expected) < 1e-9 * (1 + Math.abs(expected)),
    `${what}: found ${found}, expected ${expected}`,
  );

describe('the gradient quotient of losses that can be solved by hand (Dauphin and Schoenholz 2019)', () => {
  test('half of squares: g = p, H = 1, so g - Hg = 0 and the quotient is g / (g + eps sign g)', () => {
    const params = new Map([
      [
        'w',
        tensor([
          [0.5, -2],
          [3, -0.25],
        ]),
      ],
    ]);
    const loss = (p: Params): Scalar => mul(sum(square(p.get('w')!)), 0.5) as Scalar;
    // |0 - 1| for every element, of either sign
    close(quotientOf(loss, params, 1e-5), 1, 'quotient');
    disposeParams(params);
  });

  test('a linear loss has no curvature: only eps is left, eps / (|g| + eps)', () => {
    const params = new Map([['w', tensor1d([1, 2, 3, 4])]]);
    const loss = (p: Params): Scalar => sum(mul(p.get('w')!, tensor1d([1, -1, 0.5, -4]))) as Scalar;
    close(quotientOf(loss, params, 0.1), (0.1 / 1.1 + 0.1 / 1.1 + 0.1 / 0.6 + 0.1 / 4.1) / 4, 'quotient');
    disposeParams(params);
  });

  test('off-diagonal curvature counts: x y has H = [[0, 1], [1, 0]], so Hg = p and g the other element', () => {
    const params = new Map([
      ['x', tensor1d([2])],
      ['y', tensor1d([5])],
    ]);
    const loss = (p: Params): Scalar => sum(mul(p.get('x')!, p.get('y')!)) as Scalar;
    // g = (5, 2), Hg = (2, 5)
    close(
      quotientOf(loss, params, 1e-5),
      (Math.abs((5 - 2) / (5 + 1e-5) - 1) + Math.abs((2 - 5) / (2 + 1e-5) - 1)) / 2,
      'quotient',
    );
    disposeParams(params);
  });

  test('quarter of fourth powers: 3 p² at eps 0, averaged over all elements of all tensors', () => {
    const params = new Map([
      ['w', tensor([[0.5, -1]])],
      ['b', tensor1d([2])],
    ]);
    const loss = (p: Params): Scalar => mul(add(sum(pow(p.get('w')!, 4)), sum(pow(p.get('b')!, 4))), 0.25) as Scalar;
    close(quotientOf(loss, params, 0), (3 * 0.25 + 3 * 1 + 3 * 4) / 3, 'quotient');
    disposeParams(params);
  });
});

test('MetaInit: sign descent with momentum on norms, step by step (Algorithm 1); vectors stay as drawn', async () => {
  // of fourth powers the quotient is 3 a², which falls with the norm; of -cos it is |cos b|, which falls as the norm
  // grows
  const a = [
    [0.3, -0.4],
    [0.5, 0.6],
  ];
  const b = [[0.2, 0.3, -0.1]];
  const c = [0.7];
  const params: ReadonlyMap<string, Tensor> = new Map<string, Tensor>([
    ['a', tensor(a)],
    ['b', tensor(b)],
    ['c', tensor1d(c)],
  ]);
  const loss = (p: Params): Scalar =>
    sub(mul(sum(pow(p.get('a')!, 4)), 0.25), add(sum(cos(p.get('b')!)), sum(cos(p.get('c')!)))) as Scalar;
  const { params: learned, report } = await metaInit({
    params,
    loss,
    batches: () => undefined,
    iterations: 4,
    lr: 0.01,
    momentum: 0.5,
    eps: 0,
  });

  const norm = (values: readonly number[]): number =>
    Math.sqrt(values.reduce((total, value) => total + value * value, 0));
  const [aNorm, bNorm] = [norm(a.flat()), norm(b.flat())];
  // steps 0.01, 0.015, 0.0175, 0.01875 of a momentum of a half, down for a and up for b
  const moved = [0, 0.01, 0.025, 0.0425, 0.06125];
  assert.deepEqual(report.names, ['a', 'b']);
  report.iterations.forEach((iteration, i) => {
    const [aScale, bScale] = [(aNorm - moved[i]) / aNorm, (bNorm + moved[i]) / bNorm];
    const [aNow, bNow] = [a.flat().map((value) => value * aScale), b.flat().map((value) => value * bScale)];
    const terms = [...aNow.map((value) => 3 * value * value), ...bNow.map(Math.cos), ...c.map(Math.cos)];
    close(iteration.gradientQuotient, terms.reduce((total, value) => total + value, 0) / 8, `quotient ${i + 1}`);
    // d/d|a| of the sum of 3 a² is 6 |a|; d/d|b| of the sum of cos b is -sum(b sin b) / |b|
    close(iteration.normGradients[0], (6 * norm(aNow)) / 8, `gradient of a's norm ${i + 1}`);
    close(
      iteration.normGradients[1],
      -bNow.reduce((total, value) => total + value * Math.sin(value), 0) / norm(bNow) / 8,
      `gradient of b's norm ${i + 1}`,
    );
    close(iteration.norms[0], aNorm - moved[i + 1], `norm of a ${i + 1}`);
    close(iteration.norms[1], bNorm + moved[i + 1], `norm of b ${i + 1}`);
    close(
      iteration.loss,
      aNow.reduce((total, value) => total + value ** 4 / 4, 0) -
        [...bNow, ...c].reduce((total, value) => total + Math.cos(value), 0),
      `loss ${i + 1}`,
    );
  });
  learned
    .get('a')!
    .dataSync()
    .forEach((value, i) => close(value, a.flat()[i] * (1 - 0.06125 / aNorm), `a[${i}]`));
  learned
    .get('b')!
    .dataSync()
    .forEach((value, i) => close(value, b.flat()[i] * (1 + 0.06125 / bNorm), `b[${i}]`));
  assert.deepEqual([...learned.get('c')!.dataSync()], c);
  disposeParams(learned);
  disposeParams(params);
});

test("a norm that moves past zero flips its tensor's sign and continues from there, as in the authors' program", async () => {
  // of a quarter of fourth powers the derivative by the norm is always positive: norms only fall
  const params = new Map([['a', tensor([[0.03, -0.04]])]]);
  const loss = (p: Params): Scalar => mul(sum(pow(p.get('a')!, 4)), 0.25) as Scalar;
  const { params: learned, report } = await metaInit({
    params,
    loss,
    batches: () => undefined,
    iterations: 3,
    lr: 0.06,
    momentum: 0,
    eps: 0,
  });
  // 0.05 - 0.06 = -0.01: the norm is then 0.01; 0.01 - 0.06 = -0.05 flips it again
  [0.01, 0.05, 0.01].forEach((expected, i) => close(report.iterations[i].norms[0], expected, `norm ${i + 1}`));
  [-0.2, 1, -0.2].forEach((expected, i) => close(report.iterations[i].scales[0], expected, `scale ${i + 1}`));
  [-0.006, 0.008].forEach((expected, i) => close(learned.get('a')!.dataSync()[i], expected, `a[${i}]`));
  disposeParams(learned);
  disposeParams(params);
});

test('MetaInit does not scale matrices of zeros, refuses unusable input and leaves no tensor in memory', async () => {
  const loss = (p: Params): Scalar => sum(square(add(p.get('w')!, p.get('zero')!))) as Scalar;
  const params = new Map([
    ['w', tensor([[1, 2]])],
    ['zero', tensor([[0, 0]])],
  ]);
  const learn = (change: object): ReturnType<typeof metaInit> =>
    metaInit({ params, loss, batches: () => undefined, iterations: 1, ...change });
  const { params: learned, report } = await learn({});
  assert.deepEqual(report.names, ['w']);
  assert.deepEqual([...learned.get('zero')!.dataSync()], [0, 0]);
  disposeParams(learned);
  const start = memory().numTensors;
  for (const [what, change] of [
    ['lr', { lr: NaN }],
    ['momentum', { momentum: 1 }],
    ['eps', { eps: -1 }],
    ['iterations', { iterations: 0 }],
  ] as const) {
    await assert.rejects(
      learn(change),
      (error) => error instanceof UsageError && error.message.includes(`metaInit: ${what} is`),
    );
  }
  await assert.rejects(
    learn({ params: new Map([['zero', params.get('zero')!]]) }),
    /no parameter has two or more dimensions/,
  );
  await assert.rejects(
    learn({
      batches: () => {
        throw new Error('the data ran out');
      },
    }),
    /the data ran out/,
  );
  await assert.rejects(
    learn({ loss: (p: Params) => mul(sum(square(p.get('w')!)), Infinity) }),
    /iteration 1 gave numbers that are not finite/,
  );
  assert.equal(memory().numTensors, start);
  disposeParams(params);
});
