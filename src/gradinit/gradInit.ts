import { algorithmRules, firstStep } from './algorithms.js';
import { formatLoss, formatNumber } from '../format.js';
import { nextTurn } from '../backend/nextTurn.js';
import { readComputed } from '../backend/readValues.js';
import { abs, add, mul, scalar, sub, sum, zerosLike, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import { disposeParams, valueAndGradients, type Params } from '../backend/autodiff/valueAndGradients.js';
import { ColdstartError, UsageError } from '../errors.js';
import { requireSame, throwIfAnyStops } from '../parallel/agree.js';
import type { World } from '../parallel/world.js';
import {
  differentiatePieces,
  innerProduct,
  innerProducts,
  readVector,
  sumOverPieces,
  tidyParams,
  wholeBatch,
  type BatchPiece,
} from './batchPieces.js';
import {
  checkOptions,
  completeOptions,
  normBound,
  type Algorithm,
  type GradInitOptions,
  type GradInitSettings,
} from './options.js';
import {
  paperScaleOptimizer,
  releasedScaleOptimizer,
  type Branch,
  type ScaleOptimizer,
  type TensorGroup,
} from './scaleOptimizer.js';

export {
  defaultStep,
  releasedDefaults,
  type Algorithm,
  type GradInitOptions,
  type GradInitSettings,
} from './options.js';

interface LearningTask<B> {
  /** Any named tensors; gradInit does not change them, and the caller owns them. */
  readonly params: Params;
  /** Mean loss of a batch: a pure function of both, without dropout. */
  readonly loss: (params: Params, batch: B) => Scalar;
  /**
   * Data of each iteration, from 0: the gradient is taken on `first`, the loss after the step on `second`. The paper
   * draws two batches; the authors' program takes two overlapping parts of one.
   */
  readonly batches: (iteration: number) => { readonly first: B; readonly second: B };
  /**
   * Cuts a batch into pieces, which are differentiated one at a time, so that the largest piece bounds the memory. The
   * loss of the batch must be the sum of weight times loss over its pieces. Default: the batch is the only piece.
   */
  readonly pieces?: (batch: B) => readonly BatchPiece<B>[];
  /**
   * Loss of the moved parameters if the step does not move every use of a tensor. `current` are the parameters before
   * the step. Default: `loss(moved, batch)`.
   */
  readonly stepLoss?: (moved: Params, current: Params, batch: B) => Scalar;
  /** Bounds and rates by kind of tensor (released variant). Default: every tensor is a weight. */
  readonly groupOf?: (name: string) => TensorGroup;
  /** The side of a tensor, for a bound by sides (`gammaScope`). Default: there is one side. */
  readonly sideOf?: (name: string) => string;
  readonly onIteration?: (iteration: GradInitIteration) => void;
  /**
   * Iterations that an earlier call with the same task reported before it was interrupted; they are not computed again.
   * Their recorded derivatives bring scales and moments back bit for bit, so this works for any deterministic
   * `ScaleOptimizer`.
   */
  readonly done?: readonly GradInitIteration[];
  /** When aborted, gradInit throws the signal's reason between two iterations. */
  readonly signal?: AbortSignal;
  /**
   * Processes that share out the pieces of every batch: all call gradInit with the same task, and all get the same
   * result, bit for bit that of one process. A batch of one piece is computed by each. Default: this process alone.
   */
  readonly world?: World;
}

/** With all options in `options`. */
export interface GradInitTask<B> extends LearningTask<B> {
  readonly options: GradInitOptions;
}

/** With settings among the other arguments; omitted ones have the variant's default. */
export type GradInitShortTask<B> = LearningTask<B> & GradInitSettings & { readonly options?: undefined };

/** One iteration of `gradInit`, as reported and stored. */
export interface GradInitIteration {
  /** From 1. */
  readonly iteration: number;
  readonly branch: Branch;
  /** Norm of the gradient before the step: L1 for adam, L2 for sgd. */
  readonly gradNorm: number;
  /** The same of each side alone, where sides are bounded (`gammaScope`). */
  readonly sideNorms?: Readonly<Record<string, number>>;
  /** Between the gradients of both parts, with the goal `cosine`; gradNorm is then the mean of their norms. */
  readonly cosine?: number;
  /** Mean loss on the first part. */
  readonly lossBefore: number;
  /** Mean loss on the second part after the step; null where no step is taken: constraint, and goal `cosine`. */
  readonly lossAfter: number | null;
  /**
   * Derivative of the goal by each scale; null for tensors that are not scaled: fixed ones, and those of zeros (not in
   * the paper's variant).
   */
  readonly scaleGradients: readonly (number | null)[];
  /** Scales after the iteration, in the order of the parameters. */
  readonly scales: readonly number[];
  readonly seconds: number;
}

/** The result of `gradInit` besides the parameters: scales by name and every iteration. */
export interface GradInitReport {
  readonly algorithm: Algorithm;
  /** The norm of `gradNorm` and `gamma`. */
  readonly norm: 'L1' | 'L2';
  /**
   * The bound that was used; Infinity (null in JSON): none. Where sides are bounded, gammaShare of the first norm of
   * all.
   */
  readonly gamma: number;
  readonly iterations: readonly GradInitIteration[];
  /** Final scale of each tensor. */
  readonly scales: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/**
 * Learns one scale per parameter tensor, so that one step of the optimiser gives the smallest loss while the norm of
 * the gradient stays under a bound.
 *
 * Each iteration takes the gradient g on one batch. If its norm exceeds gamma, the scales move to make the norm smaller
 * (the constraint, through exact second derivatives). Otherwise they move to make the loss after the step smaller (the
 * objective): the step, eta sign(g) for adam and eta g for sgd, is a constant there, so first derivatives are enough
 * and no second-order graph is built. With the goal `cosine` they move to make the cosine between the gradients of both
 * parts larger instead.
 *
 * The default variant is `released`, whose new parameters are all that training needs. (Configurations take `robust`.)
 * With `robust`, and whenever `scaled` is `rates` or `both`, training is to multiply its updates by the scales and to
 * release them: `withMultipliers(optimizer, { scales: report.scales, releaseUpdates })`, with `releaseUpdates` of
 * `variantDefaults.robust`.
 *
 * @returns new parameters, scale times initial value, same names, order and shapes, owned by the caller; and a report
 * @throws UsageError for options out of range or no parameters; ColdstartError GRADINIT if a loss or norm is not finite
 * Source: Zhu et al. 2021 (arXiv 2102.08098), Algorithm 1, and the authors' released program
 * (docs/reference/gradinit.md lists where the two differ). The goal `cosine`: Yang et al. 2022 (arXiv 2210.05956), for
 * two parts.
 */
export async function gradInit<B>(
  task: GradInitTask<B> | GradInitShortTask<B>,
): Promise<{ params: Map<string, Tensor>; report: GradInitReport }> {
  const { params: initial, batches, signal, world } = task;
  const options = task.options ?? completeOptions(task);
  checkOptions(options);
  if (initial.size === 0) throw new UsageError('there are no parameters to scale: params is empty.');
  const names = [...initial.keys()];
  const { scaled = 'weights' } = options;
  const isZero = await zeroTensors(initial);
  const unscaled = new Float64Array(names.length).fill(1);
  const groups = names.map(task.groupOf ?? (() => 'weight' as const));
  const sides = options.gammaScope === 'sides' ? sidesOf(names, task.sideOf) : undefined;
  const optimizer = scaleOptimizer(options, groups);
  const scales = Float64Array.from(unscaled);
  const weightScales = scaled === 'rates' ? unscaled : scales;
  const iterations = [...(task.done ?? [])];
  const secondsBefore = iterations.reduce((total, { seconds }) => total + seconds, 0);
  replay(iterations, options.iterations, scales, optimizer);
  let gamma = normBound(options, iterations[0]?.gradNorm);
  const started = performance.now();

  for (let i = iterations.length; i < options.iterations; i++) {
    await nextTurn();
    if (world) {
      await throwIfAnyStops(world, signal);
      await requireSame(world, JSON.stringify([...scales]), 'scales');
    } else signal?.throwIfAborted();
    const iterationStarted = performance.now();
    const current = scaleParams(initial, weightScales);
    try {
      const { first, second } = batches(i);
      const goal = await differentiateGoal(task, current, first, second);
      if (![goal.lossBefore, goal.gradNorm, goal.lossAfter ?? 0, ...goal.byScale].every(Number.isFinite))
        throw notFinite(i, goal);
      const scaleGradients = goal.byScale.map((gradient, t) => (isLeftOut(t) ? null : gradient));
      optimizer.update(scales, scaleGradients, goal.branch);
      const broken = scales.findIndex((scale) => !Number.isFinite(scale));
      if (broken !== -1) {
        throw new ColdstartError(
          'GRADINIT',
          `gradInit: iteration ${i + 1} (${goal.branch}) moved the scale of "${names[broken]}" to ${scales[broken]}, along a derivative of ${scaleGradients[broken]}. Lower the scales' learning rate.`,
        );
      }
      const { branch, gradNorm, sideNorms, cosine, lossBefore, lossAfter } = goal;
      const seconds = (performance.now() - iterationStarted) / 1000;
      iterations.push({
        iteration: i + 1,
        branch,
        gradNorm,
        ...(sideNorms && { sideNorms }),
        ...(cosine !== undefined && { cosine }),
        lossBefore,
        lossAfter,
        scaleGradients,
        scales: [...scales],
        seconds,
      });
    } finally {
      disposeParams(current);
    }
    task.onIteration?.(iterations[i]);
  }

  return {
    params: scaleParams(initial, weightScales),
    report: {
      algorithm: options.algorithm,
      norm: algorithmRules[options.algorithm].norm,
      gamma,
      iterations,
      scales: Object.fromEntries(names.map((name, t) => [name, scales[t]])),
      seconds: secondsBefore + (performance.now() - started) / 1000,
    },
  };

  /** Tensors whose scale does not change: fixed ones, and in the authors' program those of zeros. */
  function isLeftOut(t: number): boolean {
    return (
      groups[t] === 'fixed' || (options.variant !== 'paper' && scaled !== 'rates' && (isZero[t] || scales[t] === 0))
    );
  }

  /** Derivative of this iteration's goal by every scale. */
  async function differentiateGoal(
    { loss, stepLoss = (moved, _, batch) => loss(moved, batch), pieces = wholeBatch }: LearningTask<B>,
    current: Params,
    first: B,
    second: B,
  ): Promise<{
    branch: Branch;
    gradNorm: number;
    sideNorms?: Record<string, number>;
    cosine?: number;
    lossBefore: number;
    lossAfter: number | null;
    byScale: number[];
  }> {
    // not a tidy: nothing may be open while other processes are waited for
    const held: Params[] = [];
    const hold = <P extends Params>(tensors: P): P => {
      held.push(tensors);
      return tensors;
    };
    const differentiate = async (
      parts: readonly BatchPiece<B>[],
      of: (params: Params, batch: B) => Scalar,
      params: Params,
    ): Promise<{ value: number; gradients: Params }> => {
      const result = await differentiatePieces(parts, of, params, world);
      hold(result.gradients);
      return result;
    };
    try {
      const firstPieces = pieces(first);
      const { value: lossBefore, gradients: byWeights } = await differentiate(firstPieces, loss, current);
      if (options.goal === 'cosine') return await differentiateCosine(lossBefore, byWeights);
      const gradients = scaled === 'weights' ? byWeights : hold(scaleParams(byWeights, scales));
      const gradNorm = await normOf(gradients, options.algorithm);
      if (iterations.length === 0) gamma = normBound(options, gradNorm);

      const sideNorms = sides && (await normsBySide(gradients, sides, options.algorithm));
      const measured = { gradNorm, ...(sideNorms && { sideNorms }), lossBefore };
      const tooLarge = sideNorms
        ? exceedingSides(sideNorms, iterations[0]?.sideNorms ?? sideNorms, options)
        : gradNorm <= gamma
          ? []
          : ['all'];

      if (tooLarge.length > 0) {
        const normOfTensor = (name: string): number | undefined => {
          if (sides === undefined) return gradNorm;
          const side = sides.get(name)!;
          return tooLarge.includes(side) ? sideNorms![side] : undefined;
        };
        const direction = hold(normDerivative(gradients, normOfTensor, options.algorithm));
        const goal = { branch: 'constraint', ...measured, lossAfter: null } as const;
        // the norm of s g depends on s twice: directly, and through g if the weights are scaled too
        const byMultiplier = scaled === 'weights' ? undefined : await innerProducts(byWeights, direction);
        if (scaled === 'rates') return { ...goal, byScale: byMultiplier! };
        const weighted = scaled === 'both' ? hold(scaleParams(direction, scales)) : direction;
        const along = (p: Params, piece: B): Scalar =>
          innerProduct(valueAndGradients((q) => loss(q, piece), p).gradients, weighted);
        const byScale = await innerProducts((await differentiate(firstPieces, along, current)).gradients, initial);
        return { ...goal, byScale: byScale.map((derivative, t) => derivative + (byMultiplier?.[t] ?? 0)) };
      }
      const step = hold(steps(gradients, gradNorm, options));
      const { value: lossAfter, byScale } =
        scaled === 'weights' ? await differentiateStep(step, second) : await differentiateMultipliedStep(step, second);
      // the authors' program divides its goal by eta; the paper does not
      const divisor = options.variant === 'paper' ? 1 : options.eta;
      return {
        branch: 'objective',
        ...measured,
        lossAfter,
        byScale: byScale.map((derivative) => derivative / divisor),
      };
    } finally {
      held.forEach(disposeParams);
    }

    /**
     * The cosine between the gradients of both parts, or the mean of their norms if that exceeds its bound. Each
     * gradient changes with the scales through second derivatives along the goal's derivative by it, held constant.
     */
    async function differentiateCosine(
      lossBefore: number,
      ofFirst: Params,
    ): Promise<{
      branch: Branch;
      gradNorm: number;
      cosine: number;
      lossBefore: number;
      lossAfter: null;
      byScale: number[];
    }> {
      const ofSecond = (await differentiate(pieces(second), loss, current)).gradients;
      const parts = [
        { batch: first, own: ofFirst, other: ofSecond },
        { batch: second, own: ofSecond, other: ofFirst },
      ];
      const norms = [await normOf(ofFirst, options.algorithm), await normOf(ofSecond, options.algorithm)];
      const gradNorm = (norms[0] + norms[1]) / 2;
      if (iterations.length === 0) gamma = normBound(options, gradNorm);
      const [product, square1, square2] = await readVector(() => [
        innerProduct(ofFirst, ofSecond),
        innerProduct(ofFirst, ofFirst),
        innerProduct(ofSecond, ofSecond),
      ]);
      const length = Math.sqrt(square1 * square2);
      const cosine = product / length;
      const isTooLarge = !(gradNorm <= gamma);
      const byScale = new Array<number>(names.length).fill(0);
      for (const [i, { batch, own, other }] of parts.entries()) {
        const direction = hold(
          isTooLarge
            ? normDerivative(own, () => norms[i], options.algorithm)
            : combination(own, cosine / [square1, square2][i], other, -1 / length),
        );
        const along = (p: Params, piece: B): Scalar =>
          innerProduct(valueAndGradients((q) => loss(q, piece), p).gradients, direction);
        const { gradients } = await differentiate(pieces(batch), along, current);
        (await innerProducts(gradients, initial)).forEach((derivative, t) => {
          byScale[t] += isTooLarge ? derivative / 2 : derivative;
        });
      }
      return {
        branch: isTooLarge ? 'constraint' : 'objective',
        gradNorm,
        cosine,
        lossBefore,
        lossAfter: null,
        byScale,
      };
    }

    /** Loss after a step that is a constant, and its derivatives by the scales of the weights. */
    async function differentiateStep(step: Params, batch: B): Promise<{ value: number; byScale: number[] }> {
      const lossOfStep = (p: Params, piece: B): Scalar => {
        const moved = new Map([...p].map(([name, tensor]) => [name, sub(tensor, step.get(name)!)]));
        return stepLoss(moved, p, piece);
      };
      const { value, gradients } = await differentiate(pieces(batch), lossOfStep, current);
      return { value, byScale: await innerProducts(gradients, initial) };
    }

    /** The same after a step of W = s V, which is s times the constant step of V. */
    async function differentiateMultipliedStep(step: Params, batch: B): Promise<{ value: number; byScale: number[] }> {
      const factor = (name: string): string => `multiplier of ${name}`;
      const factors = hold(new Map(names.map((name, t) => [factor(name), scalar(scales[t])] as const)));
      const lossOfStep = (variables: Params, piece: B): Scalar => {
        const p = scaled === 'both' ? new Map(names.map((name) => [name, variables.get(name)!])) : current;
        const moved = new Map(
          names.map((name) => [name, sub(p.get(name)!, mul(variables.get(factor(name))!, step.get(name)!))]),
        );
        return stepLoss(moved, p, piece);
      };
      const variables = new Map<string, Tensor>([...(scaled === 'both' ? current : []), ...factors]);
      const { value, gradients } = await differentiate(pieces(batch), lossOfStep, variables);
      const byFactors = await readVector(() => names.map((name) => gradients.get(factor(name))!));
      if (scaled === 'rates') return { value, byScale: byFactors };
      const byWeights = new Map(names.map((name) => [name, gradients.get(name)!]));
      const byScale = await innerProducts(byWeights, initial);
      return { value, byScale: byScale.map((derivative, t) => derivative + byFactors[t]) };
    }
  }
}

/**
 * Mean loss on the second parts after GradInit's look-ahead step, with given scales: on batches that it did not learn
 * from, it shows whether the scales helped.
 * @param scales by name, 1 where a name is missing
 */
export async function lossAfterStep<B>(
  task: Pick<GradInitTask<B>, 'params' | 'loss' | 'stepLoss' | 'pieces' | 'options' | 'world'>,
  scales: Readonly<Record<string, number>>,
  batches: readonly { readonly first: B; readonly second: B }[],
): Promise<number> {
  const { loss, stepLoss = (moved, _, batch) => loss(moved, batch), pieces = wholeBatch, options, world } = task;
  const { scaled = 'weights' } = options;
  const of = (name: string): number => scales[name] ?? 1;
  const [ofWeights, ofStep] = [scaled === 'rates' ? () => 1 : of, scaled === 'weights' ? () => 1 : of];
  const multiply = (tensors: Params, factor: (name: string) => number): Map<string, Tensor> =>
    tidyParams(() => new Map([...tensors].map(([name, tensor]) => [name, mul(tensor, factor(name))])));
  const lossOn = async ({ first, second }: { readonly first: B; readonly second: B }): Promise<number> => {
    const current = multiply(task.params, ofWeights);
    let moved: Params | undefined;
    try {
      const { gradients: byWeights } = await differentiatePieces(pieces(first), loss, current, world);
      const gradients = multiply(byWeights, ofStep);
      disposeParams(byWeights);
      try {
        const gradNorm = await normOf(gradients, options.algorithm);
        moved = tidyParams(() => {
          const step = multiply(steps(gradients, gradNorm, options), ofStep);
          return new Map([...current].map(([name, tensor]) => [name, sub(tensor, step.get(name)!)]));
        });
      } finally {
        disposeParams(gradients);
      }
      const after = moved;
      return await sumOverPieces(world, pieces(second), async ({ batch, weight }) => {
        const [[value]] = await readComputed(() => [stepLoss(after, current, batch)]);
        return weight * value;
      });
    } finally {
      disposeParams(current);
      if (moved) disposeParams(moved);
    }
  };
  let total = 0;
  for (const batch of batches) total += await lossOn(batch);
  return total / batches.length;
}

/**
 * Moves the scales as finished iterations did.
 * @throws UsageError if they are not the first iterations of this task
 */
function replay(
  done: readonly GradInitIteration[],
  total: number,
  scales: Float64Array,
  optimizer: ScaleOptimizer,
): void {
  if (done.length > total)
    throw new UsageError(`gradInit: ${done.length} iterations are done already, the task has only ${total}.`);
  done.forEach(({ iteration, branch, scaleGradients, scales: recorded }, i) => {
    const isNext = iteration === i + 1 && scaleGradients.length === scales.length;
    if (isNext) optimizer.update(scales, scaleGradients, branch);
    if (!isNext || recorded.length !== scales.length || recorded.some((scale, t) => scale !== scales[t])) {
      throw new UsageError(
        `gradInit: finished iteration ${i + 1} does not belong to this task: its derivatives do not lead to its scales. Start again without the finished iterations.`,
      );
    }
  });
}

/** The norm of all gradients together: L1 for adam, L2 for sgd. */
async function normOf(gradients: Params, algorithm: Algorithm): Promise<number> {
  const [[norm]] = await readComputed(() => [algorithmRules[algorithm].normOf([...gradients.values()])]);
  return norm;
}

/** The side of each tensor. */
function sidesOf(names: readonly string[], sideOf: (name: string) => string = () => 'all'): Map<string, string> {
  return new Map(names.map((name) => [name, sideOf(name)]));
}

/** The norm of each side's gradients. */
async function normsBySide(
  gradients: Params,
  sides: ReadonlyMap<string, string>,
  algorithm: Algorithm,
): Promise<Record<string, number>> {
  const names = [...new Set(sides.values())];
  const norms = await readVector(() =>
    names.map((side) =>
      algorithmRules[algorithm].normOf([...gradients].filter(([name]) => sides.get(name) === side).map(([, g]) => g)),
    ),
  );
  return Object.fromEntries(names.map((side, i) => [side, norms[i]]));
}

/** Sides whose norm is above its share of their first. */
export function exceedingSides(
  norms: Readonly<Record<string, number>>,
  first: Readonly<Record<string, number>>,
  options: Pick<GradInitOptions, 'gamma' | 'gammaShare'>,
): string[] {
  return Object.keys(norms).filter((side) => !(norms[side] <= normBound(options, first[side])));
}

/**
 * The derivative of the norm with respect to every gradient; of several norms, that of their sum. Held constant, it
 * turns the norm's derivative by the parameters into that of an inner product, which is a sum over pieces, while the
 * norm is not.
 * @param normOfTensor the norm that a tensor's gradient belongs to; undefined if that norm is not to change
 */
function normDerivative(
  gradients: Params,
  normOfTensor: (name: string) => number | undefined,
  algorithm: Algorithm,
): Params {
  const { normDerivative: derivativeBy } = algorithmRules[algorithm];
  return tidyParams(
    () =>
      new Map(
        [...gradients].map(([name, gradient]) => {
          const norm = normOfTensor(name);
          return [name, norm === undefined ? zerosLike(gradient) : derivativeBy(gradient, norm)];
        }),
      ),
  );
}

/** a · x + b · y for tensors by name. */
function combination(x: Params, a: number, y: Params, b: number): Params {
  return tidyParams(() => new Map([...x].map(([name, tensor]) => [name, add(mul(tensor, a), mul(y.get(name)!, b))])));
}

/** The optimiser's first step: it is subtracted from each tensor. */
function steps(gradients: Params, gradNorm: number, { algorithm, eta, normalizeGrad }: GradInitOptions): Params {
  const isNormalized = algorithmRules[algorithm].growsWithGradient && normalizeGrad;
  const size = isNormalized && gradNorm > 0 ? eta / gradNorm : eta; // a gradient of 0 gives a step of 0
  return tidyParams(
    () => new Map([...gradients].map(([name, gradient]) => [name, firstStep(algorithm, gradient, size)])),
  );
}

function scaleParams(initial: Params, scales: Float64Array): Map<string, Tensor> {
  let t = 0;
  return tidyParams(() => new Map([...initial].map(([name, tensor]) => [name, mul(tensor, scales[t++])])));
}

/** Tensors that no scale can change. */
async function zeroTensors(params: Params): Promise<boolean[]> {
  const sizes = await readVector(() => [...params.values()].map((tensor) => sum(abs(tensor))));
  return sizes.map((total) => total === 0);
}

function scaleOptimizer(options: GradInitOptions, groups: readonly TensorGroup[]): ScaleOptimizer {
  return options.variant === 'paper' ? paperScaleOptimizer(options) : releasedScaleOptimizer(groups, options);
}

function notFinite(
  index: number,
  {
    branch,
    gradNorm,
    lossBefore,
    lossAfter,
  }: { branch: Branch; gradNorm: number; lossBefore: number; lossAfter: number | null },
): ColdstartError {
  return new ColdstartError(
    'GRADINIT',
    `gradInit: iteration ${index + 1} (${branch}) gave numbers that are not finite: loss ${formatLoss(lossBefore)}, gradient norm ${formatNumber(gradNorm)}` +
      `${lossAfter === null ? '' : `, loss after the step ${formatLoss(lossAfter)}`}. Lower eta or the scales' learning rate, or start from another initialisation.`,
  );
}
