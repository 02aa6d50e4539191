import { counted } from '../../counted.js';
import type { Diagnosis, LineDifference, LineGroup, NgramChange } from '../../score/diagnose.js';
import { formatFixed } from '../../score/formatFixed.js';
import { escapeHtml as escape, htmlPage, markMissing } from './htmlPage.js';

/** A diagnosis as one HTML file that needs nothing else. */
export function diagnosisAsHtml(diagnosis: Diagnosis): string {
  const {
    names,
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
  const difference = overall[1].score - overall[0].score;
  return htmlPage(
    `${names[1]} against ${names[0]}`,
    `<h1>${key(0, names)} <span class="quiet">and</span> ${key(1, names)}</h1>
<p>Difference <strong>${signed(difference)}</strong> BLEU, p = ${formatFixed(pValue, 4)} by paired bootstrap. By sentence, ${escape(names[0])} is better on
${counted(better[0], 'line')}, ${escape(names[1])} on ${better[1]}; ${equal} are equal.</p>
<div class="wide"><table>
<tr><th>System</th><th>BLEU</th><th>1-grams</th><th>2-grams</th><th>3-grams</th><th>4-grams</th><th>Brevity penalty</th><th>Length ratio</th></tr>
${overall.map(({ score, precisions, bp, ratio }, s) => `<tr><td>${key(s, names)}</td><td>${fixed(score)}</td>${precisions.map((p) => `<td>${formatFixed(p, 1)}</td>`).join('')}<td>${formatFixed(bp, 3)}</td><td>${formatFixed(ratio, 3)}</td></tr>`).join('\n')}
</table></div>
<p class="quiet signature">${escape(signature)}</p>
<h2>By length of the reference</h2>
${groupTable('Tokens', byLength, names)}
${byRarestWord ? `<h2>By the rarest word of the source</h2>\n${groupTable(`In the ${countedText}`, byRarestWord, names)}` : ''}
<h2>N-grams</h2>
<p>Matches with the references, ${escape(names[0])} → ${escape(names[1])}.</p>
<table class="ngrams">
<tr><th>Order</th><th>More often in ${escape(names[1])}</th><th>Less often</th></tr>
${ngrams.map(({ gains: more, losses: less }, n) => `<tr><td>${n + 1}</td><td>${ngramList(more)}</td><td>${ngramList(less)}</td></tr>`).join('\n')}
</table>
<h2>Lines on which ${escape(names[1])} is better by most</h2>
${gains.map((line) => lineBlock(line, names)).join('\n') || '<p>None.</p>'}
<h2>Lines on which ${escape(names[1])} is worse by most</h2>
${losses.map((line) => lineBlock(line, names)).join('\n') || '<p>None.</p>'}
<p class="quiet">Words that no reference of the line has, or none so often, are underlined.</p>`,
    style,
  );
}

function groupTable(title: string, groups: readonly LineGroup[], names: readonly [string, string]): string {
  const bar = (value: number, s: number): string =>
    `<div class="bar"><span class="fill s${s}" style="width:${formatFixed(value * 0.7, 1)}%"></span><span>${fixed(value)}</span></div>`;
  return `<table class="groups">
<tr><th>${escape(title)}</th><th>Lines</th><th>BLEU of ${names.map((_, s) => key(s, names)).join(' and ')}</th><th>Difference</th></tr>
${groups.map(({ label, numLines, bleu }) => `<tr><td>${escape(label)}</td><td>${numLines}</td><td class="bars">${bleu.map(bar).join('')}</td><td>${signed(bleu[1] - bleu[0])}</td></tr>`).join('\n')}
</table>`;
}

function ngramList(changes: readonly NgramChange[]): string {
  return (
    changes
      .map(
        ({ ngram, matches }) =>
          `<div><code>${escape(ngram)}</code> <span class="quiet">${matches[0]} → ${matches[1]}</span></div>`,
      )
      .join('') || '<span class="quiet">none</span>'
  );
}

function lineBlock(
  { line, source, references, hypotheses, bleu }: LineDifference,
  names: readonly [string, string],
): string {
  const row = (label: string, content: string, value = ''): string =>
    `<tr><th>${label}</th><td>${content}</td><td>${value}</td></tr>`;
  return `<table class="line">
<caption>Line ${line}, ${signed(bleu[1] - bleu[0])}</caption>
${source === undefined ? '' : row('Source', escape(source))}
${references.map((reference) => row('Reference', escape(reference))).join('\n')}
${hypotheses.map((hypothesis, s) => row(key(s, names), markMissing(hypothesis, references), fixed(bleu[s]))).join('\n')}
</table>`;
}

function key(s: number, names: readonly [string, string]): string {
  return `<span class="key s${s}"></span>${escape(names[s])}`;
}

const fixed = (value: number): string => formatFixed(value, 2);
const signed = (value: number): string => (value > 0 ? '+' : '') + fixed(value).replace('-', '−');

const style = `
.bars, .groups th:nth-child(3), .ngrams td, .ngrams th, .line th, .line td { text-align: left }
.groups td:nth-child(3) { width: 50% }
.signature { overflow-wrap: anywhere }
.line { margin: .8rem 0 1.4rem } .line caption { text-align: left; font-weight: 600; padding: .2rem .6rem }
.line th { width: 9rem; overflow-wrap: anywhere } .line td:last-child { text-align: right; width: 4rem; white-space: nowrap }
@media (max-width: 36rem) { .line th { width: 5rem } .ngrams code { overflow-wrap: anywhere } }
u { text-decoration-color: var(--bad); text-decoration-thickness: 2px; text-underline-offset: 3px }
`;
