import { formatLoss } from '../../format.js';
import { tensorPlace, type AblationData } from '../../ablation/ablationData.js';
import type { GradientSample, TensorGradients } from '../../run/gradientRecord.js';
import { armTables, failedRuns, notes } from '../text/ablationReport.js';
import {
  elementVariance,
  gradientNorm,
  relativeGradientVariance,
  type GradientMeasure,
} from '../text/gradientMeasures.js';
import { gradientTable, gradientTableNote } from '../text/gradientTable.js';
import { html, joinHtml, noHtml, type Html, type HtmlContent } from './html.js';
import { markMissing } from './htmlPage.js';
import { beforeAfterChart, bleuChart, groupOf } from './armCharts.js';
import { shownRuns } from '../text/shownRuns.js';
import { curvesChart } from './curves.js';
import { scalesCharts } from './scalesCharts.js';
import { stabilityCharts } from './stabilityCharts.js';
import { armKey, details, runsPage, sortableTable } from './page.js';

/** The report of a folder of runs as one HTML file. */
export function ablationPage(data: AblationData, { liveScript }: { liveScript?: string } = {}): string {
  return runsPage(`${data.name}: coldstart`, ablationMain(data), liveScript);
}

/** The content of the page's <main>; a page that follows a run replaces it. */
export function ablationMain(data: AblationData): Html {
  const { name, runs, arms, baseline, axes } = data;
  const complete = runs.filter(({ scores }) => scores).length;
  const failed = runs.filter(({ state }) => state === 'failed').length;
  const soFar = [
    ...(complete < runs.length ? [`${complete} complete so far`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ].join(', ');
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
    section('Translations during training', samplesInTraining(data)),
    section('Runs', runsTable(data), changes(data)),
  ];
  return html`<h1>${name}</h1>
    <p>
      ${arms.length} ${arms.length === 1 ? 'arm' : 'arms'}, ${runs.length}
      ${runs.length === 1 ? 'run' : 'runs'}${soFar === '' ? '' : html`, <strong>${soFar}</strong>`}.${arms.length > 1 ? ` Baseline: ${baseline}.` : ''}
    </p>
    ${legend(data)} ${joinHtml(sections, '\n')}`;
}

function section(title: string, ...parts: readonly Html[]): Html {
  const content = joinHtml(parts, '\n');
  return content.isEmpty
    ? noHtml
    : html`<section>
        <h2>${title}</h2>
        ${content}
      </section>`;
}

function legend({ arms }: AblationData): Html {
  if (arms.length < 2) return noHtml;
  const buttons = arms.map(
    ({ name }, i) => html`<button type="button" data-arm="${name}" aria-pressed="false">${armKey(i, name)}</button>`,
  );
  return html`<div class="legend" aria-label="Arms; a click highlights one of them">${buttons}</div>`;
}

function resultsTables(data: AblationData): Html {
  const isWithout = data.runs.every(({ scores, valid }) => scores === undefined && valid.length === 0);
  if (isWithout && data.runs.every(({ state }) => state === 'failed'))
    return html`<p>All runs failed, so there are no results. The same command tries them again.</p>`;
  const tables = armTables(data).map(({ title, head, rows }) => {
    const cells = rows.map(([, ...numbers], i) => [
      armInCell(data.arms[i], i),
      ...numbers.map((text) => text.replace(/^-(?=\d)/, '−')),
    ]);
    return html`<h3>${title}</h3>
      ${sortableTable(head, cells)}`;
  });
  return html`${joinHtml(tables, '\n')}
    <p class="quiet small anywhere">${joinHtml(notes(data), html`<br />`)}</p>`;
}

/** An arm's name, and below it the cell of its numbers: next to it the table would be too wide for most screens. */
function armInCell({ name, cells, selected }: AblationData['arms'][number], i: number): Html {
  const cell = cells[selected].name;
  const lines = html`<br /><span class="quiet small">${joinHtml(cell.split(','), html`<br />`)}</span>`;
  return html`${armKey(i, name)}${cell === '' ? noHtml : lines}`;
}

function gradients(data: AblationData): Html {
  const [head, ...rows] = gradientTable(data, shownRuns(data));
  if (head === undefined) return noHtml;
  const named = rows.map(([name, ...numbers]) => [
    armKey(
      data.arms.findIndex((arm) => arm.name === name),
      name,
    ),
    ...numbers,
  ]);
  return html`<h3>Gradients before training</h3>
    ${sortableTable(head, named)}
    <p class="quiet small">${gradientTableNote}</p>`;
}

/** More rows than these are collapsed. */
const mostRunsOpen = 24;

function runsTable(data: AblationData): Html {
  const { runs } = data;
  const rows = runs.map(({ key: run, seed, state, failure, updates, maxUpdates, scores }): HtmlContent[] => [
    run,
    seed,
    ['diverged', 'stuck', 'failed'].includes(state)
      ? html`<span${failure === undefined ? undefined : html` title="${failure}"`} class="bad">${state}</span>`
      : state,
    maxUpdates
      ? html`<progress max="${maxUpdates}" value="${Math.min(updates, maxUpdates)}">${updates}</progress> ${updates}`
      : updates,
    scores?.best && formatLoss(scores.best.loss),
    scores?.test?.bleu.toFixed(2),
    scores?.test?.chrf?.toFixed(2),
    scores?.backend,
  ]);
  const table = sortableTable(['run', 'seed', 'state', 'updates', 'valid loss', 'test BLEU', 'chrF', 'backend'], rows);
  const reasons = failedRuns(data).map(
    ({ keys, message }) => html`<li class="anywhere"><strong>${keys.join(', ')}</strong>: ${message}</li>`,
  );
  return html`${runs.length > mostRunsOpen ? details(`All ${runs.length} runs`, table) : table}
  ${
    reasons.length === 0
      ? noHtml
      : html`<h3>Why runs failed</h3>
          <ul>
            ${joinHtml(reasons, '\n')}
          </ul>`
  }`;
}

/** The changes of each arm against the baseline, and every configuration in full. */
function changes(data: AblationData): Html {
  const { arms, baseline } = data;
  const list = arms.map(({ name, summary, source, differences }, i) => {
    const about = summary === undefined ? noHtml : html` <span class="quiet">${summary}; ${source}</span>`;
    const changed = joinHtml(
      differences.map((difference) => html`<code>${difference}</code>`),
      ', ',
    );
    return html`<li>${armKey(i, name)}${about}: ${differences.length === 0 ? 'nothing' : changed}</li>`;
  });
  const configs = shownRuns(data).map(([run], i) =>
    run?.configYaml === undefined
      ? noHtml
      : details(
          `Configuration of ${arms[i].name}, seed ${run.seed}${run.program ? `, ${run.program}` : ''}`,
          html`<pre>${run.configYaml}</pre>`,
        ),
  );
  const differences = html`<h3>What each arm changes of ${baseline}</h3>
    <ul>
      ${joinHtml(list, '\n')}
    </ul>`;
  return joinHtml([arms.length > 1 ? differences : noHtml, ...configs, madeWith(data)], '\n');
}

/** Programs and signatures, for citing or repeating the numbers. */
function madeWith({ runs, signature, chrfSignature, backends }: AblationData): Html {
  const programs = [...new Set(runs.flatMap(({ program }) => program ?? []))];
  const lines = [
    ...(programs.length > 0
      ? [`Made with ${programs.join(', ')}${backends.length > 0 ? `, backend ${backends.join(', ')}` : ''}.`]
      : []),
    ...(signature ? [`BLEU ${signature}`] : []),
    ...(chrfSignature ? [`chrF2 ${chrfSignature}`] : []),
  ];
  return lines.length === 0 ? noHtml : html`<p class="quiet small anywhere">${joinHtml(lines, html`<br />`)}</p>`;
}

const shownSamples = 8;
/** With many arms a sample is long: the others are collapsed. */
const openSamples = 3;

function samples(data: AblationData): Html {
  const first = shownRuns(data).map((runs) => runs.find(({ scores }) => scores?.test));
  const step = Math.max(1, Math.floor(data.samples.length / shownSamples));
  const shown = data.samples.filter((_, i) => i % step === 0).slice(0, shownSamples);
  if (shown.length === 0) return noHtml;
  const blocks = shown.map(({ line, src, ref, hyps }) => {
    const rows = first.flatMap((run, i) =>
      run && hyps[run.key] !== undefined
        ? [tableRow(armKey(i, data.arms[i].name), markMissing(hyps[run.key], [ref]))]
        : [],
    );
    const caption = html`<caption class="left quiet">
      Line ${line}
    </caption>`;
    return sampleTable(src, ref, rows, caption);
  });
  const [open, folded] = [blocks.slice(0, openSamples), blocks.slice(openSamples)];
  return html`<p class="quiet small">
      Lines of the test set, evenly spread; words that the reference does not have, or not so often, are underlined.
      Each arm by its first seed.
    </p>
    ${joinHtml(open, '\n')}${folded.length > 0 ? details(`${folded.length} more`, joinHtml(folded, '\n')) : undefined}`;
}

/** A source, its reference, and rows of translations. */
function sampleTable(src: string, ref: string, rows: readonly Html[], caption: Html = noHtml): Html {
  return html`<table class="text">
    ${caption} ${joinHtml([tableRow('source', src), tableRow('reference', ref), ...rows], '\n')}
  </table>`;
}

function tableRow(head: HtmlContent, cell: HtmlContent): Html {
  return html`<tr>
    <th>${head}</th>
    <td>${cell}</td>
  </tr>`;
}

const shownValidations = 8;

/** How translations of a few sentences came about: each arm by its first run that has any. */
function samplesInTraining(data: AblationData): Html {
  const blocks = shownRuns(data).flatMap((runs, i) => {
    const run = runs.find(({ valid }) => valid.some(({ samples: own = [] }) => own.length > 0));
    const points = run?.valid.filter(({ samples: own = [] }) => own.length > 0) ?? [];
    if (points.length === 0) return [];
    const shown = evenlySpread(points, shownValidations);
    const tables = points.at(-1)!.samples!.map(({ src, ref }) => {
      const rows = shown.flatMap((point) => {
        const sample = point.samples!.find((each) => each.src === src && each.ref === ref);
        return sample === undefined ? [] : [tableRow(`update ${point.update}`, markMissing(sample.hyp, [ref]))];
      });
      return sampleTable(src, ref, rows);
    });
    return [details(html`${armKey(i, data.arms[i].name)}, seed ${run!.seed}`, joinHtml(tables, '\n'))];
  });
  return blocks.length === 0
    ? noHtml
    : html`<p class="quiet small">Sentences of the validation set, as they were translated at validations.</p>
        ${joinHtml(blocks, '\n')}`;
}

/** At most `count` of the values, evenly spread, the last one among them. */
function evenlySpread<T>(values: readonly T[], count: number): T[] {
  const step = Math.max(1, (values.length - 1) / (count - 1));
  return Array.from({ length: Math.min(count, values.length) }, (_, i) => values[Math.round(i * step)]);
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
