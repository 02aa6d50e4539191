import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  add,
  customGrad,
  engine,
  memory,
  mul,
  square,
  sub,
  sum,
  tensor,
  tidy,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { backpropagate } from './backpropagate.js';
import './exactGradients.js';
import { selectBackend } from '../select.js';

before(() => selectBackend('cpu'));

function values(tensors: (Tensor | undefined)[]): (number[] | undefined)[] {
  return tensors.map((t) => t && Array.from(t.dataSync()));
}

test('gradients add up over every use of a tensor, and are undefined where y does not depend on it', () =>
  tidy(() => {
    const [a, b, unused] = [tensor([1, 2]), tensor([3, 4]), tensor([5])];
    const { value, gradients } = backpropagate(() => add(sum(mul(a, b)), sum(square(a))), [a, b, unused]);
    assert.deepEqual(values([value]), [[16]]); // 11 + 5
    assert.deepEqual(values(gradients), [[5, 8], [1, 2], undefined]); // b + 2a, a
  }));

test('the same tensor twice, y itself, and an x computed from another x', () =>
  tidy(() => {
    const a = tensor([3]);
    assert.deepEqual(values(backpropagate(() => mul(a, a), [a, a]).gradients), [[6], [6]]);
    assert.deepEqual(values(backpropagate(() => a, [a]).gradients), [[1]]);
    const { gradients } = backpropagate(() => {
      const b = square(a);
      return backpropagate(() => square(b), [b]).gradients[0]!; // 2b = 2a²
    }, [a]);
    assert.deepEqual(values(gradients), [[12]]);
  }));

test('gradient functions may return dy itself, one tensor twice, or a tensor that they do not own', () =>
  tidy(() => {
    const [a, b, constant] = [tensor([1, 2]), tensor([3, 4]), tensor([7, 7])];
    const passOn = customGrad((x, y) => ({ value: add(x as Tensor, y as Tensor), gradFunc: (dy: Tensor) => [dy, dy] }));
    const alien = customGrad((x) => ({ value: (x as Tensor).clone(), gradFunc: () => constant }));
    const { gradients } = backpropagate(() => sum(add(passOn(a, b), mul(alien(a), 2))), [a, b]);
    assert.deepEqual(values(gradients), [
      [8, 8],
      [1, 1],
    ]);
    assert.deepEqual(Array.from(constant.dataSync()), [7, 7]);
  }));

test('third derivatives: d³(x⁴)/dx³ = 24x', () =>
  tidy(() => {
    const x = tensor([2]);
    const derivative = (f: () => Tensor) => () => backpropagate(f, [x]).gradients[0]!;
    assert.deepEqual(values([derivative(derivative(derivative(() => square(square(x)))))()]), [[48]]);
  }));

test('memory of the backward pass does not grow with the depth', () => {
  const extraBytes = (depth: number) =>
    tidy(() => {
      const x = tensor(new Float32Array(1000));
      let atEnd = 0;
      const probe = customGrad((input) => ({
        value: (input as Tensor).clone(),
        gradFunc: (dy: Tensor) => {
          atEnd = memory().numBytes;
          return dy.clone();
        },
      }));
      let afterForward = 0;
      backpropagate(() => {
        let y = probe(x);
        for (let i = 0; i < depth; i++) y = square(y);
        const loss = sum(y);
        afterForward = memory().numBytes;
        return loss;
      }, [x]);
      return [atEnd - afterForward] as unknown as Tensor; // the last step's memory in addition to the forward pass's
    }) as unknown as number[];
  assert.ok(
    extraBytes(40)[0] <= extraBytes(4)[0],
    `${extraBytes(40)[0]} bytes at depth 40, ${extraBytes(4)[0]} at depth 4`,
  );
});

test('nothing is left behind, thrown or not', () => {
  const x = tensor([1, 2]);
  const start = memory().numTensors;
  const fails = customGrad((input) => ({
    value: square(input as Tensor),
    gradFunc: () => {
      throw new Error('no gradient today');
    },
  }));
  assert.throws(() => tidy(() => backpropagate(() => sum(square(fails(square(x)))), [x])), /no gradient today/);
  assert.throws(
    () =>
      tidy(() =>
        backpropagate(() => {
          square(x);
          throw new Error('no value today');
        }, [x]),
      ),
    /no value today/,
  );
  assert.throws(
    () => tidy(() => backpropagate(() => backpropagate(() => sum(fails(square(x))), [x]).gradients[0]!, [x])),
    /no gradient today/,
  );
  assert.equal(engine().state.gradientDepth, 0);
  tidy(() => {
    assert.deepEqual(values(backpropagate(() => sum(sub(square(x), x)), [x]).gradients), [[1, 3]]);
  });
  assert.equal(memory().numTensors, start);
  x.dispose();
});
