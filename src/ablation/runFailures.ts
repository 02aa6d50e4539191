import { existsSync } from 'node:fs';
import { DataError } from '../errors.js';
import { jsonObject, jsonRecord, jsonText, readJsonFile, writeJsonFile } from '../storage/jsonFile.js';
import { ablationFiles } from './ablationFiles.js';

/** Why runs of an ablation failed (other than by diverging), by key: failures.json of its folder. */
export type RunFailures = Readonly<Record<string, { readonly message: string; readonly at: string }>>;

const path = (dir: string): string => ablationFiles(dir).failures;

/** Empty if none failed, or if the file cannot be read, since it is only informative. */
export function readRunFailures(dir: string): RunFailures {
  if (!existsSync(path(dir))) return {};
  try {
    return readJsonFile<RunFailures>(path(dir), {
      what: 'failures of runs',
      shape: jsonRecord(jsonObject({ message: jsonText })),
      advice: 'Remove it.',
    });
  } catch (error) {
    if (error instanceof DataError) return {};
    throw error;
  }
}

/** Records why a run failed. */
export function noteFailure(dir: string, key: string, message: string): void {
  write(dir, { ...readRunFailures(dir), [key]: { message, at: new Date().toISOString() } });
}

/** Removes the record of a run that is tried again. */
export function forgetFailure(dir: string, key: string): void {
  const { [key]: forgotten, ...others } = readRunFailures(dir);
  if (forgotten !== undefined) write(dir, others);
}

function write(dir: string, failures: RunFailures): void {
  writeJsonFile(path(dir), failures);
}
