import { greatest as greatestOf, least as leastOf } from '../../extremes.js';
import * as Plot from '@observablehq/plot';
import type { AblationData, RunData } from '../../ablation/ablationData.js';
import { armPanels } from './armPanels.js';
import { formatNumber } from '../../format.js';
import { chart } from './chart.js';
import { noHtml, type Html } from './html.js';
import { shownRuns } from '../text/shownRuns.js';
import { joinSeeds, type CurvePoint, type Series } from './joinSeeds.js';
import { armColour } from './page.js';

export interface CurvesOptions {
  readonly title: string;
  readonly caption: string;
  readonly label: string;
  /** Of a run. */
  readonly series: (run: RunData) => readonly Series[];
  readonly logX?: boolean;
  readonly logY?: boolean;
}

/** An arm's curve and its style. */
interface ArmCurve {
  readonly arm: string;
  readonly i: number;
  readonly points: readonly CurvePoint[];
}

/**
 * More curves than these cannot be distinguished in one chart: then each arm has its own panel, with the baseline in
 * it.
 */
const mostTogether = 6;

/** Learning curves of all arms; empty if no run has such points. */
export function curvesChart(
  data: AblationData,
  { title, caption, label, series, logX = false, logY = false }: CurvesOptions,
): Html {
  const arms = data.arms.map(({ name }) => name);
  const isBaseline = (arm: string): boolean => arms.length > 1 && arm === data.baseline;
  const limit = arms.length > mostTogether ? 60 : 150;
  const curves = shownRuns(data)
    .map((runs, i): ArmCurve => ({
      arm: arms[i],
      i,
      points: joinSeeds(runs.map(series), limit).filter(({ mean }) => !logY || mean > 0),
    }))
    .filter(({ points }) => points.length > 0);
  if (curves.length === 0) return noHtml;
  const { domain, cut } = shownRange(
    curves.flatMap(({ points }) => points),
    logY,
  );
  const manySeeds = curves.some(({ points }) => points.some(({ seeds }) => seeds > 1));
  const inPanels = curves.length > mostTogether;
  const axes = {
    x: {
      label: 'updates →',
      labelOffset: 38,
      type: logX ? ('log' as const) : ('linear' as const),
      tickFormat: (d: number) => (Number.isInteger(d) ? d.toLocaleString('en') : ''), // few updates have ticks between them
    },
    y: {
      label: `↑ ${label}`,
      type: logY ? ('log' as const) : ('linear' as const),
      domain,
      clamp: true,
      grid: true,
      ...(logY && { tickFormat: '~g' }),
    },
  };
  return chart({
    title,
    arms,
    caption: [
      caption,
      manySeeds ? 'Lines: mean over seeds; bands: from the least to the greatest of them.' : '',
      inPanels ? `Dashed: ${data.baseline}.` : '',
      cut,
    ]
      .filter((part) => part !== '')
      .join(' '),
    plot: (width) =>
      inPanels
        ? panels(curves, axes, data.baseline, width)
        : {
            height: width > 600 ? 380 : 300,
            marginLeft: 60,
            marginRight: 16,
            marginBottom: 44,
            x: { ...axes.x, ...(logX && { ticks: 6 }) },
            y: { ...axes.y, ...(logY && { ticks: 5 }) },
            marks: curves.flatMap((curve) => curveMarks(curve, isBaseline(curve.arm))),
          },
    numbers: {
      head: ['arm', 'update', 'mean', 'least', 'greatest', 'seeds'],
      rows: curves.flatMap(({ arm, points }) =>
        thinned(points, 25).map(({ update, mean, least, greatest, seeds }) => [
          arm,
          String(Math.round(update)),
          formatNumber(mean, 4),
          formatNumber(least, 4),
          formatNumber(greatest, 4),
          String(seeds),
        ]),
      ),
    },
  });
}

function curveMarks({ arm, i, points }: ArmCurve, isBaseline: boolean, facet: object = {}): Plot.Markish[] {
  const own = points.map((point) => ({ arm, ...point }));
  return [
    ...(own.some(({ seeds }) => seeds > 1)
      ? [
          Plot.areaY(own, {
            ...facet,
            x: 'update',
            y1: 'least',
            y2: 'greatest',
            fill: armColour(i),
            fillOpacity: 0.15,
            clip: true,
            className: `arm-${i}`,
          }),
        ]
      : []),
    Plot.lineY(own, {
      ...facet,
      x: 'update',
      y: 'mean',
      stroke: armColour(i),
      strokeWidth: isBaseline ? 2.6 : 1.8,
      ...(isBaseline && { strokeDasharray: '6 3' }),
      clip: true,
      className: `arm-${i}`,
    }),
    Plot.dot(own, {
      ...facet,
      x: 'update',
      y: 'mean',
      r: 7,
      fill: 'transparent',
      clip: true,
      className: `arm-${i}`,
      title: (d: CurvePoint) =>
        `${arm}\nupdate ${Math.round(d.update)}: ${formatNumber(d.mean, 4)}${d.seeds > 1 ? `\n${formatNumber(d.least, 4)} to ${formatNumber(d.greatest, 4)} over ${d.seeds} seeds` : ''}`,
    }),
  ];
}

/** A small chart of each arm, all on the same axes, with the baseline's curve in each to compare. */
function panels(
  curves: readonly ArmCurve[],
  { x, y }: { x: Plot.ScaleOptions; y: Plot.ScaleOptions },
  baseline: string,
  width: number,
): Plot.PlotOptions {
  const { down, facet, titles } = armPanels(
    curves.map(({ arm }) => arm),
    { across: width > 600 ? 4 : 2, dy: -14, room: 0.94 * (width - 60 - 16) },
  );
  const reference = curves.find(({ arm }) => arm === baseline);
  const dashed =
    reference === undefined
      ? []
      : curves.flatMap(({ arm }) => (arm === baseline ? [] : reference.points.map((point) => ({ ...point, arm }))));
  return {
    height: down * 150 + 84,
    marginLeft: 60,
    marginRight: 16,
    marginTop: 44,
    marginBottom: 44,
    fx: { axis: null, padding: 0.08 },
    fy: { axis: null, padding: 0.24 },
    x: { ...x, ticks: 3 },
    y: { ...y, ticks: 4, labelAnchor: 'top' },
    marks: [
      Plot.frame({ stroke: 'var(--line)' }),
      titles,
      Plot.lineY(dashed, {
        ...facet,
        x: 'update',
        y: 'mean',
        z: 'arm',
        stroke: armColour(reference?.i ?? 0),
        strokeWidth: 1.4,
        strokeDasharray: '4 3',
        clip: true,
      }),
      ...curves.flatMap((curve) => curveMarks(curve, curve.arm === baseline, facet)),
    ],
  };
}

/**
 * The range of all means except the outermost few, plus a quarter: beginnings and divergence would flatten the rest.
 */
function shownRange(points: readonly CurvePoint[], log: boolean): { domain: [number, number]; cut: string } {
  const [to, from] = log
    ? [Math.log10, (value: number) => 10 ** value]
    : [(value: number) => value, (value: number) => value];
  const sorted = points.map(({ mean }) => to(mean)).sort((a, b) => a - b);
  const quantile = (p: number): number => sorted[Math.round(p * (sorted.length - 1))];
  const margin = 0.25 * (quantile(0.97) - quantile(0.03));
  const positive = (value: number): boolean => !log || value > 0;
  const least = leastOf(points.flatMap(({ least: one, mean }) => to(positive(one) ? one : mean)));
  const greatest = greatestOf(points.map(({ greatest: one }) => to(one)));
  const [low, high] = [Math.max(least, quantile(0.03) - margin), Math.min(greatest, quantile(0.97) + margin)];
  const cut = [
    ...(high < greatest ? [`above ${formatNumber(from(high), 4)}`] : []),
    ...(low > least ? [`below ${formatNumber(from(low), 4)}`] : []),
  ];
  return {
    domain: low < high ? [from(low), from(high)] : [low === 0 ? 0 : from(low - 1), from(high + 1)],
    cut: cut.length === 0 ? '' : `Cut off ${cut.join(' and ')}.`,
  };
}

/** Evenly spread points, the last among them. */
function thinned<T>(points: readonly T[], limit: number): T[] {
  const step = Math.max(1, points.length / limit);
  return points.filter(
    (_, i) =>
      Math.floor((points.length - 1 - i) / step) !== Math.floor((points.length - 2 - i) / step) ||
      i === points.length - 1,
  );
}
