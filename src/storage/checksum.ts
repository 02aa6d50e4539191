import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { jsonCount, jsonObject, jsonSha256 } from './jsonFile.js';
import { checkOwnFile } from './refusePipe.js';
import { readFailure } from './systemFailure.js';

/** What identifies a file's content. */
export interface FileIdentity {
  readonly bytes: number;
  readonly sha256: string;
}

/** Of {@link FileIdentity} in a JSON file. */
export const fileIdentityShape = jsonObject({ bytes: jsonCount, sha256: jsonSha256 });

/** Size and SHA-256 of a file as it is stored. @throws DataError if it cannot be read */
export async function fileIdentity(path: string): Promise<FileIdentity> {
  const {
    bytes,
    digests: { sha256 },
  } = await fileDigests(path, ['sha256']);
  return { bytes, sha256 };
}

/** Size and checksums of a file, in lower-case hexadecimal, from one reading. @throws DataError if it cannot be read */
export async function fileDigests<Algorithm extends 'sha256' | 'md5'>(
  path: string,
  algorithms: readonly Algorithm[],
): Promise<{ bytes: number; digests: Record<Algorithm, string> }> {
  const hashes = algorithms.map((algorithm) => createHash(algorithm));
  let bytes = 0;
  checkOwnFile(path, 'file');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      for (const hash of hashes) hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (cause) {
    throw readFailure(path, cause);
  }
  const digests = Object.fromEntries(algorithms.map((algorithm, i) => [algorithm, hashes[i].digest('hex')])) as Record<
    Algorithm,
    string
  >;
  return { bytes, digests };
}
