import { formatLoss, formatNumber } from '../format.js';
import { nextTurn } from '../backend/nextTurn.js';
import { readComputed } from '../backend/readValues.js';
import {
  abs,
  add,
  addN,
  div,
  greaterEqual,
  keep,
  mul,
  scalar,
  square,
  stack,
  sub,
  sum,
  tidy,
  where,
  type Scalar,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { withoutGradient } from '../backend/autodiff/withoutGradient.js';
import { disposeParams, valueAndGradients, type Params } from '../backend/autodiff/valueAndGradients.js';
import { ColdstartError, UsageError } from '../errors.js';
import { requireSame, throwIfAnyStops } from '../parallel/agree.js';
import type { World } from '../parallel/world.js';
import { completed, optionalInteger, real, required, type Section } from '../field.js';
import {
  differentiatePieces,
  innerProduct,
  innerProducts,
  tidyParams,
  wholeBatch,
  type BatchPiece,
} from './batchPieces.js';

/** What configurations and `metaInit` may set: bounds, default and help. */
export const metaInitFields = {
  lr: real(0.1, 'Step of the norms.', { min: 0 }),
  momentum: real(0.9, 'Momentum of the norms.', { min: 0, below: 1 }),
} as const satisfies Section;

/** Settings that no configuration changes, or that it may switch off. */
const taskFields = {
  iterations: required(optionalInteger('Steps of the norms.', { min: 1 })),
  eps: real(1e-5, 'Added to the gradient in the quotient.', { min: 0 }),
} as const satisfies Section;

/** The parameters, loss, batches and settings of `metaInit`. */
export interface MetaInitTask<B> {
  /** Any named tensors; metaInit does not change them, and the caller owns them. */
  readonly params: Params;
  /** Mean loss of a batch: a pure function of both, without dropout. */
  readonly loss: (params: Params, batch: B) => Scalar;
  /** Data of each iteration, from 0. */
  readonly batches: (iteration: number) => B;
  /**
   * Cuts a batch into pieces, which are differentiated one at a time, so that the largest piece bounds the memory. The
   * loss of the batch must be the sum of weight times loss over its pieces. Several pieces take more passes over the
   * batch. Default: the batch is the only piece.
   */
  readonly pieces?: (batch: B) => readonly BatchPiece<B>[];
  readonly iterations: number;
  /** Step of each norm; default: `metaInitFields`. */
  readonly lr?: number;
  /** Default: `metaInitFields`. */
  readonly momentum?: number;
  /** Keeps the quotient finite where a gradient vanishes. Default 1e-5. */
  readonly eps?: number;
  readonly onIteration?: (iteration: MetaInitIteration) => void;
  /**
   * Iterations that an earlier call with the same task reported before it was interrupted; they are not computed again.
   * Their recorded derivatives bring scales and momentum back bit for bit.
   */
  readonly done?: readonly MetaInitIteration[];
  readonly signal?: AbortSignal;
  /**
   * Processes that share out the pieces of every batch: all call metaInit with the same task, and all get the same
   * result, bit for bit that of one process. A batch of one piece is computed by each. Default: this process alone.
   */
  readonly world?: World;
}

/** One iteration of `metaInit`, as reported and stored. */
export interface MetaInitIteration {
  /** From 1. */
  readonly iteration: number;
  /** Gradient quotient before the update: how much a step along the gradient changes the gradient. */
  readonly gradientQuotient: number;
  /** Mean loss before the update. */
  readonly loss: number;
  /** L2 norm of all gradients before the update. */
  readonly gradNormL2: number;
  /** Derivative of the quotient by each learned tensor's norm. */
  readonly normGradients: readonly number[];
  /** Norms after the update, in the order of `names` of the report. */
  readonly norms: readonly number[];
  /** Norms after the update by initial norms; negative if a step went past zero, which flips the tensor's sign. */
  readonly scales: readonly number[];
  readonly seconds: number;
}

/** The result of `metaInit` besides the parameters: scales by name and every iteration. */
export interface MetaInitReport {
  /** The tensors whose norms are learned: those of two or more dimensions that are not all zero. */
  readonly names: readonly string[];
  readonly iterations: readonly MetaInitIteration[];
  /** Final scale of each learned tensor. */
  readonly scales: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/**
 * Learns the norm of every weight matrix so that the gradient changes as little as possible along itself: sign descent
 * with momentum on the gradient quotient, mean | (g - Hg) / (g + eps sign(g)) - 1 | over all elements. Needs third
 * derivatives.
 *
 * @returns new parameters, same names, order and shapes, owned by the caller; and a report
 * @throws UsageError for options out of range or without a tensor to learn; ColdstartError METAINIT if the quotient is
 * not finite
 * Source: Dauphin and Schoenholz 2019 (MetaInit), Algorithm 1 and the program in its appendix: the quotient is over all
 * parameters, and each step starts from the tensor's current norm, so a norm that moves past zero continues with the
 * opposite sign. The authors draw random inputs and labels for each step; here the caller chooses them through
 * `batches`, and runs of coldstart give training batches, since token ids have no natural distribution to draw from.
 */
export async function metaInit<B>(
  task: MetaInitTask<B>,
): Promise<{ params: Map<string, Tensor>; report: MetaInitReport }> {
  const { params: initial, loss, batches, pieces = wholeBatch, signal, world } = task;
  const { iterations, lr, momentum, eps } = completed(task, { ...metaInitFields, ...taskFields }, 'metaInit: ');
  const initialNorms = await matrixNorms(initial);
  const names = [...initialNorms.keys()];
  if (names.length === 0)
    throw new UsageError(
      'metaInit: no parameter has two or more dimensions and values other than 0, so there is no norm to learn.',
    );
  const scales = new Float64Array(names.length).fill(1);
  const memory = new Float64Array(names.length);
  const done = [...(task.done ?? [])];
  const secondsBefore = done.reduce((total, { seconds }) => total + seconds, 0);
  replay();
  const started = performance.now();

  for (let i = done.length; i < iterations; i++) {
    await nextTurn();
    if (world) {
      await throwIfAnyStops(world, signal);
      await requireSame(world, JSON.stringify([...scales]), 'scales');
    } else signal?.throwIfAborted();
    const iterationStarted = performance.now();
    const current = scaled(initial, names, scales);
    let measured: Measured;
    try {
      const parts = pieces(batches(i));
      const measure = parts.length === 1 ? measureWhole : measureInPieces;
      measured = await measure(parts, { loss, params: current, names, eps, world });
    } finally {
      disposeParams(current);
    }
    const norms = currentNorms();
    const normGradients = measured.byParameter.map((value, t) => value / norms[t]); // sum(p dGQ/dp) / |p|
    if (!Number.isFinite(measured.gradientQuotient) || !normGradients.every(Number.isFinite)) {
      throw new ColdstartError(
        'METAINIT',
        `metaInit: iteration ${i + 1} gave numbers that are not finite: gradient quotient ${formatNumber(measured.gradientQuotient)}, loss ${formatLoss(measured.loss)}. Lower lr, or start from another initialisation.`,
      );
    }
    const newNorms = move(norms, normGradients);
    const { gradientQuotient: quotient, loss: lossBefore, gradNormL2 } = measured;
    done.push({
      iteration: i + 1,
      gradientQuotient: quotient,
      loss: lossBefore,
      gradNormL2,
      normGradients,
      norms: newNorms,
      scales: [...scales],
      seconds: (performance.now() - iterationStarted) / 1000,
    });
    task.onIteration?.(done[i]);
  }
  return {
    params: scaled(initial, names, scales),
    report: {
      names,
      iterations: done,
      scales: Object.fromEntries(names.map((name, t) => [name, scales[t]])),
      seconds: secondsBefore + (performance.now() - started) / 1000,
    },
  };

  function currentNorms(): number[] {
    return names.map((name, t) => Math.abs(scales[t]) * initialNorms.get(name)!);
  }

  /** One step of sign descent with momentum on the scales. @returns the new norms */
  function move(norms: readonly number[], normGradients: readonly number[]): number[] {
    return normGradients.map((gradient, t) => {
      memory[t] = momentum * memory[t] - lr * Math.sign(gradient);
      const moved = norms[t] + memory[t];
      scales[t] *= moved / norms[t];
      return Math.abs(moved);
    });
  }

  /**
   * Moves the scales as finished iterations did. @throws UsageError if they are not the first iterations of this task
   */
  function replay(): void {
    if (done.length > iterations)
      throw new UsageError(`metaInit: ${done.length} iterations are done already, the task has only ${iterations}.`);
    done.forEach(({ iteration, normGradients, scales: recorded }, i) => {
      const isNext = iteration === i + 1 && normGradients.length === names.length;
      if (isNext) move(currentNorms(), normGradients);
      if (!isNext || recorded.length !== names.length || recorded.some((scale, t) => scale !== scales[t])) {
        throw new UsageError(
          `metaInit: finished iteration ${i + 1} does not belong to this task: its derivatives do not lead to its scales. Start again without the finished iterations.`,
        );
      }
    });
  }
}

/** An iteration's numbers. */
interface Measured {
  readonly loss: number;
  readonly gradNormL2: number;
  readonly gradientQuotient: number;
  /** Of each learned tensor: the sum of its elements times the quotient's derivatives by them. */
  readonly byParameter: readonly number[];
}

interface Measurement<B> {
  readonly loss: (params: Params, batch: B) => Scalar;
  readonly params: Params;
  /** The learned tensors. */
  readonly names: readonly string[];
  readonly eps: number;
  readonly world: World | undefined;
}

/** The quotient of a batch of one piece, differentiated as it is defined. */
async function measureWhole<B>(
  [{ batch }]: readonly BatchPiece<B>[],
  { loss, params, names, eps }: Measurement<B>,
): Promise<Measured> {
  const [[gradientQuotientOf], [lossOf], [squares], byParameter] = await readComputed(() => {
    const first = valueAndGradients((p) => loss(p, batch), params);
    const quotient = valueAndGradients((p) => gradientQuotient((q) => loss(q, batch), p, eps), params);
    return [
      quotient.value,
      first.value,
      squaredNorm([...first.gradients.values()]),
      stack(names.map((name) => sum(mul(quotient.gradients.get(name)!, params.get(name)!)))),
    ];
  });
  return {
    loss: lossOf,
    gradNormL2: Math.sqrt(squares),
    gradientQuotient: gradientQuotientOf,
    byParameter: [...byParameter],
  };
}

/**
 * The quotient of a batch of several pieces. It is no sum over pieces, but it and its derivatives follow from four sums
 * over them. Let a and b be the quotient's derivatives by the gradient g and by h = Hg, taken as constants. Its
 * derivative by the parameters is that of a'g + b'h, and the derivative of b'Hg is that with the last g constant plus
 * H(Hb). So the passes sum up g, then Hg, then u = Hb, then the derivative of b'Hg + (a + u)'g, where only H and the
 * last g are not constant.
 */
async function measureInPieces<B>(
  pieces: readonly BatchPiece<B>[],
  { loss, params, names, eps, world }: Measurement<B>,
): Promise<Measured> {
  // not a tidy: nothing may be open while other processes are waited for
  const held: Params[] = [];
  const hold = <P extends Params>(tensors: P): P => {
    held.push(tensors);
    return tensors;
  };
  const sumOver = async (of: (params: Params, batch: B) => Scalar): Promise<{ value: number; gradients: Params }> => {
    const result = await differentiatePieces(pieces, of, params, world);
    hold(result.gradients);
    return result;
  };
  /** The Hessian times a constant. */
  const hessianTimes = async (direction: Params): Promise<Params> =>
    (await sumOver((p, piece) => innerProduct(valueAndGradients((q) => loss(q, piece), p).gradients, direction)))
      .gradients;
  try {
    const { value, gradients } = await sumOver(loss);
    const products = await hessianTimes(gradients);
    const [byGradients, byProducts, gradientQuotientOf, squares] = await differentiateQuotient(
      gradients,
      products,
      eps,
    );
    hold(byGradients);
    hold(byProducts);
    const curved = await hessianTimes(byProducts);
    const linear = hold(
      tidyParams(() => new Map([...byGradients].map(([name, tensor]) => [name, add(tensor, curved.get(name)!)]))),
    );
    const { gradients: byParams } = await sumOver((p, piece) =>
      withGradients(
        (q) => loss(q, piece),
        p,
        (own) => innerProduct(own, gradients),
        (own, product) => add(innerProduct(product, byProducts), innerProduct(own, linear)) as Scalar,
      ),
    );
    const byParameter = await innerProducts(new Map(names.map((name) => [name, byParams.get(name)!])), params);
    return { loss: value, gradNormL2: Math.sqrt(squares), gradientQuotient: gradientQuotientOf, byParameter };
  } finally {
    held.forEach(disposeParams);
  }
}

/**
 * The quotient's derivatives by gradients and by their products with the Hessian, the quotient, and the sum of squares
 * of the gradients.
 */
async function differentiateQuotient(
  gradients: Params,
  products: Params,
  eps: number,
): Promise<[byGradients: Params, byProducts: Params, quotient: number, squares: number]> {
  const names = [...gradients.keys()];
  const [g, h] = ['gradient', 'product'].map((kind) => (name: string) => `${kind} of ${name}`);
  const all = new Map(
    names.flatMap((name) => [
      [g(name), gradients.get(name)!],
      [h(name), products.get(name)!],
    ]),
  );
  const { value, gradients: derivatives } = valueAndGradients(
    (p) =>
      quotientOf(
        names.map((name) => [p.get(g(name))!, p.get(h(name))!]),
        eps,
      ),
    all,
  );
  const of = (kind: (name: string) => string): Params =>
    new Map(names.map((name) => [name, derivatives.get(kind(name))!]));
  try {
    const [[quotient], [squares]] = await readComputed(() => [value, squaredNorm([...gradients.values()])]);
    return [of(g), of(h), quotient, squares];
  } catch (error) {
    disposeParams(derivatives);
    throw error;
  } finally {
    value.dispose();
  }
}

/** mean | (g - Hg) / (g + eps sign(g)) - 1 | over all elements of all tensors; Hg is the gradient of sum(g²) / 2. */
export function gradientQuotient(loss: (params: Params) => Scalar, params: Params, eps: number): Scalar {
  return withGradients(
    loss,
    params,
    (gradients) => mul(squaredNorm([...gradients.values()]), 0.5) as Scalar,
    (gradients, products) =>
      quotientOf(
        [...gradients].map(([name, g]) => [g, products.get(name)!]),
        eps,
      ),
  );
}

/** The quotient of gradients and their products with the Hessian. */
function quotientOf(pairs: readonly (readonly [gradient: Tensor, product: Tensor])[], eps: number): Scalar {
  const terms = pairs.map(([g, hessianTimesG]) => {
    const offset = withoutGradient(() => tidy(() => where(greaterEqual(g, 0), scalar(eps), scalar(-eps))));
    return sum(abs(sub(div(sub(g, hessianTimesG), add(g, offset)), 1)));
  });
  const elements = pairs.reduce((total, [g]) => total + g.size, 0);
  return div(addN(terms), elements) as Scalar;
}

/**
 * A function of the loss's gradients and of the gradients of another function of them, in one graph that can be
 * differentiated.
 */
function withGradients(
  loss: (params: Params) => Scalar,
  params: Params,
  goal: (gradients: Params) => Scalar,
  of: (gradients: Params, ofGoal: Params) => Scalar,
): Scalar {
  return tidy(() => {
    let gradients: Params = new Map();
    try {
      const ofGoal = valueAndGradients((p) => {
        // kept beyond the inner call, which releases tensors that it does not return
        gradients = new Map([...valueAndGradients(loss, p).gradients].map(([name, g]) => [name, keep(g)]));
        return goal(gradients);
      }, params).gradients;
      return of(gradients, ofGoal);
    } finally {
      disposeParams(gradients);
    }
  });
}

function squaredNorm(tensors: readonly Tensor[]): Scalar {
  return addN(tensors.map((tensor) => sum(square(tensor)))) as Scalar;
}

/** L2 norms of the tensors whose norms can be learned. A tensor of zeros has no direction. */
async function matrixNorms(params: Params): Promise<Map<string, number>> {
  const matrices = [...params].filter(([, tensor]) => tensor.rank >= 2);
  if (matrices.length === 0) return new Map();
  const [squares] = await readComputed(() => [stack(matrices.map(([, tensor]) => sum(square(tensor))))]);
  return new Map(
    matrices.map(([name], t): [string, number] => [name, Math.sqrt(squares[t])]).filter(([, norm]) => norm > 0),
  );
}

function scaled(initial: Params, names: readonly string[], scales: Float64Array): Map<string, Tensor> {
  return new Map(
    [...initial].map(([name, tensor]) => {
      const t = names.indexOf(name);
      return [name, t === -1 ? tensor.clone() : mul(tensor, scales[t])];
    }),
  );
}
