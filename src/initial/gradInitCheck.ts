import { formatLoss, formatNumber } from '../format.js';
import type { Tensor } from '@tensorflow/tfjs-core';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import type { Batch } from '../data/batch.js';
import { ColdstartError } from '../errors.js';
import { algorithmRules } from '../gradinit/algorithms.js';
import {
  exceedingSides,
  lossAfterStep,
  type GradInitIteration,
  type GradInitOptions,
  type GradInitReport,
  type GradInitTask,
} from '../gradinit/gradInit.js';
import { normBound } from '../gradinit/options.js';
import { nearlyClosedLayerNorms } from './closedLayerNorms.js';

/** The number of batches for the check of the scales after learning. */
export const checkedBatches = 4;

/**
 * Learned scales are not used if they increase the loss after the step by more than this factor. Smaller rates by
 * themselves may increase it a little: on Multi30k 8.695 instead of 8.688, with scales from which training started
 * well.
 */
const worstRatio = 1.02;

/** Loss after the look-ahead step, on training batches that GradInit did not learn from. */
export interface LookAheadCheck {
  readonly batches: number;
  readonly drawn: number;
  readonly learned: number;
}

/** Why training starts from the drawn parameters. */
export interface GradInitFallback {
  readonly reason: string;
  /** The scales that are not used; absent if learning failed. */
  readonly scales?: Readonly<Record<string, number>>;
}

interface Learned {
  readonly params: Map<string, Tensor>;
  readonly report: GradInitReport & { readonly fallback?: GradInitFallback; readonly check?: LookAheadCheck };
}

/**
 * GradInit's result, or with `fallBack` the drawn parameters (scales of 1) if they are better: learning met a number
 * that is not finite, layer norms have closed, or the loss after the step on other batches is clearly higher than
 * without the scales.
 */
export async function learnedOrDrawn(
  {
    task,
    finished,
    nextParts,
    fallBack,
  }: {
    readonly task: Pick<GradInitTask<Batch>, 'params' | 'loss' | 'stepLoss' | 'pieces' | 'options' | 'world'>;
    /** Iterations so far. */
    readonly finished: () => readonly GradInitIteration[];
    readonly nextParts: () => { first: Batch; second: Batch };
    readonly fallBack: boolean;
  },
  learn: () => Promise<Learned>,
): Promise<Learned> {
  if (!fallBack) return learn();
  const { options, params: drawn } = task;
  const asDrawn = (report: Omit<Learned['report'], 'scales'>): Learned => ({
    params: new Map([...drawn].map(([name, tensor]) => [name, tensor.clone()])),
    report: { ...report, scales: Object.fromEntries([...drawn.keys()].map((name) => [name, 1])) },
  });
  let learned: Learned;
  try {
    learned = await learn();
  } catch (error) {
    if (!(error instanceof ColdstartError) || error.code !== 'GRADINIT') throw error;
    const iterations = finished();
    return asDrawn({
      algorithm: options.algorithm,
      norm: algorithmRules[options.algorithm].norm,
      gamma: normBound(options, iterations[0]?.gradNorm),
      iterations,
      seconds: iterations.reduce((total, { seconds }) => total + seconds, 0),
      fallback: { reason: error.message.replace(/^gradInit: /, '') },
    });
  }
  const started = performance.now();
  const { scales } = learned.report;
  const batches = Array.from({ length: checkedBatches }, nextParts);
  const check = {
    batches: checkedBatches,
    drawn: await lossAfterStep(task, {}, batches),
    learned: await lossAfterStep(task, scales, batches),
  };
  const seconds = learned.report.seconds + (performance.now() - started) / 1000;
  const report = { ...learned.report, seconds, check };
  const closed = options.scaled === 'rates' ? [] : Object.keys(nearlyClosedLayerNorms(scales));
  const reason =
    closed.length > 0
      ? `it nearly closed ${closed.length === 1 ? 'a layer norm' : `${closed.length} layer norms`} (${closed[0]} ${scales[closed[0]].toFixed(3)})`
      : check.learned <= worstRatio * check.drawn
        ? undefined
        : `the loss after the step it looks ahead to is ${formatLoss(check.learned)} on ${checkedBatches} other batches, more than ${Math.round(100 * (worstRatio - 1))} % above the ${formatLoss(check.drawn)} without the scales`;
  if (reason === undefined) return { params: learned.params, report };
  disposeParams(learned.params);
  return asDrawn({ ...report, fallback: { reason, scales } });
}

/** The note on an iteration next to the progress. @param first the first iteration; shares are relative to its norm */
export function iterationNote(
  { branch, lossBefore, gradNorm, sideNorms, cosine }: GradInitIteration,
  options: GradInitOptions,
  first: GradInitIteration,
): string {
  const bound = normBound(options, first.gradNorm);
  const tooLarge = sideNorms && first.sideNorms ? exceedingSides(sideNorms, first.sideNorms, options) : [];
  return `loss ${formatLoss(lossBefore)}  gnorm ${formatNumber(gradNorm)}${bound === Infinity ? '' : ` of ${formatNumber(bound)}`}${cosine === undefined ? '' : `  cosine ${cosine.toFixed(4)}`}  ${branch}${tooLarge.length > 0 ? ` (${tooLarge.join(', ')})` : ''}`;
}
