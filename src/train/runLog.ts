import { appendFileSync } from 'node:fs';
import { writeFileAtomic } from '../storage/atomicFile.js';
import {
  jsonBoolean,
  jsonCount,
  jsonList,
  jsonNullable,
  jsonNumber,
  jsonObject,
  jsonOptional,
  jsonText,
  parseJson,
  sealedJson,
  type JsonShape,
} from '../storage/jsonFile.js';
import { readOwnTextFile } from '../storage/textFile.js';
import { writeFailure } from '../storage/writeFailure.js';
import type { TrainPosition } from './position.js';
import { isThere } from '../storage/isThere.js';

/** One line of log.jsonl. */
export interface LogLine {
  readonly event: string;
  /** Updates done when it was written; absent for lines about the whole run. */
  readonly update?: number;
  readonly [key: string]: unknown;
}

/**
 * The log of a run: one JSON object per line, appended as things happen.
 */
export class RunLog {
  private constructor(readonly path: string) {}

  /** A new log; an existing one is replaced (a run folder belongs to one run). */
  static create(path: string): RunLog {
    writeFileAtomic(path, '');
    return new RunLog(path);
  }

  /**
   * The log of a run that resumes from a checkpoint at `position` (from its start without one): lines written after
   * that checkpoint is removed, since it will happen again, as is a last line that was cut short.
   */
  static resume(path: string, position?: TrainPosition): RunLog {
    const kept = readLog(path).filter((line) => line.update === undefined || isBefore(line, position));
    writeFileAtomic(path, kept.map((line) => `${sealedJson(line)}\n`).join(''));
    return new RunLog(path);
  }

  append(line: LogLine): void {
    try {
      appendFileSync(this.path, `${sealedJson(line)}\n`);
    } catch (cause) {
      throw writeFailure(this.path, cause);
    }
  }
}

/** Whether a line was written before the checkpoint at `position`, or describes its writing. */
function isBefore({ event, update }: LogLine, position?: TrainPosition): boolean {
  const at = position?.update ?? 0;
  if (update !== at) return update! < at;
  // of the checkpoint's update: lines that follow the checkpoint
  const isToCome =
    event === 'diverged' ||
    (event === 'valid' && position?.validationDue) ||
    (event === 'train' && position !== undefined && position.interval.updates > 0);
  return !isToCome;
}

const measured = jsonNullable(jsonNumber);

/** Numbers that lines of earlier versions may lack, and that are null where they were not finite. */
function maybeMeasured(...names: readonly string[]): Record<string, JsonShape> {
  return Object.fromEntries(names.map((name) => [name, jsonOptional(measured)]));
}

/** What is read of the lines of each event; other events have an update or none. */
const eventShapes: Readonly<Record<string, JsonShape>> = {
  start: jsonObject({ numParameters: jsonOptional(jsonCount), parameters: jsonOptional(jsonList(jsonText)) }),
  train: jsonObject({
    update: jsonCount,
    ...maybeMeasured('epoch', 'loss', 'nll', 'lr', 'gradNormL2', 'trgTokens', 'trgTokensPerSecond', 'seconds'),
  }),
  valid: jsonObject({
    update: jsonCount,
    ...maybeMeasured('epoch', 'loss', 'nll', 'perplexity', 'bleu', 'seconds'),
    samples: jsonOptional(jsonList(jsonObject({ src: jsonText, ref: jsonText, hyp: jsonText }))),
    best: jsonOptional(jsonBoolean),
    atEnd: jsonOptional(jsonBoolean),
  }),
  epoch: jsonObject({ update: jsonCount, epoch: jsonOptional(jsonCount) }),
  updateRatios: jsonObject({ update: jsonCount, ratios: jsonList(measured) }),
};

const lineShape: JsonShape = (value, field) => {
  jsonObject({ event: jsonText, update: jsonOptional(jsonCount), seconds: jsonOptional(measured) })(value, field);
  const { event } = value as LogLine;
  if (Object.hasOwn(eventShapes, event)) eventShapes[event](value, field);
};

/**
 * Every whole line of a log; empty without a log. @throws DataError naming a line that is not JSON or not an event of a
 * run
 */
export function readLog(path: string): LogLine[] {
  if (!isThere(path)) return [];
  const lines: LogLine[] = [];
  const texts = readOwnTextFile(path, 'log').split('\n');
  const advice = 'The log was changed after it was written; correct the line or remove it.';
  texts.forEach((text, i) => {
    // a killed run can cut its last line short, and no other: whole lines end with a line feed
    if (text === '' || (i === texts.length - 1 && !isJson(text) && !isJson(text.slice(0, -1)))) return;
    lines.push(parseJson<LogLine>(text, lineShape, `${path}:${i + 1}`, advice));
  });
  return lines;
}

/**
 * The validations of a log, without those that only the end of the run called for and that the run was prolonged after.
 */
export function countedValidations(lines: readonly LogLine[]): LogLine[] {
  const updates = lastUpdate(lines);
  return lines.filter(({ event, update, atEnd }) => event === 'valid' && (atEnd !== true || update === updates));
}

/** Updates done when a log ends. */
export function lastUpdate(lines: readonly LogLine[]): number {
  // a long log has more lines than a call can have arguments
  return lines.reduce((most, { update = 0 }) => Math.max(most, update), 0);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
