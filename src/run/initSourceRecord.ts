import { statSync } from 'node:fs';
import { fileIdentityShape, type FileIdentity } from '../storage/checksum.js';
import { isThere } from '../storage/isThere.js';
import { jsonCount, jsonObject, jsonOptional, jsonText, readJsonFile } from '../storage/jsonFile.js';
import { sha256OfFile } from '../storage/recordedFiles.js';
import type { Side } from '../text/textPipeline.js';

/**
 * How a vocabulary differs from that of the model it starts from, in tokens; the special ones are in every vocabulary
 * and not counted.
 */
export interface TokenMatch {
  /** In both: their rows are taken over. */
  readonly kept: number;
  /** New: their rows are drawn as initialisation draws them. */
  readonly drawn: number;
  /** Only in the source's: their rows are left out. */
  readonly dropped: number;
}

/** init-from.json: where a run's first parameters came from. */
export interface InitSourceRecord extends FileIdentity {
  /** The checkpoint's path when the run began. */
  readonly checkpoint: string;
  /** Updates that it was trained for, where it says so. */
  readonly update?: number;
  readonly vocabularies: Readonly<Record<Side, TokenMatch>>;
}

const matchShape = jsonObject({ kept: jsonCount, drawn: jsonCount, dropped: jsonCount });

/** init-from.json; undefined if missing. @throws DataError if it is damaged */
export function readInitSourceRecord(path: string): InitSourceRecord | undefined {
  if (!isThere(path)) return undefined;
  return readJsonFile<InitSourceRecord>(path, {
    what: 'record of the model that a run started from',
    shape: (value, field) => {
      fileIdentityShape(value, field);
      jsonObject({
        checkpoint: jsonText,
        update: jsonOptional(jsonCount),
        vocabularies: jsonObject({ src: matchShape, trg: matchShape }),
      })(value, field);
    },
    advice: 'Restore it from a copy, or start the run again in another folder.',
  });
}

/**
 * Whether a checkpoint, or a run's best one, has the content that a run started from: its path does not matter.
 * @param path of the run's init-from.json
 */
export function isSameSource(path: string, from: string | undefined, bestOf: (runDir: string) => string): boolean {
  if (from === undefined || !isThere(from)) return false;
  const checkpoint = statSync(from).isDirectory() ? bestOf(from) : from;
  const record = readInitSourceRecord(path);
  return (
    record !== undefined &&
    isThere(checkpoint) &&
    statSync(checkpoint).size === record.bytes &&
    sha256OfFile(checkpoint) === record.sha256
  );
}
