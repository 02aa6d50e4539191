import { DataError } from '../errors.js';
import { writeFileAtomic } from './atomicFile.js';
import { Mismatch, shown, type JsonShape } from './jsonShape.js';
import { crc32Of } from './recordedFiles.js';
import { readOwnTextFile } from './textFile.js';

export * from './jsonShape.js';

export interface JsonFile {
  /** What the file is, e.g. "scores of a run". */
  readonly what: string;
  readonly shape: JsonShape;
  /** What to do about a damaged file: a sentence. */
  readonly advice: string;
  /** Larger files are refused. Default 256 MiB. */
  readonly maxBytes?: number;
}

/** An object's own checksum. Files of earlier versions, and of other programs, lack it. */
const sealField = 'crc32';

/** CRC-32 of an object's compact JSON: white space between its values does not count. */
const checksumOf = (value: object): string => crc32Of(JSON.stringify(value));

/**
 * JSON text of an object with its checksum as the last field, so that a reader detects every changed byte that changes
 * a value.
 *
 * @param indent spaces per level; absent: all on one line
 */
export function sealedJson(value: object, indent?: number): string {
  const { [sealField]: _, ...own } = value as Record<string, unknown>;
  return JSON.stringify({ ...own, [sealField]: checksumOf(own) }, null, indent);
}

/** Writes an object as {@link sealedJson} in a file that appears whole or not at all. @throws as writeFileAtomic */
export function writeJsonFile(
  path: string,
  value: object,
  { indent = 2, ...options }: { readonly indent?: number } & Parameters<typeof writeFileAtomic>[2] = {},
): void {
  writeFileAtomic(path, `${sealedJson(value, indent)}\n`, options);
}

/**
 * Reads a JSON file and checks all of its fields that the program uses, and its own checksum where it has one.
 *
 * @throws DataError naming the file, the field, what was found and what was expected
 */
export function readJsonFile<T>(path: string, { what, shape, advice, maxBytes }: JsonFile): T {
  return parseJson<T>(readOwnTextFile(path, what, maxBytes), shape, path, advice);
}

/**
 * The same for text that was read already. The checksum is left out of the result.
 *
 * @param place of the text, for messages: a file, or `FILE:LINE`
 */
export function parseJson<T>(text: string, shape: JsonShape, place: string, advice: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`${place} is not JSON: ${(cause as Error).message}. ${advice}`, { cause });
  }
  if (isDeeper(value, maxDepth))
    throw new DataError(`${place} has values more than ${maxDepth} levels deep. Is it the right file? ${advice}`);
  value = unsealed(value, place, advice);
  try {
    shape(value, '');
  } catch (cause) {
    if (!(cause instanceof Mismatch)) throw cause;
    throw new DataError(`${place}: ${cause.message}. ${advice}`, { cause });
  }
  return value as T;
}

/**
 * Far above the depth of any file of the program. Values that are nested much deeper cannot be written: that overflows
 * the stack.
 */
const maxDepth = 200;

function isDeeper(value: unknown, depth: number): boolean {
  let level = [value];
  for (let i = 0; i <= depth && level.length > 0; i++)
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  return level.length > 0;
}

function unsealed(value: unknown, place: string, advice: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, sealField)) return value;
  const { [sealField]: recorded, ...own } = value as Record<string, unknown>;
  const found = checksumOf(own);
  if (recorded === found) return own;
  throw new DataError(
    `${place} was changed or damaged after it was written: its values have the checksum ${found}, its field "${sealField}" says ${shown(recorded)}. ${advice} If you changed it on purpose, remove that field.`,
  );
}
