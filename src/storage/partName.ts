import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { isRunning } from './isRunning.js';

/** Parts that this process writes: they are not stale, even if their names suggest it. */
const ownParts = new Set<string>();

/**
 * What is not the final file or folder: new content, or the old one for the moment in which the new one takes its name.
 */
export type PartKind = 'part' | 'replaced';

/** The maximal length of file names, in bytes. */
const longestName = 255;
/** What is added to a name has at most 55. */
const longestStem = 200;

/**
 * A name next to a file or folder for its incomplete version: `.NAME.PROCESS-RANDOM.part`. Nobody can guess it, so
 * nobody can have made a link there; open it exclusively all the same.
 */
export function partPath(path: string, kind: PartKind = 'part'): string {
  const part = join(dirname(path), `.${stem(path)}.${process.pid}-${randomBytes(8).toString('hex')}.${kind}`);
  ownParts.add(part);
  return part;
}

/** Says that a part is done with: it got its final name, or was removed. */
export function forgetPart(part: string): void {
  ownParts.delete(part);
}

/** What a name in a folder says, if it is that of a part. */
export function parsePart(folder: string, entry: string): { of: string; kind: PartKind; isStale: boolean } | undefined {
  const [, of, processId, kind] = /^\.(.+)\.(\d+)-[0-9a-f]{16}\.(part|replaced)$/.exec(entry) ?? [];
  if (of === undefined) return undefined;
  const isOwn = Number(processId) === process.pid;
  // a process id of this process's is that of an earlier one where this one does not know the part
  const isStale = isOwn ? !ownParts.has(join(folder, entry)) : !isRunning(Number(processId));
  return { of, kind: kind as PartKind, isStale };
}

/** Whether a part belongs to a file or folder of this path. */
export function isPartOf(of: string, path: string): boolean {
  return of === stem(path);
}

function stem(path: string): string {
  let name = basename(path);
  if (Buffer.byteLength(name) > longestName) return name; // refused when the part is opened, not after the work
  while (Buffer.byteLength(name) > longestStem) name = name.slice(0, -1);
  return name;
}
