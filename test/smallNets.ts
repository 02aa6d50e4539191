import {
  add,
  avgPool,
  batchNorm,
  conv2d,
  depthwiseConv2d,
  losses,
  matMul,
  maxPool,
  moments,
  oneHot,
  relu,
  reshape,
  tanh,
  tensor,
  tensor1d,
  tensor4d,
  tidy,
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import type { Params } from '../src/backend/autodiff/valueAndGradients.js';

/* Small networks that are not translation models, for tests of code that must work with any network. */

export interface LabelledBatch {
  /** [N, ...features], flat */
  readonly inputs: Float32Array;
  readonly labels: Int32Array;
}

export interface SmallNet {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Mean cross-entropy. */
  readonly loss: (params: Params, batch: LabelledBatch) => Scalar;
}

const numClasses = 3;
const features = 36; // images of 6 x 6

const crossEntropy = (logits: Tensor, labels: Int32Array): Scalar =>
  losses.softmaxCrossEntropy(oneHot(tensor1d(labels, 'int32'), numClasses), logits) as Scalar;

const mlp: SmallNet = {
  shapes: {
    'fc1.weight': [features, 8],
    'fc1.bias': [8],
    'fc2.weight': [8, 8],
    'fc2.bias': [8],
    'out.weight': [8, numClasses],
  },
  loss: (params, { inputs, labels }) =>
    tidy(() => {
      const p = (name: string): Tensor => params.get(name)!;
      let x = tensor(inputs, [labels.length, features]);
      x = tanh(add(matMul(x, p('fc1.weight')), p('fc1.bias')));
      x = relu(add(matMul(x, p('fc2.weight')), p('fc2.bias')));
      return crossEntropy(matMul(x, p('out.weight')), labels);
    }),
};

function convolutional(normalised: boolean): SmallNet {
  return {
    shapes: {
      'conv.weight': [3, 3, 1, 4],
      ...(normalised ? { 'norm.weight': [4], 'norm.bias': [4] } : { 'conv.bias': [4] }),
      'out.weight': [36, numClasses],
      'out.bias': [numClasses],
    },
    loss: (params, { inputs, labels }) =>
      tidy(() => {
        const p = (name: string): Tensor => params.get(name)!;
        let x: Tensor = conv2d(tensor4d(inputs, [labels.length, 6, 6, 1]), p('conv.weight') as Tensor4D, 1, 'same');
        if (normalised) {
          const { mean, variance } = moments(x, [0, 1, 2]);
          x = batchNorm(
            x,
            mean as Tensor1D,
            variance as Tensor1D,
            p('norm.bias') as Tensor1D,
            p('norm.weight') as Tensor1D,
            1e-5,
          );
        } else {
          x = add(x, p('conv.bias'));
        }
        x = maxPool(relu(x as Tensor4D), 2, 2, 'valid'); // [N, 3, 3, 4]
        return crossEntropy(add(matMul(reshape(x, [labels.length, 36]), p('out.weight')), p('out.bias')), labels);
      }),
  };
}

const depthwise: SmallNet = {
  shapes: {
    'depthwise.weight': [3, 3, 1, 4],
    'depthwise.bias': [4],
    'pointwise.weight': [1, 1, 4, 4],
    'out.weight': [36, numClasses],
  },
  loss: (params, { inputs, labels }) =>
    tidy(() => {
      const p = (name: string): Tensor => params.get(name)!;
      let x: Tensor = depthwiseConv2d(
        tensor4d(inputs, [labels.length, 6, 6, 1]),
        p('depthwise.weight') as Tensor4D,
        1,
        'same',
      );
      x = conv2d(tanh(add(x, p('depthwise.bias'))) as Tensor4D, p('pointwise.weight') as Tensor4D, 1, 'same');
      x = avgPool(tanh(x) as Tensor4D, 3, 2, 'same'); // [N, 3, 3, 4]
      return crossEntropy(matMul(reshape(x, [labels.length, 36]), p('out.weight')), labels);
    }),
};

export const smallNets: Readonly<Record<string, SmallNet>> = {
  'a multilayer perceptron': mlp,
  'a convolutional network': convolutional(false),
  'a convolutional network with batch normalisation': convolutional(true),
  'a network of depthwise convolutions': depthwise,
};

/** Reproducible numbers in about [-1, 1], unlike each other. */
function numbers(count: number, salt: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => (Math.sin(12.9898 * (i + 1) + 78.233 * salt) * 43758.5453) % 1);
}

/**
 * Parameters far from a good start: weights `gain` times too large. The first bias is zero. The caller disposes them.
 */
export function smallNetParams({ shapes }: SmallNet, gain: number): Map<string, Tensor> {
  let sawBias = false;
  return new Map(
    Object.entries(shapes).map(([name, shape], i) => {
      const values = numbers(
        shape.reduce((a, b) => a * b, 1),
        i + 1,
      );
      const isFirstBias = name.endsWith('bias') && !sawBias;
      sawBias ||= isFirstBias;
      const scale = isFirstBias ? 0 : name === 'norm.weight' ? 0 : gain;
      return [
        name,
        tensor(
          values.map((value) => value * scale + (name === 'norm.weight' ? 1.5 : 0)),
          [...shape],
        ),
      ];
    }),
  );
}

/** A batch whose labels depend on the inputs. */
export function smallNetBatch(size: number, salt: number): LabelledBatch {
  const inputs = numbers(size * features, 100 + salt);
  const labels = Int32Array.from({ length: size }, (_, n) => {
    const image = inputs.subarray(n * features, (n + 1) * features);
    const thirds = [0, 1, 2].map((c) => image.subarray(c * 12, (c + 1) * 12).reduce((a, b) => a + b, 0));
    return thirds.indexOf(Math.max(...thirds));
  });
  return { inputs, labels };
}
