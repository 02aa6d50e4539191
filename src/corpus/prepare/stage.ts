import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileIdentity, fileIdentityShape, type FileIdentity } from '../../storage/checksum.js';
import { jsonAny, jsonObject, jsonOneOf, jsonRecord, jsonText, readJsonFile } from '../../storage/jsonFile.js';
import type { PartTaskName } from './partTasks.js';

/** A JSON value. */
export type Plain = string | number | boolean | null | undefined | readonly Plain[] | { readonly [key: string]: Plain };

/**
 * One step of preparing, with its result in a separate folder; done again only if something it depends on has changed.
 */
export interface Stage<Report = unknown> {
  /** Folder name, e.g. `tokenize.train`. */
  readonly name: string;
  /** Increased whenever the same inputs and settings would give other files. */
  readonly version: number;
  readonly settings: { readonly [key: string]: Plain };
  /** The user's files that it reads, by role; they count by content. */
  readonly files?: Readonly<Record<string, string>>;
  /** Stages whose results it reads; they come before it. */
  readonly needs: readonly Stage[];
  /** Writes the result into `context.folder`; may be called again over files that a killed run left there. */
  run(context: StageContext): Promise<Report>;
}

/** The environment of a stage. */
export interface StageContext {
  /** The folder for its files. */
  readonly folder: string;
  /** The result of a stage that it needs. */
  result<Report>(stage: Stage<Report>): { readonly folder: string; readonly report: Report };
  /**
   * Work that can be done part by part, by several threads. Parts that an earlier, killed run finished are not done
   * again.
   *
   * @param jobs each with its own name; files that a job writes are in the stage's folder. A stream of jobs is read as
   * threads become free, and reports the progress itself
   * @param weight of a job, for progress
   * @returns the task's report on each job, in order
   */
  eachPart<Job extends { readonly name: string }, Report>(
    task: PartTaskName,
    settings: object,
    jobs: readonly Job[] | AsyncIterable<Job>,
    weight?: (job: Job) => number,
  ): Promise<Report[]>;
  progress(done: number, total: number, unit: string): void;
}

/** `manifest.json` of a finished stage. */
export interface StageManifest {
  readonly format: typeof stageFormat;
  readonly stage: string;
  readonly version: number;
  /** The program that wrote it. */
  readonly program: string;
  readonly settings: { readonly [key: string]: Plain };
  readonly files: Readonly<Record<string, FileIdentity>>;
  /** SHA-256 over the outputs of each stage that it read. */
  readonly needs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, FileIdentity>>;
  /** Counts and findings. */
  readonly report: unknown;
  readonly workers: number;
  readonly started: string;
  readonly seconds: number;
}

/** Decides whether a result is still valid. */
export type StageKey = Pick<StageManifest, 'stage' | 'version' | 'program' | 'settings' | 'files' | 'needs'>;

export const stageFormat = 'coldstart corpus stage';
export const stageManifestFile = 'manifest.json';

const keyFields = {
  stage: jsonText,
  program: jsonText,
  settings: jsonRecord(jsonAny),
  files: jsonRecord(fileIdentityShape),
  needs: jsonRecord(jsonText),
};

/** Of {@link StageKey}. */
export const stageKeyShape = jsonObject(keyFields);

const stageShape = jsonObject({
  format: jsonOneOf([stageFormat]),
  ...keyFields,
  outputs: jsonRecord(fileIdentityShape),
});

/**
 * The manifest of a finished stage; null if the stage is not there, not finished, or its files have other sizes than it
 * says.
 */
export function readStageManifest(folder: string): StageManifest | null {
  const path = join(folder, stageManifestFile);
  if (!existsSync(path)) return null;
  try {
    const manifest = readJsonFile<StageManifest>(path, {
      what: 'manifest of a stage',
      shape: stageShape,
      advice: 'The stage is done again.',
    });
    const whole = Object.entries(manifest.outputs).every(
      ([name, { bytes }]) => statSync(join(folder, name)).size === bytes,
    );
    return whole ? manifest : null;
  } catch {
    return null; // for any error the stage can be done again
  }
}

/** The differences between two keys, one line each; empty if they are equal. */
export function keyChanges(made: StageKey, asked: StageKey): string[] {
  const changes: string[] = [];
  if (made.version !== asked.version || made.program !== asked.program)
    changes.push(`program: ${made.program}, now ${asked.program}`);
  for (const name of union(made.settings, asked.settings)) {
    const [before, now] = [JSON.stringify(made.settings[name]), JSON.stringify(asked.settings[name])];
    if (before !== now) changes.push(`setting ${name}: ${before ?? 'not set'}, now ${now ?? 'not set'}`);
  }
  for (const name of union(made.files, asked.files)) {
    if (made.files[name]?.sha256 !== asked.files[name]?.sha256)
      changes.push(
        `input ${name}: ${made.files[name] === undefined ? 'new' : asked.files[name] === undefined ? 'gone' : 'content changed'}`,
      );
  }
  for (const name of union(made.needs, asked.needs)) {
    if (made.needs[name] !== asked.needs[name]) changes.push(`result of ${name} changed`);
  }
  return changes;
}

function union(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}

/** One SHA-256 for all outputs of a stage. */
export function outputsDigest({ outputs }: Pick<StageManifest, 'outputs'>): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(outputs).sort()) hash.update(`${name} ${outputs[name].sha256}\n`);
  return hash.digest('hex');
}

/** Whether files are unchanged since they were written. */
export async function areIntact(folder: string, outputs: StageManifest['outputs']): Promise<boolean> {
  for (const [name, { bytes, sha256 }] of Object.entries(outputs)) {
    const path = join(folder, name);
    if (!existsSync(path) || statSync(path).size !== bytes || (await fileIdentity(path)).sha256 !== sha256)
      return false;
  }
  return true;
}
