import { existsSync, readFileSync } from 'node:fs';
import { DataError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import { readLog } from '../train/runLog.js';

/** A validation as logged. */
export interface ValidationResult {
  readonly update: number;
  readonly epoch: number;
  readonly loss: number;
  readonly perplexity: number;
  readonly bleu?: number;
}

export interface TestResult {
  readonly bleu: number;
  /** How BLEU was computed, as sacreBLEU writes it. */
  readonly signature: string;
  readonly precisions: readonly number[];
  readonly bp: number;
  readonly sysLen: number;
  readonly refLen: number;
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
  /** GradInit or MetaInit. */
  readonly initSeconds: number;
  readonly best?: ValidationResult;
  readonly last?: ValidationResult;
  readonly test?: TestResult;
  readonly diverged?: { readonly update: number; readonly message: string };
}

export function writeRunScores(path: string, scores: RunScores): void {
  writeFileAtomic(path, `${JSON.stringify(scores, null, 2)}\n`);
}

/** The scores of a run; undefined while it is not complete. @throws DataError if the file is damaged */
export function readRunScores(path: string): RunScores | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const scores = JSON.parse(readFileSync(path, 'utf8')) as RunScores;
    if (scores.status === 'finished' || scores.status === 'diverged') return scores;
  } catch (cause) {
    throw new DataError(`${path} is not JSON: ${(cause as Error).message}. Remove it and run again with --resume.`, { cause });
  }
  throw new DataError(`${path} does not hold the scores of a run. Remove it and run again with --resume.`);
}

/** The best and the last validation in a run's log, and its length. */
export function summarizeLog(path: string): Pick<RunScores, 'updates' | 'epochs' | 'trgTokens' | 'trainSeconds' | 'best' | 'last'> {
  let best: ValidationResult | undefined;
  let last: ValidationResult | undefined;
  let [updates, epochs, trgTokens, trainSeconds] = [0, 0, 0, 0];
  for (const line of readLog(path)) {
    if (typeof line.seconds === 'number' && line.update !== undefined) trainSeconds = Math.max(trainSeconds, line.seconds);
    if (line.update !== undefined) updates = Math.max(updates, line.update);
    if (line.event === 'train') trgTokens += line.trgTokens as number;
    if (line.event === 'epoch') epochs = line.epoch as number;
    if (line.event !== 'valid') continue;
    const { update, epoch, loss, perplexity, bleu } = line as unknown as ValidationResult;
    last = { update, epoch, loss, perplexity, ...(bleu !== undefined && { bleu }) };
    if (line.best === true) best = last;
  }
  return { updates, epochs, trgTokens, trainSeconds, ...(best && { best }), ...(last && { last }) };
}
