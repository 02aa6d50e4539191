import * as Plot from '@observablehq/plot';
import type { AblationData, RunData } from '../../experiment/ablationData.js';
import { chart, readable } from './chart.js';
import { armColour } from './page.js';

/** A quantity of an arm over updates: mean over seeds, and the least and greatest of them. */
export interface CurvePoint {
  readonly update: number;
  readonly mean: number;
  readonly least: number;
  readonly greatest: number;
  readonly seeds: number;
}

/** Runs of each arm that its numbers are shown of: those in its selected cell. */
export function shownRuns({ arms, runs }: AblationData): RunData[][] {
  return arms.map(({ name, cells, selected }) => runs.filter((run) => run.arm === name && sameCell(run.cell, cells[selected].cell)));
}

function sameCell(a: RunData['cell'], b: RunData['cell']): boolean {
  return Object.entries(a).every(([key, value]) => b[key] === value);
}

export interface Series {
  readonly update: number;
  readonly value: number | undefined | null;
}

/** Points at updates that several seeds have are joined; where there are more than `limit`, neighbours are averaged. */
export function joinSeeds(runs: readonly (readonly Series[])[], limit = 150): CurvePoint[] {
  const last = Math.max(0, ...runs.flatMap((points) => points.map(({ update }) => update)));
  const updates = new Set(runs.flatMap((points) => points.map(({ update }) => update)));
  const width = updates.size > limit ? last / limit : 0;
  const binOf = (update: number): number => (width > 0 ? Math.ceil(update / width) * width : update);
  const bins = new Map<number, Map<number, number[]>>();
  runs.forEach((points, seed) => {
    for (const { update, value } of points) {
      if (value === undefined || value === null || !Number.isFinite(value)) continue;
      const bin = bins.get(binOf(update)) ?? new Map<number, number[]>();
      bins.set(binOf(update), bin.set(seed, [...(bin.get(seed) ?? []), value]));
    }
  });
  return [...bins].sort(([a], [b]) => a - b).map(([update, seeds]) => {
    const values = [...seeds.values()].map((own) => own.reduce((a, b) => a + b, 0) / own.length);
    return { update, mean: values.reduce((a, b) => a + b, 0) / values.length, least: Math.min(...values), greatest: Math.max(...values), seeds: values.length };
  });
}

export interface CurvesOptions {
  readonly title: string;
  readonly caption: string;
  readonly label: string;
  /** Of a run. */
  readonly series: (run: RunData) => readonly Series[];
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** The greatest value shown, as a multiple of the median: beginnings and divergence would flatten the rest. */
  readonly cutAbove?: number;
}

/** Learning curves of all arms; empty if no run has such points. */
export function curvesChart(data: AblationData, { title, caption, label, series, logX = false, logY = false, cutAbove }: CurvesOptions): string {
  const arms = data.arms.map(({ name }) => name);
  const curves = shownRuns(data).map((runs) => joinSeeds(runs.map(series)).filter(({ mean }) => !logY || mean > 0));
  const all = curves.flat();
  if (all.length === 0) return '';
  const means = all.map(({ mean }) => mean).sort((a, b) => a - b);
  const highest = cutAbove === undefined ? Infinity : means[means.length >> 1] * cutAbove;
  const top = Math.min(highest, Math.max(...all.map(({ greatest }) => greatest)));
  const low = Math.min(...all.map(({ least }) => (logY && least <= 0 ? Infinity : least)));
  const clipped = top === highest ? ` Cut off above ${readable(top)}.` : '';
  const manySeeds = all.some(({ seeds }) => seeds > 1);
  return chart({
    title, arms,
    caption: `${caption}${manySeeds ? ' Lines: mean over seeds; bands: from the least to the greatest of them.' : ''}${clipped}`,
    plot: (width) => ({
      height: width > 600 ? 380 : 300, marginLeft: 52, marginRight: 16, clip: true,
      x: { label: 'updates →', type: logX ? 'log' : 'linear', ...(logX && { ticks: 6 }), tickFormat: (d: number) => d.toLocaleString('en') },
      y: { label: `↑ ${label}`, type: logY ? 'log' : 'linear', domain: low < top ? [low, top] : [low - 1, top + 1], clamp: true, grid: true, nice: true, ...(logY && { ticks: 5, tickFormat: '~g' }) },
      marks: curves.flatMap((points, i) => [
        ...(points.some(({ seeds }) => seeds > 1) ? [Plot.areaY(points, { x: 'update', y1: 'least', y2: 'greatest', fill: armColour(i), fillOpacity: 0.15, className: `arm-${i}` })] : []),
        Plot.lineY(points, { x: 'update', y: 'mean', stroke: armColour(i), strokeWidth: arms[i] === data.baseline ? 2.6 : 1.8, ...(arms[i] === data.baseline && { strokeDasharray: '6 3' }), className: `arm-${i}` }),
        Plot.dot(points, { x: 'update', y: 'mean', r: 7, fill: 'transparent', className: `arm-${i}`, title: (d: CurvePoint) => `${arms[i]}\nupdate ${Math.round(d.update)}: ${readable(d.mean)}${d.seeds > 1 ? `\n${readable(d.least)} to ${readable(d.greatest)} over ${d.seeds} seeds` : ''}` }),
      ]),
    }),
    numbers: {
      head: ['arm', 'update', 'mean', 'least', 'greatest', 'seeds'],
      rows: curves.flatMap((points, i) => thinned(points, 25).map(({ update, mean, least, greatest, seeds }) => [arms[i], String(Math.round(update)), readable(mean), readable(least), readable(greatest), String(seeds)])),
    },
  });
}

/** Evenly spread points, the last among them. */
function thinned<T>(points: readonly T[], limit: number): T[] {
  const step = Math.max(1, points.length / limit);
  return points.filter((_, i) => Math.floor((points.length - 1 - i) / step) !== Math.floor((points.length - 2 - i) / step) || i === points.length - 1);
}
