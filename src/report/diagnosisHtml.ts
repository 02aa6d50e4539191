import type { Diagnosis, LineDifference, LineGroup, NgramChange } from '../eval/diagnose.js';
import { formatFixed } from '../eval/formatFixed.js';

/** A diagnosis as one HTML file that needs nothing else. */
export function diagnosisAsHtml(diagnosis: Diagnosis): string {
  const { names, overall, pValue, better, equal, byLength, byRarestWord, countedText, ngrams, gains, losses, signature } = diagnosis;
  const difference = overall[1].score - overall[0].score;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(names[1])} against ${escape(names[0])}</title>
<style>${style}</style>
<main>
<h1>${key(0, names)} <span class="quiet">and</span> ${key(1, names)}</h1>
<p>Difference <strong>${signed(difference)}</strong> BLEU, p = ${formatFixed(pValue, 4)} by paired bootstrap. By sentence, ${escape(names[0])} is better on
${better[0]} lines, ${escape(names[1])} on ${better[1]}; ${equal} are equal.</p>
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
<p class="quiet">Words that no reference of the line has are underlined.</p>
</main>
</html>
`;
}

function groupTable(title: string, groups: readonly LineGroup[], names: readonly [string, string]): string {
  const bar = (value: number, s: number): string => `<div class="bar"><span class="fill s${s}" style="width:${formatFixed(value * 0.7, 1)}%"></span><span>${fixed(value)}</span></div>`;
  return `<table class="groups">
<tr><th>${escape(title)}</th><th>Lines</th><th>BLEU of ${names.map((_, s) => key(s, names)).join(' and ')}</th><th>Difference</th></tr>
${groups.map(({ label, numLines, bleu }) => `<tr><td>${escape(label)}</td><td>${numLines}</td><td class="bars">${bleu.map(bar).join('')}</td><td>${signed(bleu[1] - bleu[0])}</td></tr>`).join('\n')}
</table>`;
}

function ngramList(changes: readonly NgramChange[]): string {
  return changes.map(({ ngram, matches }) => `<div><code>${escape(ngram)}</code> <span class="quiet">${matches[0]} → ${matches[1]}</span></div>`).join('') || '<span class="quiet">none</span>';
}

function lineBlock({ line, source, references, hypotheses, bleu }: LineDifference, names: readonly [string, string]): string {
  const row = (label: string, content: string, value = ''): string => `<tr><th>${label}</th><td>${content}</td><td>${value}</td></tr>`;
  return `<table class="line">
<caption>Line ${line}, ${signed(bleu[1] - bleu[0])}</caption>
${source === undefined ? '' : row('Source', escape(source))}
${references.map((reference) => row('Reference', escape(reference))).join('\n')}
${hypotheses.map((hypothesis, s) => row(key(s, names), markMissing(hypothesis, references), fixed(bleu[s]))).join('\n')}
</table>`;
}

/** A hypothesis with the words marked that no reference has. */
function markMissing(hypothesis: string, references: readonly string[]): string {
  const known = new Set(references.flatMap((reference) => reference.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []));
  return hypothesis.split(/([\p{L}\p{N}]+)/u).map((part, i) => (i % 2 === 1 && !known.has(part.toLowerCase()) ? `<u>${escape(part)}</u>` : escape(part))).join('');
}

function key(s: number, names: readonly [string, string]): string {
  return `<span class="key s${s}"></span>${escape(names[s])}`;
}

const fixed = (value: number): string => formatFixed(value, 2);
const signed = (value: number): string => (value > 0 ? '+' : '') + fixed(value).replace('-', '−');

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const style = `
:root { color-scheme: light dark; --text: #1b1f24; --quiet: #5b6470; --line: #d6dbe1; --back: #fff; --s0: #8a94a3; --s1: #1f6fd1; --bad: #c2410c }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ed; --quiet: #9aa4b1; --line: #363d47; --back: #16191d; --s0: #79838f; --s1: #5aa2ff; --bad: #ff8a5c } }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 64rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top }
th { font-weight: 600; font-size: .87rem; color: var(--quiet) }
th:first-child, td:first-child, .bars, .groups th:nth-child(3), .ngrams td, .ngrams th, .line th, .line td { text-align: left }
.groups td:nth-child(3) { width: 50% }
.bar { display: flex; align-items: center; gap: .5rem; line-height: 1.35 }
.fill { height: .75rem; border-radius: 0 3px 3px 0; min-width: 1px }
.s0 { background: var(--s0) } .s1 { background: var(--s1) }
.key { display: inline-block; width: .7rem; height: .7rem; border-radius: 3px; margin-right: .35rem }
.quiet { color: var(--quiet) } .signature { overflow-wrap: anywhere } .wide { overflow-x: auto }
code { font-size: .92em }
.line { margin: .8rem 0 1.4rem } .line caption { text-align: left; font-weight: 600; padding: .2rem .6rem }
.line th { width: 9rem; overflow-wrap: anywhere } .line td:last-child { text-align: right; width: 4rem; white-space: nowrap }
@media (max-width: 36rem) { th, td { padding: .3rem } .line th { width: 5rem } .ngrams code { overflow-wrap: anywhere } }
u { text-decoration-color: var(--bad); text-decoration-thickness: 2px; text-underline-offset: 3px }
`;
