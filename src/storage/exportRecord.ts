import { join } from 'node:path';
import { ColdstartError, DataError } from '../errors.js';
import { fileIdentity, fileIdentityShape, type FileIdentity } from './checksum.js';
import { filesBelow } from './filesBelow.js';
import { isFreeFolder } from './makeFolder.js';
import { isThere } from './isThere.js';
import { jsonObject, jsonOneOf, jsonRecord, jsonText, readJsonFile } from './jsonFile.js';

/** The record of an export in its folder; by it a later export knows that it may replace the folder. */
export const exportRecordName = 'coldstart.json';

/**
 * The format of the export in a folder; undefined if the folder holds none. @throws DataError if its record is damaged
 */
export function exportFormat(folder: string): string | undefined {
  const path = join(folder, exportRecordName);
  if (!isThere(path)) return undefined;
  const { exporter } = readJsonFile<{ exporter: string }>(path, {
    what: 'record of an export',
    advice: 'Export the model again.',
    shape: jsonObject({ exporter: jsonText }),
  });
  return exporter;
}

/** Size and checksum of every file in a folder, by its path there with slashes. */
export async function identitiesOf(folder: string): Promise<Record<string, FileIdentity>> {
  const found: Record<string, FileIdentity> = {};
  for (const name of filesBelow(folder)) found[name] = await fileIdentity(join(folder, name));
  return found;
}

/** A kind of folder with a record of its files. */
export interface RecordedFolder {
  /** What the folder holds, for messages. */
  readonly what: 'export' | 'demo';
  /** Name of the record. */
  readonly record: string;
  /** The record's `format`. */
  readonly format: string;
}

/**
 * Checks that a folder is free, or may be replaced by another one of its kind: it has a record of this kind, and no
 * file that the record does not list.
 *
 * @throws ColdstartError code FILE_EXISTS saying what is in the way
 */
export function checkReplaceable(out: string, force: boolean, { what, record, format }: RecordedFolder): void {
  const refuse = (why: string, cause?: unknown): ColdstartError => new ColdstartError('FILE_EXISTS', why, { cause });
  const otherwise = 'Choose another folder with --out, or empty it first.';
  const path = join(out, record);
  if (!isThere(path)) {
    if (isFreeFolder(out)) return;
    throw refuse(`${out} is not empty and holds no ${what}. ${otherwise}`);
  }
  let files: Readonly<Record<string, FileIdentity>>;
  try {
    ({ files } = readJsonFile<{ files: Record<string, FileIdentity> }>(path, {
      what: `record of ${article[what]} ${what}`,
      shape: jsonObject({ format: jsonOneOf([format]), files: jsonRecord(fileIdentityShape) }),
      advice: `The folder is not known as ${article[what]} ${what}. ${otherwise}`,
    }));
  } catch (error) {
    if (error instanceof DataError) throw refuse(error.message, error);
    throw error;
  }
  const [other] = filesBelow(out).filter((name) => name !== record && !Object.hasOwn(files, name));
  if (other !== undefined)
    throw refuse(
      `${out} holds ${article[what]} ${what}, and also ${other}, which ${record} does not list. ${otherwise}`,
    );
  if (!force)
    throw refuse(
      `${out} holds ${article[what]} ${what} already. Replace it with --force, or choose another folder with --out.`,
    );
}

const article = { export: 'an', demo: 'a' } as const;
