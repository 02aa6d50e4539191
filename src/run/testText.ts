import { join } from 'node:path';
import { readRecorded, sha256Of } from '../storage/recordedFiles.js';
import { readOwnTextFile } from '../storage/textFile.js';
import { writeFileAtomic } from '../storage/atomicFile.js';

/**
 * Text of the test set in a run's folder: sources, references, translations. SHA-256 by name; runs of earlier versions
 * have none.
 */
export type TestFiles = Readonly<Record<string, string>>;

/** Writes lines to a file of the run. @returns its SHA-256 */
export function writeTestText(path: string, lines: readonly string[]): string {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  writeFileAtomic(path, bytes);
  return sha256Of(bytes);
}

/**
 * The lines of a file that the run wrote.
 *
 * @param sha256 recorded in the run's scores
 * @throws DataError if the file cannot be read, or has a record and differs from it
 */
export function readTestText(runDir: string, name: string, sha256: TestFiles = {}): string[] {
  readRecorded(runDir, name, {
    sha256,
    writer: 'the run',
    advice:
      'Restore it from a copy, or move scores.json out of the folder and resume the run with --resume, which translates the test set again.',
  });
  return readOwnTextFile(join(runDir, name), 'text of the test set').replace(/\n$/, '').split('\n');
}
