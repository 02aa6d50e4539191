import { counted } from '../../counted.js';
import type { Diagnosis, LineDifference, LineGroup, NgramChange } from '../../score/diagnose.js';
import { formatFixed } from '../../score/formatFixed.js';
import { textTable } from './table.js';

const signed = (value: number, decimals = 2): string => (value > 0 ? '+' : '') + formatFixed(value, decimals);
const fixed = (value: number): string => formatFixed(value, 2);

/** A diagnosis for the terminal. */
export function diagnosisAsText(diagnosis: Diagnosis): string {
  const {
    names: [first, second],
    overall,
    pValue,
    better,
    equal,
    byLength,
    byRarestWord,
    countedText,
    ngrams,
    gains,
    losses,
    signature,
  } = diagnosis;
  const groups = (title: string, rows: readonly LineGroup[]): string =>
    textTable([
      [title, 'Lines', first, second, 'Difference'],
      ...rows.map(({ label, numLines, bleu }) => [
        label,
        String(numLines),
        fixed(bleu[0]),
        fixed(bleu[1]),
        signed(bleu[1] - bleu[0]),
      ]),
    ]);
  const changes = (rows: readonly NgramChange[]): string =>
    rows
      .map(
        ({ ngram, matches }) =>
          `  ${signed(matches[1] - matches[0], 0).padStart(5)}  ${ngram}  (${matches[0]} → ${matches[1]})`,
      )
      .join('\n') || '  none';
  const lines = (rows: readonly LineDifference[]): string =>
    rows
      .map(({ line, source, references, hypotheses, bleu }) =>
        [
          `line ${line}: ${fixed(bleu[0])} → ${fixed(bleu[1])}`,
          ...(source === undefined ? [] : [`  source     ${source}`]),
          ...references.map((reference) => `  reference  ${reference}`),
          `  first      ${hypotheses[0]}`,
          `  second     ${hypotheses[1]}`,
        ].join('\n'),
      )
      .join('\n\n') || 'none';

  return [
    `First: ${first}. Second: ${second}.`,
    textTable([
      ['', 'BLEU', '1-grams', '2-grams', '3-grams', '4-grams', 'BP', 'Length'],
      ...overall.map(({ score, precisions, bp, ratio }, s) => [
        s === 0 ? first : second,
        fixed(score),
        ...precisions.map((p) => formatFixed(p, 1)),
        formatFixed(bp, 3),
        formatFixed(ratio, 3),
      ]),
    ]),
    `${signature}\nDifference ${signed(overall[1].score - overall[0].score)}, p = ${formatFixed(pValue, 4)} (paired bootstrap). By sentence the first is better on ${counted(better[0], 'line')}, the second on ${better[1]}; ${equal} equal.`,
    groups('BLEU by reference length in tokens', byLength),
    ...(byRarestWord ? [groups(`BLEU by rarest source word in the ${countedText}`, byRarestWord)] : []),
    ...ngrams.map(
      ({ gains: more, losses: less }, n) =>
        `${n + 1}-grams the second matches more often:\n${changes(more)}\n${n + 1}-grams it matches less often:\n${changes(less)}`,
    ),
    `Lines on which the second is better by most:\n\n${lines(gains)}`,
    `Lines on which the second is worse by most:\n\n${lines(losses)}`,
  ].join('\n\n');
}
