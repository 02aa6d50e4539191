import { greatest, least } from '../../extremes.js';
import * as Plot from '@observablehq/plot';
import type { AblationData, RunData } from '../../ablation/ablationData.js';
import { armAxis, armPanels } from './armPanels.js';
import { formatNumber } from '../../format.js';
import { chart } from './chart.js';
import { noHtml, type Html } from './html.js';
import { shownRuns } from '../text/shownRuns.js';
import { armColour } from './page.js';

/** Test BLEU of every run, by arm, with the mean and its standard error; empty until there are two to compare. */
export function bleuChart(data: AblationData): Html {
  const arms = data.arms.map(({ name }) => name);
  const points = shownRuns(data).flatMap((runs, i) =>
    runs.flatMap(({ scores, seed }) => (scores?.test ? [{ arm: arms[i], i, seed, bleu: scores.test.bleu }] : [])),
  );
  if (points.length < 2) return noHtml;
  const means = data.arms.flatMap(({ name, cells, selected }, i) => {
    const estimate = cells[selected].testBleu;
    return estimate ? [{ arm: name, i, ...estimate }] : [];
  });
  return chart({
    title: 'Test BLEU by arm',
    arms,
    caption: 'Dots: one seed each. Bars: mean; thin lines: its standard error. Runs that diverged have no dot.',
    plot: (width) => ({
      height: 30 * arms.length + 66,
      marginLeft: armAxis(arms, width).marginLeft,
      marginRight: 30,
      marginBottom: 44,
      x: {
        label: 'BLEU →',
        labelOffset: 38,
        grid: true,
        nice: true,
        domain: [0, Math.max(1, ...points.map(({ bleu }) => bleu))],
      },
      y: { label: null, domain: arms, tickSize: 0, tickFormat: armAxis(arms, width).tickFormat },
      marks: means.flatMap((mean) => [
        Plot.barX([mean], {
          y: 'arm',
          x: 'mean',
          fill: armColour(mean.i),
          fillOpacity: 0.25,
          insetTop: 4,
          insetBottom: 4,
          className: `arm-${mean.i}`,
        }),
        ...(mean.standardError === undefined
          ? []
          : [
              Plot.ruleY([mean], {
                y: 'arm',
                x1: (d: typeof mean) => d.mean - d.standardError!,
                x2: (d: typeof mean) => d.mean + d.standardError!,
                stroke: armColour(mean.i),
                strokeWidth: 2,
                className: `arm-${mean.i}`,
              }),
            ]),
        Plot.dot(
          points.filter(({ i }) => i === mean.i),
          {
            y: 'arm',
            x: 'bleu',
            fill: armColour(mean.i),
            r: 4,
            className: `arm-${mean.i}`,
            title: (d: (typeof points)[number]) => `${d.arm}, seed ${d.seed}: ${d.bleu.toFixed(2)}`,
          },
        ),
      ]),
    }),
    numbers: {
      head: ['arm', 'seed', 'test BLEU'],
      rows: points.map(({ arm, seed, bleu }) => [arm, String(seed), bleu.toFixed(2)]),
    },
  });
}

/** A group of tensors: embeddings, or a layer of one side. */
export function groupOf({ side, layer }: { readonly side: 'encoder' | 'decoder'; readonly layer?: number }): string {
  return layer === undefined ? `${side} embeddings` : `${side} ${layer}`;
}

/** Geometric mean over runs, by key; values that are not positive do not count. */
function meanByKey(runs: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const keys = new Set(runs.flatMap((run) => [...run.keys()]));
  const means = new Map<string, number>();
  for (const key of keys) {
    const values = runs.flatMap((run) => run.get(key) ?? []).filter((value) => value > 0);
    if (values.length > 0)
      means.set(key, Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length));
  }
  return means;
}

/** A run's number for each group before and after learning; `undefined` if nothing was learned. */
export interface BeforeAfter {
  readonly title: string;
  readonly caption: string;
  readonly label: string;
  readonly before: (run: RunData) => ReadonlyMap<string, number> | undefined;
  readonly after: (run: RunData) => ReadonlyMap<string, number> | undefined;
}

/** Room for an arm's name above its panel, in pixels. */
const betweenPanels = 30;

/**
 * Names of ticks on a logarithmic axis: powers of ten, where these are few 2 and 5 times them, where those are too
 * every tick with all its digits, which on a narrow axis are several.
 */
export function logTicks(values: readonly number[]): (tick: number) => string {
  const decades = Math.log10(greatest(values) / least(values));
  return (tick) => {
    const [digits, exponent] = tick.toExponential(6).split('e');
    const first = Number(digits);
    if (first !== 1 && decades > (first === 2 || first === 5 ? 1.5 : 0.7)) return '';
    return Math.abs(Number(exponent)) <= 2 ? String(Number(tick.toPrecision(7))) : `${first}e${Number(exponent)}`;
  };
}

/** The change by learning in each layer, arm next to arm; empty if no run has such numbers. */
export function beforeAfterChart(data: AblationData, { title, caption, label, before, after }: BeforeAfter): Html {
  const arms = data.arms.map(({ name }) => name);
  const rows = shownRuns(data).flatMap((runs, i) => {
    const last = meanByKey(runs.flatMap((run) => after(run) ?? []));
    const first = meanByKey(runs.flatMap((run) => before(run) ?? []));
    return [...last].map(([group, value]) => ({ arm: arms[i], i, group, value, drawn: first.get(group) }));
  });
  if (rows.length === 0) return noHtml;
  const shown = [...new Set(rows.map(({ arm }) => arm))];
  const groups = [...new Set(rows.map(({ group }) => group))];
  return chart({
    title,
    caption,
    arms,
    plot: (width) => {
      const { down, facet, titles } = armPanels(shown, {
        across: width > 600 ? 4 : 2,
        dy: -14,
        room: width - 146 - 14,
      });
      const panelHeight = groups.length * 16;
      return {
        height: down * (panelHeight + betweenPanels) + 56,
        marginLeft: 146,
        marginTop: 30,
        marginRight: 14,
        marginBottom: 44,
        x: {
          type: 'log',
          label: `${label} →`,
          labelOffset: 38,
          grid: true,
          inset: 6,
          ...(width > 600 ? {} : { ticks: 4 }),
          tickFormat: logTicks(rows.flatMap(({ value, drawn }) => [value, drawn ?? value])),
        },
        y: { domain: groups, label: null, tickSize: 0 },
        fx: { axis: null },
        fy: { axis: null, padding: betweenPanels / (panelHeight + betweenPanels) },
        marks: [
          Plot.frame({ stroke: 'var(--line)' }),
          titles,
          Plot.link(
            rows.filter(({ drawn }) => drawn !== undefined),
            {
              ...facet,
              x1: 'drawn',
              x2: 'value',
              y1: 'group',
              y2: 'group',
              stroke: (d: (typeof rows)[number]) => armColour(d.i),
              strokeWidth: 1.5,
            },
          ),
          Plot.dot(
            rows.filter(({ drawn }) => drawn !== undefined),
            {
              ...facet,
              x: 'drawn',
              y: 'group',
              r: 3.5,
              stroke: (d: (typeof rows)[number]) => armColour(d.i),
              fill: 'var(--back)',
              title: (d: (typeof rows)[number]) => `${d.arm}, ${d.group}, as drawn: ${formatNumber(d.drawn!, 4)}`,
            },
          ),
          Plot.dot(rows, {
            ...facet,
            x: 'value',
            y: 'group',
            r: 3.5,
            fill: (d: (typeof rows)[number]) => armColour(d.i),
            title: (d: (typeof rows)[number]) =>
              `${d.arm}, ${d.group}, at the start of training: ${formatNumber(d.value, 4)}`,
          }),
        ],
      };
    },
    numbers: {
      head: ['arm', 'layer', 'as drawn', 'at the start of training'],
      rows: rows.map(({ arm, group, drawn, value }) => [
        arm,
        group,
        drawn === undefined ? '' : formatNumber(drawn, 4),
        formatNumber(value, 4),
      ]),
    },
  });
}
