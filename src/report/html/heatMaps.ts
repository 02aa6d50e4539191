import * as Plot from '@observablehq/plot';
import type { AblationData, LearnedTensor } from '../../experiment/ablationData.js';
import type { CellResults } from '../../experiment/ablationResults.js';
import { groupOf, meanByKey } from './armCharts.js';
import { chart, readable } from './chart.js';
import { shownRuns } from './curves.js';

/** For each arm the last validation loss of every cell of a grid with two axes, and where runs failed; empty for other grids. */
export function stabilityCharts(data: AblationData): string {
  const { axes, arms } = data;
  if (axes.length !== 2) return '';
  const [down, across] = axes;
  const cells = arms.flatMap(({ name, cells: own }) => own.filter(({ complete }) => complete > 0).map((cell) => ({ arm: name, x: String(cell.cell[across.key]), y: String(cell.cell[down.key]), loss: cell.finalLoss?.mean, cell })));
  const losses = cells.flatMap(({ loss }) => loss ?? []).sort((a, b) => a - b);
  if (losses.length === 0) return '';
  const shown = arms.map(({ name }) => name).filter((name) => cells.some(({ arm }) => arm === name));
  const failed = ({ diverged, stuck }: CellResults): number => diverged + stuck;
  return chart({
    title: `Last validation loss over ${down.key} and ${across.key}`,
    caption: `Mean over the seeds that finished. Lighter is lower; × marks cells in which runs failed (diverged, or no better than token frequencies), with their number where there are several seeds.`,
    plot: (width) => {
      const columns = Math.max(1, Math.min(shown.length, Math.floor((width - 60) / Math.max(180, across.values.length * 42))));
      const place = (arm: string): { fx: number; fy: number } => ({ fx: shown.indexOf(arm) % columns, fy: Math.floor(shown.indexOf(arm) / columns) });
      const facet = { fx: (d: { arm: string }) => place(d.arm).fx, fy: (d: { arm: string }) => place(d.arm).fy };
      const text = (d: (typeof cells)[number]): string => (d.loss === undefined ? '×' : d.loss.toFixed(2)) + (failed(d.cell) > 0 && d.loss !== undefined ? ` ×${failed(d.cell)}` : '');
      return {
        height: Math.ceil(shown.length / columns) * (down.values.length * 30 + 60) + 40, marginLeft: 66, marginTop: 34, padding: 0.04,
        x: { type: 'band', domain: across.values.map(String), label: across.key }, y: { type: 'band', domain: [...down.values].reverse().map(String), label: down.key }, fx: { axis: null }, fy: { axis: null },
        color: { type: 'linear', scheme: 'viridis', reverse: true, domain: [losses[0], losses[losses.length - 1]], legend: false },
        marks: [
          Plot.text(shown.map((arm) => ({ arm })), { ...facet, text: 'arm', frameAnchor: 'top', dy: -16, fontWeight: 600 }),
          Plot.cell(cells, { ...facet, x: 'x', y: 'y', fill: (d: (typeof cells)[number]) => d.loss ?? NaN, inset: 1, title: (d: (typeof cells)[number]) => `${d.arm}, ${d.cell.name}\nloss ${d.loss === undefined ? 'none' : readable(d.loss)}\n${d.cell.diverged} of ${d.cell.complete} diverged, ${d.cell.stuck} stuck` }),
          Plot.text(cells, { ...facet, x: 'x', y: 'y', text, fill: (d: (typeof cells)[number]) => (d.loss === undefined ? 'var(--bad)' : d.loss > (losses[0] + losses[losses.length - 1]) / 2 ? '#fff' : '#000'), fontSize: 11 }),
        ],
      };
    },
    numbers: { head: ['arm', down.key, across.key, 'loss', 'diverged', 'stuck', 'runs'], rows: cells.map(({ arm, x, y, loss, cell }) => [arm, y, x, loss === undefined ? '' : loss.toFixed(4), String(cell.diverged), String(cell.stuck), String(cell.complete)]) },
  });
}

/** The scales that an arm learned for its tensors, by layer and kind; empty for arms that learn none. */
export function scalesCharts(data: AblationData): string {
  return shownRuns(data).map((runs, i) => {
    const learned = runs.flatMap(({ learned: own }) => (own ? [own] : []));
    if (learned.length === 0) return '';
    const means = meanByKey(learned.map(({ tensors }) => new Map(tensors.map(({ name, scale }) => [name, scale]))));
    const tensors = learned[0].tensors.filter(({ name }) => means.has(name)).map((tensor) => ({ ...tensor, scale: means.get(tensor.name)!, group: groupOf(tensor), row: `${tensor.part} ${tensor.kind}` }));
    const extent = Math.max(1.05, ...tensors.map(({ scale }) => Math.max(scale, 1 / scale)));
    const rows = [...new Set(tensors.map(({ row }) => row))].sort(byPart);
    const layers = tensors.filter(({ layer }) => layer !== undefined);
    const others = tensors.filter(({ layer }) => layer === undefined);
    const groups = [...new Set(layers.map(({ group }) => group))];
    return chart({
      title: `Scales learned: ${data.arms[i].name}`,
      caption: `Final over initial value of each tensor${learned.length > 1 ? `, geometric mean over ${learned.length} seeds` : ''}. Blue: larger; red: smaller; white: as drawn.${others.map(({ name, scale }) => ` ${name}: ${readable(scale)}.`).join('')}`,
      plot: (width) => ({
        height: rows.filter((row) => layers.some((tensor) => tensor.row === row)).length * 20 + 70, marginLeft: width > 600 ? 200 : 150, marginBottom: 44, padding: 0.04,
        x: { type: 'band', domain: groups, label: null, tickRotate: width > 600 ? 0 : -60 }, y: { type: 'band', domain: rows.filter((row) => layers.some((tensor) => tensor.row === row)), label: null, tickSize: 0 },
        color: { type: 'log', scheme: 'RdBu', domain: [1 / extent, extent] },
        marks: [
          Plot.cell(layers, { x: 'group', y: 'row', fill: 'scale', title: (d: (typeof layers)[number]) => `${d.name}: ${readable(d.scale)}` }),
          ...(width > 600 ? [Plot.text(layers, { x: 'group', y: 'row', text: (d: LearnedTensor) => d.scale.toPrecision(2), fill: (d: LearnedTensor) => (Math.abs(Math.log(d.scale)) > 0.6 * Math.log(extent) ? '#fff' : '#000'), fontSize: 10 })] : []),
        ],
      }),
      numbers: { head: ['tensor', 'scale'], rows: tensors.map(({ name, scale }) => [name, readable(scale)]) },
    });
  }).join('\n');
}

/** Self-attention, attention over the source, feed-forward, their LayerNorms. */
function byPart(a: string, b: string): number {
  const rank = (row: string): number => ['self_attn.', 'self_attn_layer_norm', 'encoder_attn.', 'encoder_attn_layer_norm', 'fc1', 'fc2', 'final_layer_norm'].findIndex((part) => row.startsWith(part));
  return rank(a) - rank(b) || a.localeCompare(b);
}
