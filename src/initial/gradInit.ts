import type { Params } from '../backend/autodiff/valueAndGradients.js';
import { gradInitParts, type Batch } from '../data/batch.js';
import {
  gradInit as learnScales,
  type GradInitIteration,
  type GradInitOptions,
  type GradInitReport,
} from '../gradinit/gradInit.js';
import { algorithms, checkOptions } from '../gradinit/options.js';
import type { Branch } from '../gradinit/scaleOptimizer.js';
import { isCrossAttention, parameterGroup, parameterSide, withUnmovedOutputProjection } from '../model/parameters.js';
import {
  jsonCount,
  jsonList,
  jsonNullable,
  jsonNumber,
  jsonObject,
  jsonOneOf,
  jsonOptional,
} from '../storage/jsonShape.js';
import { batchPieces, numPieces } from './batchPieces.js';
import { cycleBatches } from './cycleBatches.js';
import {
  checkedBatches,
  iterationNote,
  learnedOrDrawn,
  type GradInitFallback,
  type LookAheadCheck,
} from './gradInitCheck.js';
import { gradInitOptions } from './gradInitOptions.js';
import { boundsNorm, gradInitFields, gradInitSettings, type GradInitSettings } from './gradInitSettings.js';
import { checkUses, gradInitUses, type BatchUse } from './initCost.js';
import { learnedInit, meanLoss, type Learned, type LearnTask } from './learnedInit.js';

/** GradInit's part of gradinit.json. */
type Report = GradInitReport & {
  readonly options: GradInitOptions;
  /** Updates of training over which scaled rates return to 1; 0: never. Absent if the weights are scaled. */
  readonly releaseUpdates?: number;
  readonly fallback?: GradInitFallback;
  readonly check?: LookAheadCheck;
};

/** Batches are cut in thirds. */
const leastSentences = 3;
const measured = jsonNullable(jsonNumber);

/** GradInit on training batches. */
export const gradInit = learnedInit<'gradinit', typeof gradInitFields, Report>({
  name: 'gradinit',
  fields: gradInitFields,
  switch: { on: 'gradinit.algorithm', off: 'none' },
  isOn: ({ algorithm }) => algorithm !== 'none',
  check: (task) => checkOptions(gradInitOptions(task)),
  learn,
  identity: (task) => ({ ...gradInitSettings(task.settings), ...gradInitOptions(task) }),
  uses(task) {
    const { iterations, maxTokens = task.train.maxTokens, scaled, goal, fallBack } = gradInitSettings(task.settings);
    const isBounded = boundsNorm(task.settings);
    const nextBatch = cycleBatches(task, { maxTokens, leastSentences });
    const next = (index: number): ((branch: Branch) => BatchUse[]) => {
      const { first, second } = gradInitParts(nextBatch());
      const tokens = [first.trgTokens, second.trgTokens] as const;
      return index < iterations
        ? (branch) => gradInitUses(isBounded ? branch : 'objective', ...tokens, scaled, goal)
        : () => checkUses(...tokens);
    };
    return { total: iterations, checks: fallBack ? checkedBatches : 0, maxTokens, next };
  },
  describe: ({ algorithm, options, gamma, norm, iterations }) => ({
    algorithm,
    eta: options.eta,
    // JSON has no Infinity: null is no bound, or a share of a norm that was never known
    gamma: gamma ?? (options.gammaShare === undefined ? (options.gamma ?? undefined) : undefined),
    norm,
    iterations: iterations.map(({ iteration, branch, lossBefore, lossAfter, gradNorm }) => ({
      iteration,
      branch,
      lossBefore,
      ...(lossAfter !== null && { lossAfter }),
      gradNorm,
    })),
  }),
  reportShape: jsonObject({
    algorithm: jsonOneOf(algorithms),
    norm: jsonOptional(jsonOneOf(['L1', 'L2'])),
    options: jsonObject({ eta: jsonNumber, gamma: measured }), // JSON has no Infinity: null is no bound
    gamma: jsonOptional(measured),
    releaseUpdates: jsonOptional(jsonCount),
    iterations: jsonList(
      jsonObject({
        iteration: jsonCount,
        branch: jsonOneOf(['constraint', 'objective']),
        lossBefore: measured,
        lossAfter: measured,
        gradNorm: measured,
      }),
    ),
  }),
  numPieces,
  maxTokens: ({ maxTokens }) => maxTokens,
  leastSentences,
  memorySetting: 'pieceTokens',
  /** Bounds that no norm keeps and that every norm keeps: an iteration of each kind. */
  samples(settings, { iterations, batch }) {
    const gammas = boundsNorm(settings) ? [1e30, 1e-30] : [1e30];
    const sized =
      batch === undefined
        ? { ...settings, fallBack: false } // the time of the check is not part of an iteration
        : {
            ...settings,
            maxTokens: batch.maxTokens,
            pieceTokens: settings.pieceTokens ?? batch.trainTokens,
          };
    return gammas.map((gamma) => ({ ...sized, gamma, gammaShare: undefined, gammaScope: undefined, iterations }));
  },
});

async function learn(task: LearnTask<GradInitSettings>): Promise<Learned<Report>> {
  const options = gradInitOptions(task);
  const settings = gradInitSettings(task.settings);
  const loss = meanLoss(task.train, task.model);
  const nextBatch = cycleBatches(task, { maxTokens: settings.maxTokens, leastSentences });
  const partTokens: [number, number][] = [];
  const nextParts = (): { first: Batch; second: Batch } => {
    const parts = gradInitParts(nextBatch());
    partTokens.push([parts.first.trgTokens, parts.second.trgTokens]);
    return parts;
  };
  const goal = {
    params: task.drawn,
    loss,
    options,
    pieces: batchPieces(task),
    world: task.world,
    ...(settings.tiedStep === 'lookup-only' && {
      stepLoss: (moved: Params, current: Params, batch: Batch) =>
        loss(withUnmovedOutputProjection(moved, current), batch),
    }),
  };
  const finished = [...(task.done as readonly GradInitIteration[])];
  const learnGradInit = (): ReturnType<typeof learnScales> => {
    for (let i = 0; i < task.done.length; i++) nextParts(); // batches that finished iterations used
    return learnScales<Batch>({
      ...goal,
      done: task.done as readonly GradInitIteration[],
      groupOf: (name) =>
        settings.crossAttention === 'drawn' && isCrossAttention(name) ? 'fixed' : parameterGroup(name),
      sideOf: parameterSide,
      signal: task.signal,
      batches: nextParts,
      onIteration: (iteration) => {
        finished.push(iteration);
        task.onIteration(iteration, iterationNote(iteration, options, finished[0]));
      },
    });
  };
  const { params, report } = await learnedOrDrawn(
    { task: goal, finished: () => finished, nextParts, fallBack: settings.fallBack },
    learnGradInit,
  );
  const uses = partTokens.flatMap((tokens, i) =>
    i < options.iterations
      ? gradInitUses(report.iterations[i]?.branch ?? 'objective', ...tokens, settings.scaled, settings.goal)
      : checkUses(...tokens),
  );
  return {
    params,
    report: {
      options,
      ...(settings.scaled !== 'weights' && { releaseUpdates: settings.releaseUpdates }),
      ...report,
    },
    uses,
    ...(settings.scaled !== 'rates' && { weightScales: report.scales }),
    fallback: report.fallback?.reason,
  };
}
