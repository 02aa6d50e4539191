import {
  jsonCount,
  jsonList,
  jsonNullable,
  jsonNumber,
  jsonObject,
  jsonOneOf,
  jsonOptional,
  jsonRecord,
  jsonSha256,
  jsonText,
  jsonValue,
  readJsonFile,
  writeJsonFile,
  type JsonFile,
} from '../storage/jsonFile.js';
import { countedValidations, lastUpdate, readLog } from '../train/runLog.js';
import type { InitCost } from '../initial/initCost.js';
import type { TestFiles } from './testText.js';
import { isThere } from '../storage/isThere.js';

/** A validation as logged. */
export interface ValidationResult {
  readonly update: number;
  readonly epoch: number;
  readonly loss: number;
  readonly nll: number;
  readonly perplexity: number;
  readonly bleu?: number;
}

/** Parameters of a run: of its best or last validation, or the average of its last epochs. */
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
  /** The same parameters on the validation set: mean loss with label smoothing, and BLEU if it is computed. */
  readonly validLoss?: number;
  readonly validBleu?: number;
  /** The translations, a file of the run. */
  readonly hyp: string;
  /** The parameters that translated, e.g. "best of validation, update 600". */
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
  /** The cost of that; absent if nothing was learned or profiled. */
  readonly init?: InitCost;
  /** Updates of the run, including the cost of `init`. */
  readonly budget?: number;
  /**
   * Entropy of the validation targets' own token frequencies, nats: a model above it has not learned to use context.
   */
  readonly unigramNll?: number;
  /** At the end of the first epoch. */
  readonly firstEpoch?: ValidationResult;
  readonly best?: ValidationResult;
  readonly last?: ValidationResult;
  /** Of the parameters that `decode.checkpoint` names. */
  readonly test?: TestResult;
  /** Of the best validation, of the average if at least two epochs were kept, and of what `decode.checkpoint` names. */
  readonly tests?: readonly TestResult[];
  /** SHA-256 of test.src, test.ref and the translations, by name; runs of earlier versions have none. */
  readonly files?: TestFiles;
  /** Which of the best and the average has the better validation (`train.bestBy`). */
  readonly selected?: CheckpointUse;
  readonly diverged?: { readonly update: number; readonly message: string };
}

export function writeRunScores(path: string, scores: RunScores): void {
  writeJsonFile(path, scores);
}

const validationShape = jsonObject({
  update: jsonCount,
  epoch: jsonNumber,
  loss: jsonNumber,
  nll: jsonOptional(jsonNullable(jsonNumber)),
  perplexity: jsonOptional(jsonNullable(jsonNumber)),
  bleu: jsonOptional(jsonNumber),
});

const testShape = jsonObject({
  use: jsonOptional(jsonOneOf(['best', 'last', 'average'])),
  bleu: jsonNumber,
  signature: jsonText,
  chrf: jsonOptional(jsonNumber),
  chrfSignature: jsonOptional(jsonText),
  precisions: jsonOptional(jsonList(jsonNumber)),
  validLoss: jsonOptional(jsonNullable(jsonNumber)),
  validBleu: jsonOptional(jsonNullable(jsonNumber)),
  // the path must name a file of translations in the run, since translations are read from it
  hyp: jsonOptional(
    jsonValue(
      'test.hyp or test.NAME.hyp with best, last or average as NAME',
      (value) => typeof value === 'string' && /^test(\.(best|last|average))?\.hyp$/.test(value),
    ),
  ),
  checkpoint: jsonOptional(jsonText),
});

/** Shape of {@link InitCost}. */
export const initCostShape = jsonObject({ seconds: jsonNumber, trgTokens: jsonNumber, updateEquivalents: jsonNumber });

const scoresFile: JsonFile = {
  what: 'scores of a run',
  advice:
    'It was damaged or changed after it was written. Move it out of the folder and run the same command with --resume: checkpoints and log stay, only the test set is translated again.',
  shape: jsonObject({
    status: jsonOneOf(['finished', 'diverged']),
    backend: jsonText,
    updates: jsonCount,
    epochs: jsonNumber,
    trgTokens: jsonNumber,
    trainSeconds: jsonNumber,
    initSeconds: jsonNumber,
    init: jsonOptional(initCostShape),
    budget: jsonOptional(jsonNumber),
    unigramNll: jsonOptional(jsonNumber),
    firstEpoch: jsonOptional(validationShape),
    best: jsonOptional(validationShape),
    last: jsonOptional(validationShape),
    test: jsonOptional(testShape),
    tests: jsonOptional(jsonList(testShape)),
    files: jsonOptional(jsonRecord(jsonSha256)),
    selected: jsonOptional(jsonOneOf(['best', 'last', 'average'])),
    diverged: jsonOptional(jsonObject({ update: jsonCount, message: jsonText })),
  }),
};

/** The scores of a run; undefined while it is not complete. @throws DataError if the file is damaged */
export function readRunScores(path: string): RunScores | undefined {
  return isThere(path) ? readJsonFile<RunScores>(path, scoresFile) : undefined;
}

/** A run's log in a few numbers: its length, and the validations that matter. */
export function summarizeLog(
  path: string,
): Pick<RunScores, 'updates' | 'epochs' | 'trgTokens' | 'trainSeconds' | 'firstEpoch' | 'best' | 'last'> {
  const lines = readLog(path);
  const validations = countedValidations(lines).map((line) => {
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
    updates: lastUpdate(lines),
    epochs: (epochs.at(-1)?.epoch ?? 0) as number,
    trgTokens: lines.reduce(
      (total, line) => total + (line.event === 'train' ? ((line.trgTokens as number | null | undefined) ?? 0) : 0),
      0,
    ),
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

/** Whether a finished run has not learned to use context. */
export function isStuck({ status, best, unigramNll }: RunScores): boolean {
  return status === 'finished' && best !== undefined && unigramNll !== undefined && best.nll >= unigramNll;
}
