import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning } from './isRunning.js';

/**
 * Removes what atomic writes of killed processes left in a folder: files and folders called `.NAME.PROCESS.part`. Those of
 * other processes that still run stay.
 *
 * @param name only parts of this file or folder; default: of any
 */
export function removeStaleParts(folder: string, name?: string): void {
  for (const entry of readdirSync(folder)) {
    const [, partOf, processId] = /^\.(.+)\.(\d+)\.part$/.exec(entry) ?? [];
    if (partOf === undefined || (name !== undefined && partOf !== name)) continue;
    if (Number(processId) === process.pid || !isRunning(Number(processId)))
      rmSync(join(folder, entry), { recursive: true, force: true });
  }
}
