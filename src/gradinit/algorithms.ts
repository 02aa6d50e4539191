import { abs, addN, div, mul, sign, sqrt, square, sum, type Scalar, type Tensor } from '@tensorflow/tfjs-core';

/** What GradInit needs of the optimiser whose first step it looks ahead to. */
interface AlgorithmRules {
  /** The norm that is bounded. */
  readonly norm: 'L1' | 'L2';
  /** Of all gradients together, differentiable. */
  readonly normOf: (gradients: readonly Tensor[]) => Scalar;
  /** The derivative of the norm by one of the gradients. */
  readonly normDerivative: (gradient: Tensor, norm: number) => Tensor;
  /** The first step of size 1. */
  readonly direction: (gradient: Tensor) => Tensor;
  /** Whether the step depends on the gradient's size, so that it may be divided by its norm. */
  readonly growsWithGradient: boolean;
  /** Size of the step as published, and the bound of the norm that belongs to a size. */
  readonly eta: number;
  readonly gamma: (eta: number) => number;
}

/**
 * The optimisers that GradInit knows the first step of. eta is as published for Transformers (adam) and convolutional
 * nets (sgd); gamma such that eta gamma = 1 for adam, as in the authors' script for IWSLT'14, and eta gamma^2 = 0.1 for
 * sgd, as for CIFAR-10: the change of the loss that the step promises to first order. With 0.1 for adam nearly every
 * iteration serves the constraint, and the scales shrink what they need not (docs/results/quickstart.md).
 */
export const algorithmRules: Readonly<Record<'adam' | 'sgd', AlgorithmRules>> = {
  adam: {
    norm: 'L1',
    normOf: (gradients) => addN(gradients.map((gradient) => sum(abs(gradient)))) as Scalar,
    normDerivative: (gradient) => sign(gradient),
    direction: (gradient) => sign(gradient),
    growsWithGradient: false,
    eta: 1e-3,
    gamma: (eta) => 1 / eta,
  },
  sgd: {
    norm: 'L2',
    normOf: (gradients) => sqrt(addN(gradients.map((gradient) => sum(square(gradient))))) as Scalar,
    normDerivative: (gradient, norm) => div(gradient, norm),
    direction: (gradient) => gradient,
    growsWithGradient: true,
    eta: 0.1,
    gamma: (eta) => Math.sqrt(0.1 / eta),
  },
};

/** The optimiser whose first step GradInit looks ahead to. */
export type Algorithm = keyof typeof algorithmRules;
export const algorithms = Object.keys(algorithmRules) as readonly Algorithm[] as readonly ['adam', 'sgd'];

/** The step of size eta. */
export function firstStep(algorithm: Algorithm, gradient: Tensor, eta: number): Tensor {
  return mul(algorithmRules[algorithm].direction(gradient), eta);
}
