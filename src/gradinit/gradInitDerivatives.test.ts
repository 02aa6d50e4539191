import '../../test/float64.js';
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import {
  abs,
  add,
  addN,
  memory,
  mul,
  sign,
  sqrt,
  square,
  sub,
  sum,
  tensor as constant,
  tidy,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { finiteDifferences } from '../../test/slowOps.js';
import { disposeParams, valueAndGradients, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { smallNetBatch, smallNetParams, smallNets, type LabelledBatch, type SmallNet } from '../../test/smallNets.js';
import {
  gradInit,
  lossAfterStep,
  releasedDefaults,
  type Algorithm,
  type GradInitIteration,
  type GradInitOptions,
} from './gradInit.js';
import type { Scaled } from './variants.js';
import type { BatchPiece } from './batchPieces.js';
import { gradientQuotient, metaInit } from './metaInit.js';

const first = smallNetBatch(8, 1);
const second = smallNetBatch(8, 2);

function scaledBy(params: Params, scales: ArrayLike<number>): Params {
  return new Map([...params].map(([name, tensor], t) => [name, mul(tensor, scales[t])]));
}

function gradientNorm({ loss }: SmallNet, params: Params, algorithm: Algorithm): Tensor {
  const gradients = [...valueAndGradients((p) => loss(p, first), params).gradients.values()];
  return algorithm === 'adam'
    ? addN(gradients.map((g) => sum(abs(g))))
    : sqrt(addN(gradients.map((g) => sum(square(g)))));
}

function number(compute: () => Tensor): number {
  let value = NaN;
  tidy(() => {
    value = compute().dataSync()[0];
  });
  return value;
}

/** The goal of an iteration as a function of the scales, with the step that belongs to `at` held constant. */
function goal(
  net: SmallNet,
  params: Params,
  branch: GradInitIteration['branch'],
  algorithm: Algorithm,
  eta: number,
  at: readonly number[],
): (scales: Float64Array) => number {
  if (branch === 'constraint') return (scales) => number(() => gradientNorm(net, scaledBy(params, scales), algorithm));
  return (scales) =>
    number(() => {
      const { gradients } = valueAndGradients((p) => net.loss(p, first), scaledBy(params, at));
      const moved = [...scaledBy(params, scales)].map(([name, tensor]) => {
        const g = gradients.get(name)!;
        return [name, sub(tensor, mul(algorithm === 'adam' ? sign(g) : g, eta))] as const;
      });
      return net.loss(new Map(moved), second);
    });
}

/**
 * The same where training's updates are scaled, by the definition: the parameters are V, the weights s V (`both`), or V
 * + s (v - V) with v = V at the start (`rates`). The optimiser sees v: gradient, norm and step are v's, and the step is
 * held constant.
 */
function multipliedGoal(
  net: SmallNet,
  params: Params,
  branch: GradInitIteration['branch'],
  algorithm: Algorithm,
  eta: number,
  at: readonly number[],
  scaled: Exclude<Scaled, 'weights'>,
): (scales: Float64Array) => number {
  const weights = (v: Params, scales: ArrayLike<number>): Params =>
    scaled === 'both'
      ? scaledBy(v, scales)
      : new Map(
          [...v].map(([name, tensor], t) => {
            const { shape } = tensor; // a copy: gradients are taken by tensors, and the variable is not one
            const drawn = constant(params.get(name)!.dataSync(), shape);
            return [name, add(drawn, mul(sub(tensor, drawn), scales[t]))];
          }),
        );
  const gradientsByV = (scales: ArrayLike<number>): Params =>
    valueAndGradients((v) => net.loss(weights(v, scales), first), params).gradients;
  if (branch === 'constraint')
    return (scales) =>
      number(() => {
        const gradients = [...gradientsByV(scales).values()];
        return algorithm === 'adam'
          ? addN(gradients.map((g) => sum(abs(g))))
          : sqrt(addN(gradients.map((g) => sum(square(g)))));
      });
  return (scales) =>
    number(() => {
      const gradients = gradientsByV(at);
      const moved = [...params].map(([name, tensor]) => {
        const g = gradients.get(name)!;
        return [name, sub(tensor, mul(algorithm === 'adam' ? sign(g) : g, eta))] as const;
      });
      return net.loss(weights(new Map(moved), scales), second);
    });
}

/** The derivatives by the scales are the expected ones, and large enough to prove something. */
function assertDerivatives(
  { iteration, scaleGradients }: GradInitIteration,
  expected: Float64Array,
  names: readonly string[],
): void {
  const largest = Math.max(...expected.map(Math.abs));
  assert.ok(largest > 1e-4, 'a goal that does not depend on the scales would prove nothing');
  scaleGradients.forEach((found, t) =>
    assert.ok(
      Math.abs(found! - expected[t]) < 1e-6 * largest + 1e-7,
      `iteration ${iteration}, ${names[t]}: found ${found}, expected ${expected[t]}`,
    ),
  );
}

before(async () => void (await selectBackend('cpu')));

for (const [name, net] of Object.entries(smallNets)) {
  describe(name, () => {
    for (const algorithm of ['adam', 'sgd'] as const) {
      for (const [branch, gamma] of [
        ['constraint', 1e-6],
        ['objective', Infinity],
      ] as const) {
        test(`${algorithm}, ${branch}: scale gradients equal finite differences of the goal`, async () => {
          const params = smallNetParams(net, 2);
          const eta = algorithm === 'adam' ? 1e-2 : 0.1;
          const tensors = memory().numTensors;
          const { params: learned, report } = await gradInit({
            params,
            loss: net.loss,
            batches: () => ({ first, second }),
            options: {
              algorithm,
              variant: 'paper',
              eta,
              gamma,
              iterations: 2,
              normalizeGrad: false,
              lr: 1e-4,
              minScale: 0.01,
            },
          });
          disposeParams(learned);
          assert.equal(memory().numTensors, tensors, 'leaked tensors');
          let scales: readonly number[] = [...params].map(() => 1);
          for (const iteration of report.iterations) {
            assert.equal(iteration.branch, branch);
            const expected = finiteDifferences(goal(net, params, branch, algorithm, eta, scales), scales, 1e-7);
            assertDerivatives(iteration, expected, [...params.keys()]);
            scales = iteration.scales;
          }
          disposeParams(params);
        });
      }
    }

    // sides: the layers
    for (const algorithm of name === 'a multilayer perceptron' ? (['adam', 'sgd'] as const) : [])
      test(`${algorithm}, bounds by sides: derivatives are those of the norms that exceed their own bound`, async () => {
        const params = smallNetParams(net, 2);
        const sideOf = (tensorName: string): string => tensorName.split('.')[0];
        const gammaShare = 0.88;
        const tensors = memory().numTensors;
        const options = {
          algorithm,
          variant: 'paper',
          eta: 1e-2,
          gamma: Infinity,
          iterations: 6,
          normalizeGrad: false,
        } as const;
        const { params: learned, report } = await gradInit({
          params,
          loss: net.loss,
          batches: () => ({ first, second }),
          sideOf,
          options: {
            ...options,
            gammaShare,
            gammaScope: 'sides',
            lr: algorithm === 'adam' ? 1e-3 : 1e-2,
            minScale: 0.01,
          },
        });
        disposeParams(learned);
        assert.equal(memory().numTensors, tensors, 'leaked tensors');
        const normsAt = (scales: ArrayLike<number>): Record<string, number> => {
          const { gradients } = valueAndGradients((p) => net.loss(p, first), scaledBy(params, scales));
          const norms: Record<string, number> = {};
          for (const [tensorName, gradient] of gradients)
            for (const g of gradient.dataSync())
              norms[sideOf(tensorName)] =
                (norms[sideOf(tensorName)] ?? 0) + (algorithm === 'adam' ? Math.abs(g) : g * g);
          return algorithm === 'adam'
            ? norms
            : Object.fromEntries(Object.entries(norms).map(([side, squares]) => [side, Math.sqrt(squares)]));
        };
        let scales: readonly number[] = [...params].map(() => 1);
        const firstNorms = normsAt(scales);
        const kinds = new Set<string>();
        for (const iteration of report.iterations) {
          const norms = normsAt(scales);
          for (const [side, norm] of Object.entries(norms))
            assert.ok(Math.abs(iteration.sideNorms![side] - norm) < 1e-9 * norm, side);
          const exceeding = Object.keys(norms).filter((side) => norms[side] > gammaShare * firstNorms[side]);
          kinds.add(exceeding.length === 0 ? 'none' : exceeding.length < 3 ? 'some' : 'all');
          assert.equal(iteration.branch, exceeding.length === 0 ? 'objective' : 'constraint');
          const of =
            exceeding.length === 0
              ? goal(net, params, 'objective', algorithm, options.eta, scales)
              : (at: Float64Array) => {
                  const found = normsAt(at);
                  return exceeding.reduce((total, side) => total + found[side], 0);
                };
          const expected = finiteDifferences(of, scales, 1e-7);
          assertDerivatives(iteration, expected, [...params.keys()]);
          scales = iteration.scales;
        }
        assert.deepEqual([...kinds].sort(), ['all', 'none', 'some']);
        disposeParams(params);
      });

    for (const algorithm of name === 'a multilayer perceptron' ? (['adam', 'sgd'] as const) : [])
      for (const [branch, gamma] of [
        ['constraint', 1e-6],
        ['objective', Infinity],
      ] as const)
        test(`${algorithm}, goal cosine, ${branch}: scale gradients equal finite differences of the goal`, async () => {
          const params = smallNetParams(net, 2);
          const tensors = memory().numTensors;
          const options = { algorithm, variant: 'paper', goal: 'cosine', eta: 1, normalizeGrad: false } as const;
          const { params: learned, report } = await gradInit({
            params,
            loss: net.loss,
            batches: () => ({ first, second }),
            options: { ...options, gamma, iterations: 3, lr: 1e-2, minScale: 0.01 },
          });
          disposeParams(learned);
          assert.equal(memory().numTensors, tensors, 'leaked tensors');
          /** Cosine of the two gradients, and the mean of their norms. */
          const measure = (scales: ArrayLike<number>): { cosine: number; norm: number } => {
            const flat = [first, second].map((batch) => {
              const { gradients } = valueAndGradients((p) => net.loss(p, batch), scaledBy(params, scales));
              return [...gradients.values()].flatMap((g) => [...g.dataSync()]);
            });
            const dot = (a: number[], b: number[]): number => a.reduce((total, v, i) => total + v * b[i], 0);
            const [a, b] = flat;
            const norms = flat.map((g) =>
              algorithm === 'adam' ? g.reduce((total, v) => total + Math.abs(v), 0) : Math.sqrt(dot(g, g)),
            );
            return { cosine: dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)), norm: (norms[0] + norms[1]) / 2 };
          };
          let scales: readonly number[] = [...params].map(() => 1);
          for (const iteration of report.iterations) {
            assert.equal(iteration.branch, branch);
            assert.equal(iteration.lossAfter, null);
            const { cosine, norm } = measure(scales);
            assert.ok(Math.abs(iteration.cosine! - cosine) < 1e-9 && Math.abs(iteration.gradNorm - norm) < 1e-9);
            const of = (at: Float64Array): number => (branch === 'objective' ? -measure(at).cosine : measure(at).norm);
            const expected = finiteDifferences(of, scales, 1e-7);
            assertDerivatives(iteration, expected, [...params.keys()]);
            scales = iteration.scales;
          }
          const [before, after] = [measure([...params].map(() => 1)), measure(scales)];
          if (branch === 'objective') assert.ok(after.cosine > before.cosine, 'the cosine grows');
          else assert.ok(after.norm < before.norm, 'the norm falls');
          disposeParams(params);
        });

    // a case with few parameters suffices: only the step and the sums over elements differ
    for (const scaled of name === 'a multilayer perceptron' ? (['rates', 'both'] as const) : []) {
      for (const algorithm of ['adam', 'sgd'] as const) {
        for (const [branch, gamma] of [
          ['constraint', 1e-6],
          ['objective', Infinity],
        ] as const) {
          test(`${scaled}, ${algorithm}, ${branch}: scale gradients equal finite differences of the goal of s V`, async () => {
            const params = smallNetParams(net, 2);
            const eta = algorithm === 'adam' ? 1e-2 : 0.1;
            const tensors = memory().numTensors;
            const options = { algorithm, scaled, eta, gamma, iterations: 3, normalizeGrad: false } as const;
            const { params: learned, report } = await gradInit({
              params,
              loss: net.loss,
              batches: () => ({ first, second }),
              options: { ...options, variant: 'paper', lr: 1e-2, minScale: 0.01 },
            });
            learned.forEach((tensor, tensorName) => {
              const factor = scaled === 'both' ? report.scales[tensorName] : 1;
              const drawn = params.get(tensorName)!.dataSync();
              tensor.dataSync().forEach((value, i) => assert.equal(value, drawn[i] * factor, tensorName));
            });
            disposeParams(learned);
            assert.equal(memory().numTensors, tensors, 'leaked tensors');
            let scales: readonly number[] = [...params].map(() => 1);
            for (const iteration of report.iterations) {
              assert.equal(iteration.branch, branch);
              const of = multipliedGoal(net, params, branch, algorithm, eta, scales, scaled);
              const expected = finiteDifferences(of, scales, 1e-7);
              const value = of(Float64Array.from(scales));
              assert.ok(Math.abs((branch === 'constraint' ? iteration.gradNorm : iteration.lossAfter!) - value) < 1e-9);
              assertDerivatives(iteration, expected, [...params.keys()]);
              scales = iteration.scales;
            }
            if (branch === 'objective') {
              const at = Object.fromEntries([...params.keys()].map((key, t) => [key, scales[t]]));
              const task = {
                params,
                loss: net.loss,
                options: { ...options, variant: 'paper', lr: 0, minScale: 0 },
              } as const;
              const found = await lossAfterStep(task, at, [{ first, second }]);
              const expected = multipliedGoal(
                net,
                params,
                branch,
                algorithm,
                eta,
                scales,
                scaled,
              )(Float64Array.from(scales));
              assert.ok(Math.abs(found - expected) < 1e-9, `loss after the step: found ${found}, expected ${expected}`);
              assert.equal(memory().numTensors, tensors, 'leaked tensors');
            }
            disposeParams(params);
          });
        }
      }
    }

    test('MetaInit: norm gradients equal finite differences of the gradient quotient', async () => {
      const params = smallNetParams(net, 2);
      const loss = (p: Params) => net.loss(p, first);
      const tensors = memory().numTensors;
      // a generous eps keeps the quotient smooth where gradients vanish
      const { params: learned, report } = await metaInit({
        params,
        loss: (p, batch: LabelledBatch) => net.loss(p, batch),
        batches: () => first,
        iterations: 1,
        lr: 1e-3,
        eps: 0.1,
      });
      disposeParams(learned);
      assert.equal(memory().numTensors, tensors, 'leaked tensors');
      const [iteration] = report.iterations;
      report.names.forEach((tensorName, t) => {
        const quotientAt = ([scale]: Float64Array): number =>
          number(() =>
            gradientQuotient(
              loss,
              scaledBy(
                params,
                [...params.keys()].map((key) => (key === tensorName ? scale : 1)),
              ),
              0.1,
            ),
          );
        const norm = number(() => sqrt(sum(square(params.get(tensorName)!))));
        const expected = finiteDifferences(quotientAt, [1], 1e-7)[0] / norm;
        const found = iteration.normGradients[t];
        assert.ok(
          Math.abs(found - expected) < 1e-5 * (1 + Math.abs(expected)),
          `${tensorName}: found ${found}, expected ${expected}`,
        );
      });
      disposeParams(params);
    });

    // with batch normalisation the loss of a batch is no sum over its pieces
    const isSum = !name.includes('batch normalisation');
    test('MetaInit: uneven pieces of a batch give the numbers of the whole batch', { skip: !isSum }, async () => {
      const params = smallNetParams(net, 2);
      const tensors = memory().numTensors;
      const iterationOf = async (pieces?: (batch: LabelledBatch) => BatchPiece<LabelledBatch>[]) => {
        const { params: learned, report } = await metaInit({
          params,
          loss: (p, batch: LabelledBatch) => net.loss(p, batch),
          batches: () => first,
          pieces,
          iterations: 1,
        });
        disposeParams(learned);
        const [{ gradientQuotient: quotient, loss, gradNormL2, normGradients }] = report.iterations;
        return [quotient, loss, gradNormL2, ...normGradients];
      };
      const whole = await iterationOf();
      const cut = await iterationOf(({ inputs, labels }) =>
        [
          [0, 3],
          [3, 4],
          [4, 8],
        ].map(([lo, hi]) => {
          const [from, to] = [lo, hi].map((row) => (row * inputs.length) / labels.length);
          const piece = { inputs: inputs.slice(from, to), labels: labels.slice(lo, hi) };
          return { batch: piece, weight: (hi - lo) / labels.length };
        }),
      );
      assert.equal(memory().numTensors, tensors, 'leaked tensors');
      whole.forEach((expected, i) =>
        assert.ok(
          Math.abs(cut[i] - expected) < 1e-8 * (1 + Math.abs(expected)),
          `number ${i}: found ${cut[i]}, expected ${expected}`,
        ),
      );
      disposeParams(params);
    });
  });
}

test('loss after the step: the mean over batches, with scaled weights as the iteration reports it', async () => {
  const [net] = Object.values(smallNets);
  const params = smallNetParams(net, 2);
  const scales = [...params].map((_, t) => 0.5 + 0.1 * t);
  const at = Object.fromEntries([...params.keys()].map((name, t) => [name, scales[t]]));
  for (const [algorithm, eta] of [
    ['adam', 1e-2],
    ['sgd', 0.1],
  ] as const) {
    const options = { algorithm, eta, gamma: Infinity, iterations: 1, normalizeGrad: false } as const;
    const task = { params, loss: net.loss, options: { ...options, variant: 'paper', lr: 1e-3, minScale: 0 } } as const;
    const of = (from: LabelledBatch, to: LabelledBatch): number =>
      number(() => {
        const weights = scaledBy(params, scales);
        const { gradients } = valueAndGradients((p) => net.loss(p, from), weights);
        const moved = [...weights].map(([name, tensor]) => {
          const g = gradients.get(name)!;
          return [name, sub(tensor, mul(algorithm === 'adam' ? sign(g) : g, eta))] as const;
        });
        return net.loss(new Map(moved), to);
      });
    const found = await lossAfterStep(task, at, [
      { first, second },
      { first: second, second: first },
    ]);
    const expected = (of(first, second) + of(second, first)) / 2;
    assert.ok(Math.abs(found - expected) < 1e-9, `${algorithm}: found ${found}, expected ${expected}`);
  }
  disposeParams(params);
});

test('the released variant divides the objective by eta', async () => {
  const [net] = Object.values(smallNets);
  const params = smallNetParams(net, 2);
  const common = { algorithm: 'adam', eta: 1e-2, gamma: Infinity, iterations: 1, normalizeGrad: false } as const;
  const run = async (options: GradInitOptions): Promise<GradInitIteration> => {
    const { params: learned, report } = await gradInit({
      params,
      loss: net.loss,
      batches: () => ({ first, second }),
      options,
    });
    disposeParams(learned);
    return report.iterations[0];
  };
  const paper = await run({ ...common, variant: 'paper', lr: 1e-3, minScale: 0.01 });
  const released = await run({ ...common, variant: 'released', ...releasedDefaults });
  released.scaleGradients.forEach((gradient, t) => {
    if (gradient === null) return;
    assert.ok(Math.abs(gradient * 1e-2 - paper.scaleGradients[t]!) < 1e-12);
  });
  assert.equal(released.scaleGradients[1], null); // the zero bias
  assert.equal(paper.scaleGradients[1], 0);
  disposeParams(params);
});
