import { tensorPlace, type AblationData } from '../../ablation/ablationData.js';
import type { GradientSample, TensorGradients } from '../../run/gradientRecord.js';
import { armTables, notes } from '../text/ablationReport.js';
import {
  elementVariance,
  gradientNorm,
  relativeGradientVariance,
  type GradientMeasure,
} from '../text/gradientMeasures.js';
import { gradientTable, gradientTableNote } from '../text/gradientTable.js';
import { escapeHtml, markMissing } from './htmlPage.js';
import { beforeAfterChart, bleuChart, groupOf } from './armCharts.js';
import { shownRuns } from '../text/shownRuns.js';
import { curvesChart } from './curves.js';
import { scalesCharts } from './scalesCharts.js';
import { stabilityCharts } from './stabilityCharts.js';
import { armColour, details, runsPage, sortableTable } from './page.js';

/** The report of a folder of runs as one HTML file. */
export function ablationPage(data: AblationData, { script = '' }: { script?: string } = {}): string {
  return runsPage(`${data.name}: coldstart`, ablationMain(data), script);
}

/** What stands in the page's <main>; a page that follows a run replaces it. */
export function ablationMain(data: AblationData): string {
  const { name, runs, arms, baseline, axes } = data;
  const complete = runs.filter(({ scores }) => scores).length;
  const sections = [
    section('Results', resultsTables(data), bleuChart(data)),
    section(
      'Learning curves',
      curvesChart(data, {
        title: 'Validation loss',
        caption: 'Label-smoothed, nats per target token.',
        label: 'validation loss',
        series: ({ valid }) => valid.map(({ update, loss }) => ({ update, value: loss })),
      }),
      curvesChart(data, {
        title: 'Training loss',
        caption: 'Label-smoothed, nats per target token, dropout as in training.',
        label: 'training loss',
        series: ({ train }) => train.map(({ update, loss }) => ({ update, value: loss })),
      }),
      curvesChart(data, {
        title: 'Validation BLEU',
        caption: 'On the first sentences of the validation set.',
        label: 'BLEU',
        series: ({ valid }) => valid.map(({ update, bleu }) => ({ update, value: bleu })),
      }),
      curvesChart(data, {
        title: 'Gradient norm',
        caption: 'L2 norm before clipping.',
        label: 'gradient norm',
        series: ({ train }) => train.map(({ update, gradNormL2 }) => ({ update, value: gradNormL2 })),
        logY: true,
      }),
    ),
    section(axes.length > 0 ? 'Stability' : '', stabilityCharts(data)),
    section(
      'The start of training',
      gradients(data),
      curvesChart(data, {
        title: 'Update-to-weight ratio',
        caption: 'L2 norm of an update by that of the tensor it changes: median over tensors.',
        label: 'ratio',
        logX: true,
        logY: true,
        series: ({ updateRatios }) =>
          updateRatios?.samples.map(({ update, ratios }) => ({ update, value: median(ratios) })) ?? [],
      }),
      beforeAfterChart(data, {
        title: 'Gradient norm by layer',
        caption:
          'L2 norm of the gradient before training, mean over batches. Hollow: parameters as drawn; filled: as training begins. Geometric mean over seeds.',
        label: 'L2 norm',
        before: ({ gradients }) => byGroup(gradients?.drawn, gradientNorm),
        after: ({ gradients }) => byGroup(gradients?.start, gradientNorm),
      }),
      beforeAfterChart(data, {
        title: 'Gradient variance by layer',
        caption:
          'Variance of the gradient over batches, mean per element. Hollow: parameters as drawn; filled: as training begins.',
        label: 'variance',
        before: ({ gradients }) => byGroup(gradients?.drawn, elementVariance),
        after: ({ gradients }) => byGroup(gradients?.start, elementVariance),
      }),
      beforeAfterChart(data, {
        title: 'Relative gradient variance by layer',
        caption:
          'Variance of the gradient over batches by the squared norm of their mean, of all tensors of the layer. GradInit\u2019s paper shows that it falls in nearly every layer of residual networks.',
        label: 'relative variance',
        before: ({ gradients }) => byGroup(gradients?.drawn, relativeGradientVariance),
        after: ({ gradients }) => byGroup(gradients?.start, relativeGradientVariance),
      }),
    ),
    section('What was learned before training', scalesCharts(data)),
    section('Translations', samples(data)),
    section('Runs', runsTable(data), changes(data)),
  ];
  return `<h1>${escapeHtml(name)}</h1>
<p>${arms.length} ${arms.length === 1 ? 'arm' : 'arms'}, ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}${complete < runs.length ? `, <strong>${complete} complete so far</strong>` : ''}.${arms.length > 1 ? ` Baseline: ${escapeHtml(baseline)}.` : ''}</p>
${legend(data)}
${sections.join('\n')}`;
}

function section(title: string, ...parts: readonly string[]): string {
  const content = parts.filter((part) => part !== '').join('\n');
  return content === '' ? '' : `<section>\n<h2>${title}</h2>\n${content}\n</section>`;
}

function key(i: number, name: string): string {
  return `<span class="key" style="background:${armColour(i)}"></span>${escapeHtml(name)}`;
}

function legend({ arms }: AblationData): string {
  if (arms.length < 2) return '';
  return `<div class="legend" aria-label="Arms; a click shows one of them by itself">${arms.map(({ name }, i) => `<button type="button" data-arm="${escapeHtml(name)}" aria-pressed="false">${key(i, name)}</button>`).join('')}</div>`;
}

function resultsTables(data: AblationData): string {
  const tables = armTables(data).map(
    ({ title, head, rows }) =>
      `<h3>${title}</h3>\n${sortableTable(
        head.map(escapeHtml),
        rows.map(([, ...numbers], i) => [
          armInCell(data.arms[i], i),
          ...numbers.map((text) => escapeHtml(text.replace(/^-(?=\d)/, '−'))),
        ]),
      )}`,
  );
  return `${tables.join('\n')}\n<p class="quiet small anywhere">${notes(data).map(escapeHtml).join('<br>')}</p>`;
}

/** An arm's name, and under it the cell that its numbers are of: beside it the table would be too wide for most screens. */
function armInCell({ name, cells, selected }: AblationData['arms'][number], i: number): string {
  const cell = cells[selected].name;
  return `${key(i, name)}${cell === '' ? '' : `<br><span class="quiet small">${cell.split(',').map(escapeHtml).join('<br>')}</span>`}`;
}

function gradients(data: AblationData): string {
  const [head, ...rows] = gradientTable(data, shownRuns(data));
  if (head === undefined) return '';
  const named = rows.map(([name, ...numbers]) => [
    key(
      data.arms.findIndex((arm) => arm.name === name),
      name,
    ),
    ...numbers,
  ]);
  return `<h3>Gradients before training</h3>\n${sortableTable(head, named)}\n<p class="quiet small">${gradientTableNote}</p>`;
}

/** More rows than these are folded away. */
const mostRunsOpen = 24;

function runsTable({ runs }: AblationData): string {
  const rows = runs.map(({ key: run, seed, state, failure, updates, maxUpdates, scores }) => [
    escapeHtml(run),
    String(seed),
    ['diverged', 'stuck', 'failed'].includes(state)
      ? `<span class="bad"${failure === undefined ? '' : ` title="${escapeHtml(failure)}"`}>${state}</span>`
      : state,
    maxUpdates
      ? `<progress max="${maxUpdates}" value="${Math.min(updates, maxUpdates)}">${updates}</progress> ${updates}`
      : String(updates),
    scores?.best?.loss.toFixed(3) ?? '',
    scores?.test?.bleu.toFixed(2) ?? '',
    scores?.test?.chrf?.toFixed(2) ?? '',
    scores?.backend ?? '',
  ]);
  const table = sortableTable(['run', 'seed', 'state', 'updates', 'valid loss', 'test BLEU', 'chrF', 'backend'], rows);
  return runs.length > mostRunsOpen ? details(`All ${runs.length} runs`, table) : table;
}

/** What each arm changes of the baseline, and every configuration in full. */
function changes(data: AblationData): string {
  const { arms, baseline } = data;
  const list = arms.map(
    ({ name, summary, source, differences }, i) =>
      `<li>${key(i, name)}${summary === undefined ? '' : ` <span class="quiet">${escapeHtml(summary)}; ${escapeHtml(source ?? '')}</span>`}: ${differences.length === 0 ? 'nothing' : differences.map((d) => `<code>${escapeHtml(d)}</code>`).join(', ')}</li>`,
  );
  const configs = shownRuns(data).map(([run], i) =>
    run?.configYaml === undefined
      ? ''
      : details(
          `Configuration of ${escapeHtml(arms[i].name)}, seed ${run.seed}${run.program ? `, ${escapeHtml(run.program)}` : ''}`,
          `<pre>${escapeHtml(run.configYaml)}</pre>`,
        ),
  );
  return `${arms.length > 1 ? `<h3>What each arm changes of ${escapeHtml(baseline)}</h3>\n<ul>\n${list.join('\n')}\n</ul>\n` : ''}${configs.join('\n')}\n${madeWith(data)}`;
}

/** Programs and signatures, for whoever cites or repeats the numbers. */
function madeWith({ runs, signature, chrfSignature, backends }: AblationData): string {
  const programs = [...new Set(runs.flatMap(({ program }) => program ?? []))];
  const lines = [
    ...(programs.length > 0
      ? [`Made with ${programs.join(', ')}${backends.length > 0 ? `, backend ${backends.join(', ')}` : ''}.`]
      : []),
    ...(signature ? [`BLEU ${signature}`] : []),
    ...(chrfSignature ? [`chrF2 ${chrfSignature}`] : []),
  ];
  return lines.length === 0 ? '' : `<p class="quiet small anywhere">${lines.map(escapeHtml).join('<br>')}</p>`;
}

const shownSamples = 8;
/** With many arms a sample is long: the others are folded away. */
const openSamples = 3;

function samples(data: AblationData): string {
  const first = shownRuns(data).map((runs) => runs.find(({ scores }) => scores?.test));
  const step = Math.max(1, Math.floor(data.samples.length / shownSamples));
  const shown = data.samples.filter((_, i) => i % step === 0).slice(0, shownSamples);
  if (shown.length === 0) return '';
  const blocks = shown.map(({ line, src, ref, hyps }) => {
    const rows = first.flatMap((run, i) =>
      run && hyps[run.key] !== undefined
        ? [`<tr><th>${key(i, data.arms[i].name)}</th><td>${markMissing(hyps[run.key], [ref])}</td></tr>`]
        : [],
    );
    return `<table class="text"><caption class="left quiet">Line ${line}</caption>
<tr><th>source</th><td>${escapeHtml(src)}</td></tr>
<tr><th>reference</th><td>${escapeHtml(ref)}</td></tr>
${rows.join('\n')}
</table>`;
  });
  return `<p class="quiet small">Lines of the test set, evenly spread; words that the reference does not have, or not so often, are underlined. Each arm by its first seed.</p>\n${blocks.slice(0, openSamples).join('\n')}${blocks.length > openSamples ? details(`${blocks.length - openSamples} more`, blocks.slice(openSamples).join('\n')) : ''}`;
}

function median(values: readonly (number | null)[]): number | undefined {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  return sorted.length === 0 ? undefined : sorted[sorted.length >> 1];
}

function byGroup(sample: GradientSample | undefined, measure: GradientMeasure): Map<string, number> | undefined {
  if (sample === undefined) return undefined;
  const tensors = new Map<string, TensorGradients[]>();
  for (const tensor of sample.tensors) {
    const group = groupOf(tensorPlace(tensor.name));
    tensors.set(group, [...(tensors.get(group) ?? []), tensor]);
  }
  return new Map([...tensors].map(([group, own]) => [group, measure(own)]));
}
