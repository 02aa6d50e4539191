import { greatest, least } from '../../extremes.js';
import { formatFixed } from '../../score/formatFixed.js';
import { formatConfidence, formatScore, type ScoreFormat } from '../../score/formatScore.js';
import type { ComparedResult, SystemScores } from '../../score/scoreSystems.js';
import { formatSignature } from '../../score/signature.js';
import { textTable } from './table.js';

/** Differences with a p-value below this are marked. */
const significanceLevel = 0.05;

/** Scores as text: a line for each metric of a single system, a table of several with their signatures below. */
export function scoresAsText(systems: readonly SystemScores[], format: ScoreFormat): string {
  if (systems.length === 1) return systems[0].results.map((result) => formatScore(result, format)).join('\n');
  const { width = 2 } = format;
  const rows = systems.map(({ name, results }, s) => [
    s === 0 && isPaired(systems) ? `Baseline: ${name}` : name,
    ...results.map((result) => cell(result, width)),
  ]);
  return [
    textTable(
      [['System', ...systems[0].results.map(({ metric }) => metric.name)], ...rows],
      rows[0].map((_, column) => column),
    ),
    ...(isPaired(systems) ? [`* differs from the baseline with p < ${significanceLevel}`] : []),
    ...signatureLines(systems, format),
  ].join('\n');
}

function cell({ score, confidence, pValue }: ComparedResult, width: number): string {
  return (
    formatFixed(score.score, width) +
    (confidence ? ` (${formatConfidence(confidence, width)})` : '') +
    (pValue === undefined ? '' : ` (p = ${formatFixed(pValue, 4)})${pValue < significanceLevel ? '*' : ''}`)
  );
}

function isPaired(systems: readonly SystemScores[]): boolean {
  return systems.some(({ results }) => results.some(({ pValue }) => pValue !== undefined));
}

function signatureLines(systems: readonly SystemScores[], { signature }: ScoreFormat): string[] {
  return systems[0].results.map(({ metric, fields }) => `${metric.name}: ${formatSignature(fields, signature)}`);
}

/** A LaTeX table (booktabs) with a row for each system. */
export function scoresAsLatex(systems: readonly SystemScores[], format: ScoreFormat): string {
  const { width = 2 } = format;
  const best = systems[0].results.map(({ metric }, m) => {
    const scores = systems.map(({ results }) => results[m].score.score);
    return metric.higherIsBetter ? greatest(scores) : least(scores);
  });
  const latexCell = ({ score, confidence, pValue }: ComparedResult, m: number): string => {
    const number = formatFixed(score.score, width);
    return (
      (score.score === best[m] && systems.length > 1 ? `\\textbf{${number}}` : number) +
      (confidence ? ` $\\pm$ ${formatFixed(confidence.ci, width)}` : '') +
      (pValue !== undefined && pValue < significanceLevel ? '$^{*}$' : '')
    );
  };
  return [
    `\\begin{tabular}{l${'r'.repeat(best.length)}}`,
    '\\toprule',
    `System & ${systems[0].results.map(({ metric }) => escapeLatex(metric.name)).join(' & ')} \\\\`,
    '\\midrule',
    ...systems.map(({ name, results }) => `${escapeLatex(name)} & ${results.map(latexCell).join(' & ')} \\\\`),
    '\\bottomrule',
    '\\end{tabular}',
    ...signatureLines(systems, format).map((line) => `% ${line}`),
  ].join('\n');
}

function escapeLatex(text: string): string {
  return text.replace(
    /[\\{}$&#^_~%]/g,
    (character) =>
      ({ '\\': '\\textbackslash{}', '^': '\\textasciicircum{}', '~': '\\textasciitilde{}' })[character] ??
      `\\${character}`,
  );
}

/**
 * Scores as JSON. A single system gives sacreBLEU's objects (name, score, signature, verbose_score, the signature's
 * fields), a list of them for several metrics; several systems give `systems` and `signatures`. Numbers are exact.
 */
export function scoresAsJson(systems: readonly SystemScores[], { width = 2, signature }: ScoreFormat): string {
  if (systems.length === 1) {
    const objects = systems[0].results.map(({ metric, score, fields, confidence }) => ({
      name: metric.name,
      ...score,
      signature: formatSignature(fields, signature),
      ...(confidence && {
        confidence_mean: confidence.mean,
        confidence_var: confidence.ci,
        confidence: formatConfidence(confidence, width),
      }),
      ...(metric.details(score) && { verbose_score: metric.details(score) }),
      ...Object.fromEntries(fields.map((field) => [field.name, String(field.value)])),
    }));
    return JSON.stringify(objects.length === 1 ? objects[0] : objects, null, 1);
  }
  return JSON.stringify(
    {
      systems: systems.map(({ name, results }) => ({
        system: name,
        ...Object.fromEntries(
          results.map(({ metric, score, confidence, pValue }) => [
            metric.name,
            { ...score, p_value: pValue ?? null, mean: confidence?.mean ?? null, ci: confidence?.ci ?? null },
          ]),
        ),
      })),
      signatures: Object.fromEntries(
        systems[0].results.map(({ metric, fields }) => [metric.name, formatSignature(fields, signature)]),
      ),
    },
    null,
    1,
  );
}
