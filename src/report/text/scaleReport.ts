import { counted } from '../../counted.js';
import { formatLoss } from '../../format.js';
import { textTable } from './table.js';

/** Learned scales, those farthest from 1 (in ratio) first. */
export function scaleTable(scales: Readonly<Record<string, number>>, rows = 20): string {
  const far = (scale: number): number => Math.abs(Math.log(Math.max(scale, 1e-12)));
  const sorted = Object.entries(scales).sort(([, a], [, b]) => far(b) - far(a));
  const shown = textTable([
    ['tensor', 'scale'],
    ...sorted.slice(0, rows).map(([name, scale]) => [name, formatLoss(scale)]),
  ]);
  return sorted.length > rows ? `${shown}\n... and ${sorted.length - rows} nearer to 1` : shown;
}

/** The message on layer norms that learned scales have nearly closed. */
export function closedLayerNormsText(scales: Readonly<Record<string, number>>): string {
  const shown = Object.entries(scales).map(([name, scale]) => `${name.replace('.weight', '')} ${formatLoss(scale)}`);
  return (
    `${counted(shown.length, 'layer norm is', 'layer norms are')} nearly closed (${shown.slice(0, 4).join(', ')}${shown.length > 4 ? ', ...' : ''}): training may stall. ` +
    'gradinit.minScale 0.3, or layerNormLr 0, keeps them open.'
  );
}

/** The message if training starts from the drawn parameters although GradInit learned. */
export function fallbackText(reason: string): string {
  return `GradInit is not used, training starts from the parameters as drawn: ${reason}${/[.!?]$/.test(reason) ? '' : '.'}`;
}
