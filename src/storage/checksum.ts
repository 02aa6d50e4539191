import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { DataError } from '../errors.js';

/** What identifies a file's content. */
export interface FileIdentity {
  readonly bytes: number;
  readonly sha256: string;
}

/** Size and SHA-256 of a file as it is stored. @throws DataError if it cannot be read */
export async function fileIdentity(path: string): Promise<FileIdentity> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (cause) {
    throw new DataError(`${path} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  return { bytes, sha256: hash.digest('hex') };
}
