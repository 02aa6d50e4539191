import type { AblationData, RunData } from '../../ablation/ablationData.js';
import { cellName } from '../../ablation/ablationPlan.js';

/** The runs of each arm whose numbers are shown: those in its selected cell. */
export function shownRuns({ arms, runs }: AblationData): RunData[][] {
  return arms.map(({ name, cells, selected }) =>
    runs.filter((run) => run.arm === name && cellName(run.cell) === cells[selected].name),
  );
}
