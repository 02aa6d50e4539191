import {
  add,
  cast,
  customGrad,
  exp,
  log,
  matMul,
  max,
  mul,
  notEqual,
  registerGradient,
  reshape,
  sub,
  sum,
  type Scalar,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { ShapeError } from '../../errors.js';
import {
  assertFirstOrder,
  fusedWithGradient,
  hasFusedKernel,
  hasTwiceDifferentiableKernels,
  isRecording,
  runFused,
} from './dispatch.js';
import { withoutGradient } from '../autodiff/withoutGradient.js';
import { gatherRows } from './embedding.js';
import { crossEntropyHessianKernel, crossEntropyKernel, type CrossEntropyAttrs } from './kernels.js';

export interface CrossEntropyOptions {
  /** Probability mass spread evenly over the V - 1 wrong tokens. */
  readonly labelSmoothing: number;
  /** Positions with this target do not count. */
  readonly padId: number;
}

/**
 * Label-smoothed cross-entropy of logits = hidden · embeddingᵀ, summed over the targets that are not pads, in nats.
 *
 * With lp the log-softmax over all V entries and e = labelSmoothing / (V - 1), a token costs
 * (1 - labelSmoothing - e) * -lp[target] + e * sum_v -lp[v].
 *
 * @param hidden [N, d]
 * @param embedding [V, d]
 * @param targets int32 [N]
 * @returns lossSum, and nllSum: the same without smoothing; no gradient flows through it
 * @throws ShapeError if the sizes do not fit
 * Source: Szegedy et al. 2016, §7; denominator V - 1, as fairseq.
 */
export function labelSmoothedCrossEntropy(
  hidden: Tensor,
  embedding: Tensor,
  targets: Tensor,
  options: CrossEntropyOptions,
): { lossSum: Scalar; nllSum: Scalar } {
  checkShapes(hidden, embedding, targets);
  const { labelSmoothing, padId } = options;
  const attrs: CrossEntropyAttrs = { labelSmoothing, padId, withGradients: isRecording() };
  if (hasFusedKernel(crossEntropyKernel)) return fusedCrossEntropy(hidden, embedding, targets, attrs);
  if (hasTwiceDifferentiableKernels(crossEntropyKernel, crossEntropyHessianKernel))
    return twiceDifferentiable(hidden, embedding, targets, attrs);
  const vocabSize = embedding.shape[0];
  const logits = matMul(hidden as never, embedding as never, false, true); // [N, V]
  const largest = withoutGradient(() => max(logits, -1, true)); // [N, 1]
  const shifted = sub(logits, largest); // [N, V]
  const logSumExp = log(sum(exp(shifted), -1)); // [N]
  // The target's logit from its embedding row: cheaper than picking it out of [N, V].
  const targetLogit = sub(sum(mul(hidden, gatherRows(targets, embedding)), -1), reshape(largest, [-1]));
  const isToken = cast(notEqual(targets, padId), 'float32'); // [N]
  const nll = mul(sub(logSumExp, targetLogit), isToken); // [N]
  const nllSum = withoutGradient(() => sum(nll)) as Scalar;
  if (labelSmoothing === 0) return { lossSum: sum(nll) as Scalar, nllSum };
  const perWrongToken = vocabSize > 1 ? labelSmoothing / (vocabSize - 1) : 0;
  const allNll = mul(sub(mul(logSumExp, vocabSize), sum(shifted, -1)), isToken); // [N]
  const lossSum = sum(add(mul(nll, 1 - labelSmoothing - perWrongToken), mul(allNll, perWrongToken))) as Scalar;
  return { lossSum, nllSum };
}

/** The gradients are made together with the loss: the logits exist only once. */
function fusedCrossEntropy(
  hidden: Tensor,
  embedding: Tensor,
  targets: Tensor,
  attrs: CrossEntropyAttrs,
): { lossSum: Scalar; nllSum: Scalar } {
  const [loss, nllSum, ...gradients] = withoutGradient(() =>
    runFused(crossEntropyKernel, { hidden, embedding, targets }, attrs),
  );
  const lossSum = fusedWithGradient(
    [hidden, embedding],
    () => ({ value: loss.clone(), saved: gradients }),
    (dy, saved) => saved.map((gradient) => mul(gradient, dy)),
  );
  loss.dispose();
  gradients.forEach((gradient) => gradient.dispose()); // the tape holds its own references
  return { lossSum: lossSum as Scalar, nllSum: nllSum as Scalar };
}

/**
 * Inside a nested gradient: the gradients are made in the backward pass, by the kernel whose own gradient is registered
 * below.
 */
function twiceDifferentiable(
  hidden: Tensor,
  embedding: Tensor,
  targets: Tensor,
  attrs: CrossEntropyAttrs,
): { lossSum: Scalar; nllSum: Scalar } {
  const [loss, nllSum] = withoutGradient(() =>
    runFused(crossEntropyKernel, { hidden, embedding, targets }, { ...attrs, withGradients: false }),
  );
  const lossSum = customGrad((...inputsAndSave) => {
    const save = inputsAndSave[2] as unknown as (tensors: Tensor[]) => void;
    save([hidden, embedding, targets]);
    return {
      value: loss.clone(),
      gradFunc: (dy: Tensor, [savedHidden, savedEmbedding, savedTargets]: Tensor[]) => {
        const [, , ...gradients] = runFused(
          crossEntropyKernel,
          { hidden: savedHidden, embedding: savedEmbedding, targets: savedTargets },
          { ...attrs, withGradients: true },
        );
        return gradients.map((gradient) => mul(gradient, dy));
      },
    };
  })(hidden, embedding);
  loss.dispose();
  return { lossSum: lossSum as Scalar, nllSum: nllSum as Scalar };
}

registerGradient({
  kernelName: crossEntropyKernel,
  inputsToSave: ['hidden', 'embedding', 'targets'],
  gradFunc: (dys, [hidden, embedding, targets], attrs) => {
    assertFirstOrder();
    const [, , uHidden, uEmbedding] = dys as Tensor[];
    const [dHidden, dEmbedding] = runFused(
      crossEntropyHessianKernel,
      { hidden, embedding, targets, uHidden, uEmbedding },
      attrs as object,
    );
    return { hidden: () => dHidden, embedding: () => dEmbedding };
  },
});

function checkShapes(hidden: Tensor, embedding: Tensor, targets: Tensor): void {
  if (hidden.rank !== 2 || embedding.rank !== 2 || hidden.shape[1] !== embedding.shape[1]) {
    throw new ShapeError(
      `labelSmoothedCrossEntropy: found hidden [${hidden.shape}] and embedding [${embedding.shape}]; expected [N, d] and [V, d].`,
    );
  }
  if (targets.dtype !== 'int32' || targets.shape.join() !== `${hidden.shape[0]}`) {
    throw new ShapeError(
      `labelSmoothedCrossEntropy: found targets ${targets.dtype} [${targets.shape}]; expected int32 [${hidden.shape[0]}].`,
    );
  }
}
