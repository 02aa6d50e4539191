import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isPartOf, parsePart } from './partName.js';

/**
 * Removes the parts that atomic writes of killed processes left in a folder. Parts of processes that still run stay,
 * and so does a file or folder that was moved aside and has no successor: it gets its name back.
 *
 * @param name only parts of this file or folder; default: of any
 */
export function removeStaleParts(folder: string, name?: string): void {
  for (const entry of readdirSync(folder)) {
    const part = parsePart(folder, entry);
    if (part === undefined || !part.isStale || (name !== undefined && !isPartOf(part.of, name))) continue;
    const target = join(folder, part.of);
    if (part.kind === 'replaced' && !existsSync(target)) renameSync(join(folder, entry), target);
    else rmSync(join(folder, entry), { recursive: true, force: true });
  }
}
