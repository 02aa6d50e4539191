import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { DataError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import type { TrainPosition } from './position.js';

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
   * The log of a run that goes on from a checkpoint at `position` (from its start without one): what was written after that
   * checkpoint is removed, since it will happen again, as is a last line that was cut short.
   */
  static resume(path: string, position?: TrainPosition): RunLog {
    const kept = readLog(path).filter((line) => line.update === undefined || isBefore(line, position));
    writeFileAtomic(path, kept.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return new RunLog(path);
  }

  append(line: LogLine): void {
    appendFileSync(this.path, `${JSON.stringify(line)}\n`);
  }
}

/** Whether a line was written before the checkpoint at `position`, or tells what its writing was. */
function isBefore({ event, update }: LogLine, position?: TrainPosition): boolean {
  const at = position?.update ?? 0;
  if (update !== at) return update! < at;
  // of the checkpoint's own update: what is still to come after it
  const isToCome =
    event === 'diverged' ||
    (event === 'valid' && position?.validationDue) ||
    (event === 'train' && position !== undefined && position.interval.updates > 0);
  return !isToCome;
}

/** Every whole line of a log; empty if there is none. @throws DataError naming a line in its midst that is not JSON */
export function readLog(path: string): LogLine[] {
  if (!existsSync(path)) return [];
  const lines: LogLine[] = [];
  const texts = readFileSync(path, 'utf8').split('\n');
  texts.forEach((text, i) => {
    if (text === '') return;
    try {
      lines.push(JSON.parse(text) as LogLine);
    } catch (cause) {
      // a killed run can cut its last line short, and no other: whole lines end with a line feed
      if (i < texts.length - 1)
        throw new DataError(
          `${path}:${i + 1} is not JSON: ${text.slice(0, 60)}. The log was changed after it was written; put the line right or remove it.`,
          { cause },
        );
    }
  });
  return lines;
}
