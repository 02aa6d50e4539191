import { writeFileAtomic } from '../storage/atomicFile.js';

/** Writes JSON that other programs read: without the checksum that coldstart's own files have. */
export function writeForeignJson(path: string, value: object): void {
  writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}
