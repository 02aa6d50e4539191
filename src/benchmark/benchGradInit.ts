import { firstStep } from '../gradinit/algorithms.js';
import { memory, sub, tidy, type Scalar } from '@tensorflow/tfjs-core';
import { disposeParams, valueAndGradients, type Params } from '../backend/autodiff/valueAndGradients.js';
import { withoutGradient } from '../backend/autodiff/withoutGradient.js';
import { defaultStep, gradInit, releasedDefaults, type Algorithm, type GradInitTask } from '../gradinit/gradInit.js';

export interface GradInitBenchTask<B> extends Pick<GradInitTask<B>, 'params' | 'loss' | 'stepLoss'> {
  readonly first: B;
  readonly second: B;
  readonly algorithm: Algorithm;
  /** Timed iterations of each kind, after one that is not counted. */
  readonly repeats: number;
}

export interface GradInitBench {
  /** Median seconds of an iteration in the objective branch: first derivatives only. */
  readonly objectiveSeconds: number;
  /**
   * The same iteration with the first gradient kept differentiable although nothing differentiates it, as in the
   * authors' program.
   */
  readonly objectiveAlwaysSecondOrderSeconds: number;
  /** The saving from building no second-order graph: the second time divided by the first. */
  readonly objectiveSpeedup: number;
  /** Median seconds of an iteration in the constraint branch. */
  readonly constraintSeconds: number;
  /** Tensor memory when the loss after the step has been computed, before its backward pass. */
  readonly objectiveMegabytes: number;
  readonly objectiveAlwaysSecondOrderMegabytes: number;
}

/**
 * Time and memory of GradInit's iterations on the current backend, and the saving from building a second-order graph
 * only in the constraint branch.
 */
export async function benchGradInit<B>(task: GradInitBenchTask<B>): Promise<GradInitBench> {
  const {
    params,
    loss,
    first,
    second,
    algorithm,
    repeats,
    stepLoss = (moved: Params, _: Params, batch: B) => loss(moved, batch),
  } = task;
  let bytes = 0;
  const watchedStepLoss = (moved: Params, current: Params, batch: B): Scalar => {
    const value = stepLoss(moved, current, batch);
    bytes = memory().numBytes;
    return value;
  };
  /** Seconds per iteration of gradInit, all in the branch that gamma forces. */
  const branchSeconds = async (gamma: number): Promise<number> => {
    const options = {
      ...defaultStep(algorithm),
      ...releasedDefaults,
      variant: 'released',
      algorithm,
      gamma,
      normalizeGrad: false,
      iterations: repeats + 1,
    } as const;
    const { params: learned, report } = await gradInit({
      params,
      loss,
      stepLoss: watchedStepLoss,
      batches: () => ({ first, second }),
      options,
    });
    disposeParams(learned);
    return median(report.iterations.slice(1).map(({ seconds }) => seconds));
  };

  const objectiveSeconds = await branchSeconds(Infinity);
  const objectiveBytes = bytes;
  const constraintSeconds = await branchSeconds(Number.MIN_VALUE);
  const seconds: number[] = [];
  for (let i = 0; i <= repeats; i++) {
    const start = performance.now();
    objectiveWithSecondOrderGraph(
      params,
      (p) => loss(p, first),
      (moved, p) => watchedStepLoss(moved, p, second),
      algorithm,
    );
    seconds.push((performance.now() - start) / 1000);
  }
  const objectiveAlwaysSecondOrderSeconds = median(seconds.slice(1));
  return {
    objectiveSeconds,
    objectiveAlwaysSecondOrderSeconds,
    objectiveSpeedup: objectiveAlwaysSecondOrderSeconds / objectiveSeconds,
    constraintSeconds,
    objectiveMegabytes: objectiveBytes / 2 ** 20,
    objectiveAlwaysSecondOrderMegabytes: bytes / 2 ** 20,
  };
}

/**
 * The objective's gradients with the tape of the outer gradient open from the start, as the authors' create_graph=True
 * has it.
 */
function objectiveWithSecondOrderGraph(
  params: Params,
  loss: (params: Params) => Scalar,
  stepLoss: (moved: Params, current: Params) => Scalar,
  algorithm: Algorithm,
): void {
  const { eta } = defaultStep(algorithm);
  tidy(() => {
    const { value, gradients } = valueAndGradients((p) => {
      const first = valueAndGradients(loss, p).gradients;
      const moved = [...p].map(([name, tensor]) => {
        const gradient = first.get(name)!;
        return [
          name,
          sub(
            tensor,
            withoutGradient(() => firstStep(algorithm, gradient, eta)),
          ),
        ] as const;
      });
      return stepLoss(new Map(moved), p);
    }, params);
    // values are read as gradInit reads them, so that a backend that computes asynchronously finishes all work
    value.dataSync();
    [...gradients.values()].at(-1)?.dataSync();
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
