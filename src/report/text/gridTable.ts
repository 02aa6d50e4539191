import { formatLoss } from '../../format.js';
import type { AblationData } from '../../ablation/ablationData.js';
import type { CellResults } from '../../ablation/ablationResults.js';

/**
 * The grid of each arm as tables: final validation loss, and how many runs diverged or came out stuck. Two axes make a
 * table of rows and columns; one or more than two make a list of cells.
 */
export function gridTables({ axes, arms }: AblationData): { title: string; rows: string[][] }[] {
  if (axes.length === 0) return [];
  const title = (name: string): string =>
    `${name}: last validation loss over the grid (diverged or stuck of complete runs)`;
  if (axes.length !== 2) {
    return arms.map(({ name, cells }) => ({
      title: title(name),
      rows: [['cell', 'loss'], ...cells.map((cell) => [cell.name || 'before there was a grid', describe(cell)])],
    }));
  }
  const [down, across] = axes;
  return arms.map(({ name, cells }) => ({
    title: title(name),
    rows: [
      [`${down.key} \\ ${across.key}`, ...across.values.map(String)],
      ...down.values.map((value) => [
        String(value),
        ...across.values.map((other) =>
          describe(cells.find(({ cell }) => cell[down.key] === value && cell[across.key] === other)),
        ),
      ]),
    ],
  }));
}

function describe(cell: CellResults | undefined): string {
  if (cell === undefined || cell.complete === 0) return '';
  const failed = cell.diverged + cell.stuck;
  return `${cell.finalLoss ? formatLoss(cell.finalLoss.mean) : 'diverged'}${failed > 0 ? ` (${failed} of ${cell.complete})` : ''}`;
}
