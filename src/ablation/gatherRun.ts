import { readFileSync, statSync } from 'node:fs';
import { isLocked } from '../storage/folderLock.js';
import { countedValidations, lastUpdate, type LogLine, readLog } from '../train/runLog.js';
import {
  tensorPlace,
  type LearnedScales,
  type RunData,
  type RunState,
  type TrainPoint,
  type ValidPoint,
} from './ablationData.js';
import { initNamed, type InitReport } from '../initial/learnedInits.js';
import { readGradientRecord, readInitReport } from '../run/initRecords.js';
import type { PlanRecord } from './planRecord.js';
import type { RunStart } from '../run/runEvents.js';
import { readRunConfig, readRunIdentity, runPaths } from '../run/runFolder.js';
import { isStuck, readRunScores, type RunScores } from '../run/runScores.js';
import { isThere } from '../storage/isThere.js';

/**
 * The contents of one run's folder, whether the run is waiting, running or complete.
 *
 * @param failure why it failed, if it did
 * @throws DataError if a file in it is damaged
 */
export function gatherRun(runDir: string, planned: PlanRecord['runs'][number], failure?: string): RunData {
  const paths = runPaths(runDir);
  const failed = failure === undefined ? {} : { failure };
  if (!isThere(paths.config))
    return {
      ...planned,
      state: failure === undefined ? 'waiting' : 'failed',
      ...failed,
      updates: 0,
      train: [],
      valid: [],
    };
  const config = readRunConfig(runDir);
  const { program, startedAt } = readRunIdentity(runDir);
  const scores = readRunScores(paths.scores);
  const log = readLog(paths.log);
  const start = log.findLast(({ event }) => event === 'start') as unknown as RunStart | undefined;
  const report = readInitReport(paths.initReport);
  const { maxUpdates, countInit } = config.train;
  const initUpdates = countInit ? Math.ceil(report?.cost?.updateEquivalents ?? 0) : 0;
  const ratios = log.filter(({ event }) => event === 'updateRatios') as unknown as {
    update: number;
    ratios: (number | null)[];
  }[];
  return {
    ...planned,
    state: scores
      ? stateOf(scores)
      : isLocked(paths.lock)
        ? 'running'
        : failure === undefined
          ? 'unfinished'
          : 'failed',
    ...failed,
    updates: scores?.updates ?? lastUpdate(log),
    ...(maxUpdates > 0 && { maxUpdates: maxUpdates - initUpdates }),
    ...(isThere(paths.log) && { lastWrittenMs: statSync(paths.log).mtimeMs }),
    ...(scores && { scores }),
    config,
    configYaml: readFileSync(paths.config, 'utf8'),
    program,
    startedAt,
    ...(start && { numParameters: start.numParameters }),
    train: log.filter(({ event }) => event === 'train').map(trainPoint),
    valid: countedValidations(log).map(validPoint),
    ...(ratios.length > 0 &&
      start?.parameters && {
        updateRatios: {
          tensors: start.parameters,
          samples: ratios.map(({ update, ratios: values }) => ({ update, ratios: values })),
        },
      }),
    ...(isThere(paths.gradients) && { gradients: readGradientRecord(paths.gradients) }),
    ...(report && { learned: learnedScales(report) }),
  };
}

function stateOf(scores: RunScores): RunState {
  if (scores.status === 'diverged') return 'diverged';
  return isStuck(scores) ? 'stuck' : 'finished';
}

function trainPoint(line: LogLine): TrainPoint {
  const { update, epoch, loss, nll, lr, gradNormL2, trgTokensPerSecond, seconds } = line as unknown as TrainPoint;
  return { update, epoch, loss, nll, lr, gradNormL2, trgTokensPerSecond, seconds };
}

function validPoint(line: LogLine): ValidPoint {
  const { update, epoch, loss, nll, perplexity, bleu, best, seconds, samples } = line as unknown as ValidPoint;
  return {
    update,
    epoch,
    loss,
    nll,
    perplexity,
    ...(bleu !== undefined && { bleu }),
    best,
    seconds,
    ...(samples && { samples }),
  };
}

function learnedScales(report: InitReport): LearnedScales {
  const tensors = Object.entries(report.scales).map(([name, scale]) => ({ ...tensorPlace(name), scale }));
  return { method: report.method, ...(initNamed(report.method)?.describe(report) ?? { iterations: [] }), tensors };
}
