import { closeSync, fsyncSync, openSync } from 'node:fs';
import { writeFailure } from './writeFailure.js';

/** Waits until a file's content, or the names in a folder, are on the disk. */
export function syncToDisk(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } catch (cause) {
    throw writeFailure(path, cause); // some file systems find only now that there is no room
  } finally {
    closeSync(file);
  }
}
