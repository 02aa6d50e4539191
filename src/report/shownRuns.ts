import type { AblationData, RunData } from '../experiment/ablationData.js';

/** Runs of each arm that its numbers are shown of: those in its selected cell. */
export function shownRuns({ arms, runs }: AblationData): RunData[][] {
  return arms.map(({ name, cells, selected }) => runs.filter((run) => run.arm === name && sameCell(run.cell, cells[selected].cell)));
}

function sameCell(a: RunData['cell'], b: RunData['cell']): boolean {
  return Object.entries(a).every(([key, value]) => b[key] === value);
}
