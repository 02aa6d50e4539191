import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { ColdstartError, DataError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import { jsonAny, parseJson, sealedJson } from '../storage/jsonFile.js';
import { checkOwnFile } from '../storage/refusePipe.js';
import { writeFailure } from '../storage/writeFailure.js';

/**
 * The finished iterations of GradInit or MetaInit in a file, so that learning resumes where it stopped: a line with the
 * task, then one line of JSON per iteration, each on disk before the next begins. JSON keeps every bit of a number.
 *
 * @throws ColdstartError code LEARNING_DIFFERS, on opening, if the file is of other settings
 */
export class LearningLog {
  private constructor(
    private readonly path: string,
    private readonly file: number,
    /** Iterations finished before this program began. */
    readonly done: readonly unknown[],
    private length: number,
  ) {}

  /**
   * Opens the file, or makes it. A last line that was not written whole is dropped.
   * @param task what is learned, from what; plain JSON
   * @throws ColdstartError LEARNING_DIFFERS if the file belongs to another task; DataError if it is damaged
   */
  static open(path: string, task: Readonly<Record<string, unknown>>): LearningLog {
    checkOwnFile(path, 'record of learning');
    // empty: a power failure lost its contents
    if (!existsSync(path) || statSync(path).size === 0) writeFileAtomic(path, `${sealedJson(task)}\n`);
    const bytes = readFileSync(path);
    const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
    const [found, ...done] = whole
      .toString('utf8')
      .split('\n')
      .slice(0, -1)
      .map((line, index) => parseJson<unknown>(line, jsonAny, `${path}:${index + 1}`, advice));
    const sameTask = JSON.parse(JSON.stringify(task)) as Record<string, unknown>;
    const changed = Object.keys(sameTask).filter(
      (key) => !isDeepStrictEqual((found as Record<string, unknown> | undefined)?.[key], sameTask[key]),
    );
    if (changed.length > 0) {
      throw new ColdstartError(
        'LEARNING_DIFFERS',
        `${path} holds unfinished learning of another task: ${changed.join(', ')} differ. Use the settings and the corpus that it was started with, or remove the file to start again.`,
      );
    }
    done.forEach((iteration, index) => checkIteration(path, iteration, index + 2));
    try {
      const file = openSync(path, 'r+');
      ftruncateSync(file, whole.length);
      return new LearningLog(path, file, done, whole.length);
    } catch (cause) {
      throw writeFailure(path, cause);
    }
  }

  /** Stores a finished iteration. @throws ColdstartError WRITE_FAILED, e.g. for a full disk */
  append(iteration: object): void {
    const line = Buffer.from(`${sealedJson(iteration)}\n`);
    try {
      for (let at = 0; at < line.length;) at += writeSync(this.file, line, at, line.length - at, this.length + at);
      fdatasyncSync(this.file);
    } catch (cause) {
      throw writeFailure(this.path, cause);
    }
    this.length += line.length;
  }

  close(): void {
    closeSync(this.file);
  }
}

/** Removes the file after the result is stored elsewhere. */
export function removeLearningLog(path: string): void {
  rmSync(path, { force: true });
}

function checkIteration(path: string, iteration: unknown, line: number): void {
  const { scales, scaleGradients, normGradients, seconds } = (iteration ?? {}) as Record<string, unknown>;
  if (!Array.isArray(scales) || !Array.isArray(scaleGradients ?? normGradients) || typeof seconds !== 'number')
    throw new DataError(`${path}:${line} is not an iteration with scales, derivatives and seconds. ${advice}`);
}

const advice = 'Remove the file to start learning again.';
