import { existsSync, readFileSync } from 'node:fs';
import { DataError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import { readLog } from '../train/runLog.js';
import type { InitCost } from './initCost.js';

/** A validation as logged. */
export interface ValidationResult {
  readonly update: number;
  readonly epoch: number;
  readonly loss: number;
  readonly nll: number;
  readonly perplexity: number;
  readonly bleu?: number;
}

/** Which parameters of a run: of its best or last validation, or the average of its last epochs. */
export type CheckpointUse = 'best' | 'last' | 'average';

export interface TestResult {
  readonly use: CheckpointUse;
  readonly bleu: number;
  /** How BLEU was computed, as sacreBLEU writes it. */
  readonly signature: string;
  readonly precisions: readonly number[];
  readonly bp: number;
  readonly sysLen: number;
  readonly refLen: number;
  /** chrF2, 0 to 100. */
  readonly chrf: number;
  readonly chrfSignature: string;
  /** The same parameters on the validation set: mean loss with label smoothing, and BLEU where it is computed. */
  readonly validLoss?: number;
  readonly validBleu?: number;
  /** The translations, a file of the run. */
  readonly hyp: string;
  /** Which parameters translated, e.g. "best of validation, update 600". */
  readonly checkpoint: string;
  readonly seconds: number;
}

/** scores.json: the outcome of a run. Its presence marks the run as complete. */
export interface RunScores {
  readonly status: 'finished' | 'diverged';
  readonly backend: string;
  readonly updates: number;
  readonly epochs: number;
  readonly trgTokens: number;
  /** Training with validation, as summed over interruptions. */
  readonly trainSeconds: number;
  /** GradInit, MetaInit or profiling. */
  readonly initSeconds: number;
  /** What that cost; absent if nothing was learned or profiled. */
  readonly init?: InitCost;
  /** Updates that the run was given, those that `init` cost included. */
  readonly budget?: number;
  /** Entropy of the validation targets' own token frequencies, nats: a model above it has not learned to use context. */
  readonly unigramNll?: number;
  /** At the end of the first epoch. */
  readonly firstEpoch?: ValidationResult;
  readonly best?: ValidationResult;
  readonly last?: ValidationResult;
  /** Of the parameters that `decode.checkpoint` names. */
  readonly test?: TestResult;
  /** Of the best validation, of the average if at least two epochs were kept, and of what `decode.checkpoint` names. */
  readonly tests?: readonly TestResult[];
  /** Which of the best and the average has the better validation (`train.bestBy`). */
  readonly selected?: CheckpointUse;
  readonly diverged?: { readonly update: number; readonly message: string };
}

export function writeRunScores(path: string, scores: RunScores): void {
  writeFileAtomic(path, `${JSON.stringify(scores, null, 2)}\n`);
}

/** The scores of a run; undefined while it is not complete. @throws DataError if the file is damaged */
export function readRunScores(path: string): RunScores | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const scores: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (isRunScores(scores)) return scores;
  } catch (cause) {
    throw new DataError(
      `${path} is not JSON: ${(cause as Error).message}. It was damaged or changed after it was written. Move it out of the folder and run the same command with --resume: checkpoints and log stay, only the test set is translated again.`,
      {
        cause,
      },
    );
  }
  throw new DataError(
    `${path} does not hold the scores of a run. It was damaged or changed after it was written. Move it out of the folder and run the same command with --resume: checkpoints and log stay, only the test set is translated again.`,
  );
}

function isRunScores(value: unknown): value is RunScores {
  const scores = value as Partial<RunScores> | null;
  if (typeof scores !== 'object' || scores === null || !['finished', 'diverged'].includes(scores.status ?? ''))
    return false;
  const numbers = [scores.updates, scores.epochs, scores.trgTokens, scores.trainSeconds, scores.initSeconds];
  const validations = [scores.firstEpoch, scores.best, scores.last].filter((each) => each !== undefined);
  const tests = [...(scores.test ? [scores.test] : []), ...(Array.isArray(scores.tests) ? scores.tests : [])];
  return (
    numbers.every((each) => typeof each === 'number') &&
    validations.every((each) => typeof each?.loss === 'number') &&
    tests.every(isTestResult)
  );
}

/** Translations are read from where scores.json says, so that it may name nothing but a file of translations in the run. */
function isTestResult({ bleu, chrf, hyp }: Partial<TestResult>): boolean {
  return (
    typeof bleu === 'number' &&
    (chrf === undefined || typeof chrf === 'number') &&
    (hyp === undefined || /^test(\.(best|last|average))?\.hyp$/.test(hyp))
  );
}

/** A run's log in a few numbers: its length, and the validations that matter. */
export function summarizeLog(
  path: string,
): Pick<RunScores, 'updates' | 'epochs' | 'trgTokens' | 'trainSeconds' | 'firstEpoch' | 'best' | 'last'> {
  const lines = readLog(path);
  const validations = lines
    .filter(({ event }) => event === 'valid')
    .map((line) => {
      const { update, epoch, loss, nll, perplexity, bleu } = line as unknown as ValidationResult;
      return {
        isBest: line.best === true,
        result: { update, epoch, loss, nll, perplexity, ...(bleu !== undefined && { bleu }) },
      };
    });
  const epochs = lines.filter(({ event }) => event === 'epoch');
  const firstEpoch = validations.find(({ result }) => result.update === epochs[0]?.update)?.result;
  const best = validations.findLast(({ isBest }) => isBest)?.result;
  const last = validations.at(-1)?.result;
  return {
    // a long log has more lines than a call can have arguments
    updates: lines.reduce((most, { update = 0 }) => Math.max(most, update), 0),
    epochs: (epochs.at(-1)?.epoch ?? 0) as number,
    trgTokens: lines.reduce((total, line) => total + (line.event === 'train' ? (line.trgTokens as number) : 0), 0),
    trainSeconds: lines.reduce(
      (most, { seconds, update }) =>
        typeof seconds === 'number' && update !== undefined ? Math.max(most, seconds) : most,
      0,
    ),
    ...(firstEpoch && { firstEpoch }),
    ...(best && { best }),
    ...(last && { last }),
  };
}
