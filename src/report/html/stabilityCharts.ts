import * as Plot from '@observablehq/plot';
import type { AblationData } from '../../ablation/ablationData.js';
import type { CellResults } from '../../ablation/ablationResults.js';
import { armAxis, armPanels } from './armPanels.js';
import { formatLoss } from '../../format.js';
import { chart } from './chart.js';
import { joinHtml, noHtml, type Html } from './html.js';

/** A heat map's measure of a cell of the grid. */
interface Measure {
  readonly title: string;
  readonly caption: string;
  readonly value: (cell: CellResults) => number | undefined;
  readonly text: (value: number, cell: CellResults) => string;
  readonly lowIsGood: boolean;
  /** Ends of the colours where they do not come from the values. */
  readonly low?: number;
  readonly high?: number;
}

const lostRuns = 'Diverged or stuck runs';
const lost = ({ diverged, stuck }: CellResults): number => diverged + stuck;
const lostMark = (cell: CellResults): string =>
  lost(cell) === 0 ? '' : cell.complete === 1 ? ' ×' : ` ×${lost(cell)}`;

const measures: readonly Measure[] = [
  {
    title: 'Last validation loss',
    lowIsGood: true,
    value: ({ finalLoss }) => finalLoss?.mean,
    text: (value, cell) => formatLoss(value, 2) + lostMark(cell),
    caption:
      'Mean over the seeds that finished; lighter is lower. × marks cells in which runs diverged or came out stuck (no better than token frequencies), with their number where there are several seeds.',
  },
  {
    title: 'Test BLEU',
    lowIsGood: false,
    low: 0,
    value: ({ testBleu }) => testBleu?.mean,
    text: (value, cell) => value.toFixed(1) + lostMark(cell),
    caption: 'Mean over the seeds that finished; lighter is higher. ×: as above.',
  },
  {
    title: lostRuns,
    lowIsGood: true,
    low: 0,
    high: 1,
    value: (cell) => lost(cell) / cell.complete,
    text: (_, cell) => `${lost(cell)}/${cell.complete}`,
    caption: 'Of those complete; darker is more.',
  },
];

interface Place {
  readonly arm: string;
  readonly x: string;
  readonly y: string;
  readonly cell: CellResults;
  readonly value: number | undefined;
}

/**
 * Heat maps of a grid: last validation loss, test BLEU, and runs that diverged or came out stuck. Two axes give a panel
 * for each arm, one axis one map with a row for each; empty for other grids, and where there is nothing to show.
 */
export function stabilityCharts(data: AblationData): Html {
  if (data.axes.length === 0 || data.axes.length > 2) return noHtml;
  const severalSeeds = data.seeds.length > 1; // with one, the marks in the first map say all
  return joinHtml(
    measures.filter(({ title }) => severalSeeds || title !== lostRuns).map((measure) => stabilityChart(data, measure)),
    '\n',
  );
}

/** Room for an arm's name above its panel and the axis below, in pixels. */
const betweenPanels = 44;

function stabilityChart({ axes, arms }: AblationData, measure: Measure): Html {
  const across = axes[axes.length - 1];
  const down = axes.length === 2 ? axes[0] : undefined;
  const places = arms.flatMap(({ name, cells }) =>
    cells
      .filter(({ complete }) => complete > 0)
      .map((cell): Place => ({
        arm: name,
        x: String(cell.cell[across.key]),
        y: down ? String(cell.cell[down.key]) : name,
        cell,
        value: measure.value(cell),
      })),
  );
  const values = places.flatMap(({ value }) => value ?? []).sort((a, b) => a - b);
  if (values.length === 0 || (measure.lowIsGood && values[values.length - 1] === 0)) return noHtml;
  // one extreme loss would make all others look the same
  const { low = values[0] } = measure;
  const high = Math.max(low + 1e-3, measure.high ?? values[Math.round(0.95 * (values.length - 1))]);
  const isDark = (value: number): boolean => (measure.lowIsGood ? value > (low + high) / 2 : value < (low + high) / 2);
  const shown = [...new Set(places.map(({ arm }) => arm))];
  const marks = (facet: object): Plot.Markish[] => [
    Plot.cell(places, {
      ...facet,
      x: 'x',
      y: 'y',
      fill: (d: Place) => d.value ?? NaN,
      inset: 1,
      title: (d: Place) => hover(d),
    }),
    Plot.text(places, {
      ...facet,
      x: 'x',
      y: 'y',
      text: (d: Place) => (d.value === undefined ? '×' : measure.text(d.value, d.cell)),
      fill: (d: Place) => (d.value === undefined ? 'var(--bad)' : isDark(d.value) ? '#fff' : '#000'),
      fontSize: 11,
    }),
  ];
  const common = {
    padding: 0.04,
    color: {
      type: 'linear' as const,
      scheme: 'viridis' as const,
      reverse: measure.lowIsGood,
      domain: [low, high],
      clamp: true,
    },
    x: { type: 'band' as const, domain: across.values.map(String), label: across.key },
  };
  return chart({
    title: `${measure.title} over ${axes.map(({ key }) => key).join(' and ')}`,
    caption: measure.caption,
    plot: (width) => {
      if (down === undefined) {
        return {
          ...common,
          height: shown.length * 28 + 70,
          marginLeft: armAxis(shown, width).marginLeft,
          marginBottom: 44,
          y: {
            type: 'band',
            domain: shown,
            label: null,
            tickSize: 0,
            tickFormat: armAxis(shown, width).tickFormat,
          },
          marks: marks({}),
        };
      }
      const panelHeight = down.values.length * 32;
      const {
        down: rows,
        facet,
        titles,
      } = armPanels(shown, {
        across: Math.max(1, Math.floor((width - 60) / Math.max(180, across.values.length * 48))),
        dy: -16,
        room: width - 66 - 20,
      });
      return {
        ...common,
        height: rows * (panelHeight + betweenPanels) + 50,
        marginLeft: 66,
        marginTop: 34,
        marginBottom: 44,
        y: { type: 'band', domain: [...down.values].reverse().map(String), label: down.key },
        fx: { axis: null },
        fy: { axis: null, padding: betweenPanels / (panelHeight + betweenPanels) },
        marks: [titles, ...marks(facet)],
      };
    },
    numbers: {
      head: ['arm', ...axes.map(({ key }) => key), 'loss', 'test BLEU', 'diverged', 'stuck', 'runs'],
      rows: places.map(({ arm, cell }) => [
        arm,
        ...axes.map(({ key }) => String(cell.cell[key])),
        cell.finalLoss === undefined ? '' : formatLoss(cell.finalLoss.mean, 4),
        cell.testBleu?.mean.toFixed(2) ?? '',
        String(cell.diverged),
        String(cell.stuck),
        String(cell.complete),
      ]),
    },
  });
}

function hover({ arm, cell }: Place): string {
  return `${arm}, ${cell.name}\nlast validation loss ${cell.finalLoss ? formatLoss(cell.finalLoss.mean) : 'none'}${cell.testBleu ? `, test BLEU ${cell.testBleu.mean.toFixed(2)}` : ''}\n${cell.diverged} of ${cell.complete} diverged, ${cell.stuck} stuck`;
}
