import * as Plot from '@observablehq/plot';
import type { AblationData, LearnedTensor } from '../../ablation/ablationData.js';
import { groupOf } from './armCharts.js';
import { formatNumber } from '../../format.js';
import { chart } from './chart.js';
import { joinHtml, noHtml, type Html } from './html.js';
import { shownRuns } from '../text/shownRuns.js';

/** The scales that an arm learned for its tensors, by layer and kind; empty for arms that learn none. */
export function scalesCharts(data: AblationData): Html {
  const charts = shownRuns(data).map((runs, i) => {
    const learned = runs.flatMap(({ learned: own }) => (own ? [own] : []));
    if (learned.length === 0) return noHtml;
    const tensors = learned[0].tensors.map((tensor, t) => ({
      ...tensor,
      scale: meanScale(learned.flatMap((own) => own.tensors[t]?.scale ?? [])),
      group: groupOf(tensor),
      row: tensor.part.endsWith('residual_scale') ? tensor.part : `${tensor.part} ${tensor.kind}`,
    }));
    const extent = Math.max(
      1.05,
      ...tensors.flatMap(({ scale }) => (scale === 0 ? [] : Math.max(Math.abs(scale), 1 / Math.abs(scale)))),
    );
    const shade = (scale: number): number => Math.max(Math.abs(scale), 1 / extent); // a scale of 0 as dark as the least of the others
    const rows = [...new Set(tensors.map(({ row }) => row))].sort(byPart);
    const layers = tensors.filter(({ layer }) => layer !== undefined);
    const others = tensors.filter(({ layer }) => layer === undefined);
    const groups = [...new Set(layers.map(({ group }) => group))];
    return chart({
      title: `Scales learned: ${data.arms[i].name}`,
      caption: `Final over initial value of each tensor${learned.length > 1 ? `, geometric mean over ${learned.length} seeds, 0 as soon as one is` : ''}. Blue: larger; red: smaller; white: as drawn.${others.map(({ name, scale }) => ` ${name}: ${formatNumber(scale, 4)}.`).join('')}`,
      plot: (width) => ({
        height: rows.filter((row) => layers.some((tensor) => tensor.row === row)).length * 20 + (width > 600 ? 70 : 98),
        marginLeft: 216,
        marginRight: 4,
        marginBottom: width > 600 ? 44 : 72,
        padding: 0.04,
        x: { type: 'band', domain: groups, label: null, tickRotate: width > 600 ? 0 : -60 },
        y: {
          type: 'band',
          domain: rows.filter((row) => layers.some((tensor) => tensor.row === row)),
          label: null,
          tickSize: 0,
        },
        color: { type: 'log', scheme: 'RdBu', domain: [1 / extent, extent] },
        marks: [
          Plot.cell(layers, {
            x: 'group',
            y: 'row',
            fill: (d: LearnedTensor) => shade(d.scale),
            title: (d: (typeof layers)[number]) => `${d.name}: ${formatNumber(d.scale, 4)}`,
          }),
          ...(width > 600
            ? [
                Plot.text(layers, {
                  x: 'group',
                  y: 'row',
                  text: (d: LearnedTensor) =>
                    Math.abs(d.scale) < 0.1 || Math.abs(d.scale) >= 100 ? formatNumber(d.scale, 2) : d.scale.toFixed(2),
                  fill: (d: LearnedTensor) =>
                    Math.abs(Math.log(shade(d.scale))) > 0.6 * Math.log(extent) ? '#fff' : '#000',
                  fontSize: 10,
                }),
              ]
            : []),
        ],
      }),
      numbers: { head: ['tensor', 'scale'], rows: tensors.map(({ name, scale }) => [name, formatNumber(scale, 4)]) },
    });
  });
  return joinHtml(charts, '\n');
}

/**
 * Geometric mean of sizes: 0 if one seed's is 0, which bounds allow for biases; negative if MetaInit flipped the
 * tensor's sign in all.
 */
function meanScale(scales: readonly number[]): number {
  const size = Math.exp(scales.reduce((sum, scale) => sum + Math.log(Math.abs(scale)), 0) / scales.length);
  return scales.every((scale) => scale < 0) ? -size : size;
}

/** Self-attention, attention over the source, feed-forward, their LayerNorms. */
function byPart(a: string, b: string): number {
  const rank = (row: string): number =>
    [
      'self_attn.',
      'self_attn_layer_norm',
      'encoder_attn.',
      'encoder_attn_layer_norm',
      'fc1',
      'fc2',
      'final_layer_norm',
      'layer_norm',
    ].findIndex((part) => row.startsWith(part));
  return rank(a) - rank(b) || a.localeCompare(b);
}
