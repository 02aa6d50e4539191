import { existsSync, unlinkSync } from 'node:fs';
import { makeFolder } from '../storage/makeFolder.js';
import { removeStaleParts } from '../storage/staleParts.js';
import { writeCheckpoint } from './checkpoint.js';
import type { CheckpointStore } from './checkpointStore.js';
import {
  checkpointPaths,
  forgetBestBeforeEnd,
  keepBestBeforeEnd,
  keepLastAsPrevious,
  keptCheckpoints,
  restoreBestBeforeEnd,
} from './runFiles.js';

/** The checkpoints of a run in `checkpoints/` below its folder. */
export function folderStore(runDir: string): CheckpointStore {
  const paths = checkpointPaths(runDir);
  return {
    last: paths.last,
    previous: () => (existsSync(paths.previous) ? paths.previous : undefined),
    open() {
      makeFolder(paths.folder);
      removeStaleParts(paths.folder);
    },
    saveLast(config, { params, ...training }, again = false) {
      if (!again) keepLastAsPrevious(runDir);
      writeCheckpoint(paths.last, config, params, training);
    },
    saveBest(config, params, atEnd) {
      if (atEnd) keepBestBeforeEnd(runDir);
      writeCheckpoint(paths.best, config, params);
    },
    restoreBestBeforeEnd: () => restoreBestBeforeEnd(runDir),
    forgetBestBeforeEnd: () => forgetBestBeforeEnd(runDir),
    keep(config, params, at, count) {
      writeCheckpoint(paths.kept(at), config, params);
      for (const old of keptCheckpoints(runDir).slice(0, -count)) unlinkSync(old);
    },
  };
}
