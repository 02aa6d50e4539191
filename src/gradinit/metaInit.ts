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
import { completed, optionalInteger, real, required, type Section } from '../field.js';

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
 * @throws UsageError for options out of range or without a tensor to learn; ColdstartError METAINIT if the quotient is not finite
 * Source: Dauphin and Schoenholz 2019 (MetaInit), Algorithm 1 and the program in its appendix: the quotient is over all parameters, and each
 * step starts from the tensor's current norm, so a norm that moves past zero continues with the opposite sign. The
 * authors draw random inputs and labels for each step; here the caller chooses them through `batches`, and runs of
 * coldstart give training batches, since token ids have no natural distribution to draw from.
 */
export async function metaInit<B>(
  task: MetaInitTask<B>,
): Promise<{ params: Map<string, Tensor>; report: MetaInitReport }> {
  const { params: initial, loss, batches, signal } = task;
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
    signal?.throwIfAborted();
    const iterationStarted = performance.now();
    const current = scaled(initial, names, scales);
    let measured = { gradientQuotient: NaN, loss: NaN, gradNormL2: NaN, byNorm: [] as number[] };
    try {
      const batch = batches(i);
      const [[quotientOf], [lossOf], [squares], byNorm] = await readComputed(() => {
        const first = valueAndGradients((p) => loss(p, batch), current);
        const quotient = valueAndGradients((p) => gradientQuotient((q) => loss(q, batch), p, eps), current);
        return [
          quotient.value,
          first.value,
          addN([...first.gradients.values()].map((g) => sum(square(g)))),
          stack(names.map((name) => sum(mul(quotient.gradients.get(name)!, current.get(name)!)))),
        ];
      });
      measured = {
        gradientQuotient: quotientOf,
        loss: lossOf,
        gradNormL2: Math.sqrt(squares),
        byNorm: [...byNorm],
      };
    } finally {
      disposeParams(current);
    }
    const norms = currentNorms();
    const normGradients = measured.byNorm.map((value, t) => value / norms[t]); // sum(p dGQ/dp) / |p|
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

/** mean | (g - Hg) / (g + eps sign(g)) - 1 | over all elements of all tensors; Hg is the gradient of sum(g²) / 2. */
export function gradientQuotient(loss: (params: Params) => Scalar, params: Params, eps: number): Scalar {
  return tidy(() => {
    const gradients: Tensor[] = [];
    try {
      const product = valueAndGradients((p) => {
        // kept beyond the inner call, which releases tensors that it does not return
        for (const g of valueAndGradients(loss, p).gradients.values()) gradients.push(keep(g));
        return mul(addN(gradients.map((g) => sum(square(g)))), 0.5) as Scalar;
      }, params).gradients;
      const terms = [...product.values()].map((hessianTimesG, t) => {
        const g = gradients[t];
        const offset = withoutGradient(() => tidy(() => where(greaterEqual(g, 0), scalar(eps), scalar(-eps))));
        return sum(abs(sub(div(sub(g, hessianTimesG), add(g, offset)), 1)));
      });
      const elements = gradients.reduce((total, g) => total + g.size, 0);
      return div(addN(terms), elements) as Scalar;
    } finally {
      for (const g of gradients) g.dispose();
    }
  });
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
