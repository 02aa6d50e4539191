import { basename, dirname } from 'node:path';
import { readPlan } from '../src/ablation/planFile.js';
import { readGradientRecord, readInitReport } from '../src/run/initRecords.js';
import { readRunConfig, readRunIdentity } from '../src/run/runFolder.js';
import { readRunScores } from '../src/run/runScores.js';
import { readLog } from '../src/train/runLog.js';

const readers: Readonly<Record<string, (path: string) => unknown>> = {
  'plan.json': (path) => readPlan(dirname(path)),
  'run.json': (path) => readRunIdentity(dirname(path)),
  'config.yaml': (path) => readRunConfig(dirname(path)),
  'scores.json': readRunScores,
  'gradinit.json': readInitReport,
  'gradients.json': readGradientRecord,
  'log.jsonl': readLog,
};

/**
 * Reads one file of a run or an ablation with the function that every command uses: what it refuses, all commands
 * refuse, and it takes less than a millisecond. Files that no single function checks are taken unchecked.
 */
export function readRunFile(path: string): unknown {
  return readers[basename(path)]?.(path);
}
