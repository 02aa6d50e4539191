import { counted } from '../../counted.js';
import type { Diagnosis, LineDifference, LineGroup, NgramChange } from '../../score/diagnose.js';
import { formatFixed } from '../../score/formatFixed.js';
import { html, type Html, type HtmlContent } from './html.js';
import { bar, htmlPage, markMissing } from './htmlPage.js';

/** A diagnosis as one self-contained HTML file. */
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
    html`<h1>${key(0, names)} <span class="quiet">and</span> ${key(1, names)}</h1>
      <p>
        Difference <strong>${signed(difference)}</strong> BLEU, p = ${formatFixed(pValue, 4)} by paired bootstrap. By
        sentence, ${names[0]} is better on ${counted(better[0], 'line')}, ${names[1]} on ${better[1]}; ${equal} are
        equal.
      </p>
      <div class="wide">
        <table>
          <tr>
            <th>System</th>
            <th>BLEU</th>
            <th>1-grams</th>
            <th>2-grams</th>
            <th>3-grams</th>
            <th>4-grams</th>
            <th>Brevity penalty</th>
            <th>Length ratio</th>
          </tr>
          ${overall.map(
            ({ score, precisions, bp, ratio }, s) =>
              html`<tr>
                <td>${key(s, names)}</td>
                <td>${fixed(score)}</td>
                ${precisions.map((p) => html`<td>${formatFixed(p, 1)}</td>`)}
                <td>${formatFixed(bp, 3)}</td>
                <td>${formatFixed(ratio, 3)}</td>
              </tr>`,
          )}
        </table>
      </div>
      <p class="quiet signature">${signature}</p>
      <h2>By length of the reference</h2>
      ${groupTable('Tokens', byLength, names)}
      ${
        byRarestWord
          ? html`<h2>By the rarest word of the source</h2>
              ${groupTable(`In the ${countedText}`, byRarestWord, names)}`
          : ''
      }
      <h2>N-grams</h2>
      <p>Matches with the references, ${names[0]} → ${names[1]}.</p>
      <table class="ngrams">
        <tr>
          <th>Order</th>
          <th>More often in <span class="anywhere">${names[1]}</span></th>
          <th>Less often</th>
        </tr>
        ${ngrams.map(
          ({ gains: more, losses: less }, n) =>
            html`<tr>
              <td>${n + 1}</td>
              <td>${ngramList(more)}</td>
              <td>${ngramList(less)}</td>
            </tr>`,
        )}
      </table>
      <h2>Lines on which ${names[1]} is better by most</h2>
      ${lineBlocks(gains, names)}
      <h2>Lines on which ${names[1]} is worse by most</h2>
      ${lineBlocks(losses, names)}
      <p class="quiet">Words that no reference of the line has, or none so often, are underlined.</p>`,
    { style },
  );
}

function groupTable(title: string, groups: readonly LineGroup[], names: readonly [string, string]): Html {
  const shown = (value: number, s: number): Html =>
    html`<div class="bar">${bar(s, formatFixed(value * 0.7, 1))}<span>${fixed(value)}</span></div>`;
  return html`<table class="groups">
    <tr>
      <th>${title}</th>
      <th>Lines</th>
      <th>BLEU of ${key(0, names)} and ${key(1, names)}</th>
      <th>Difference</th>
    </tr>
    ${groups.map(
      ({ label, numLines, bleu }) =>
        html`<tr>
          <td>${label}</td>
          <td>${numLines}</td>
          <td class="bars">${bleu.map(shown)}</td>
          <td>${signed(bleu[1] - bleu[0])}</td>
        </tr>`,
    )}
  </table>`;
}

function ngramList(changes: readonly NgramChange[]): Html {
  if (changes.length === 0) return html`<span class="quiet">none</span>`;
  return html`${changes.map(
    ({ ngram, matches }) =>
      html`<div><code>${ngram}</code> <span class="quiet">${matches[0]} → ${matches[1]}</span></div>`,
  )}`;
}

function lineBlocks(lines: readonly LineDifference[], names: readonly [string, string]): Html {
  return lines.length === 0 ? html`<p>None.</p>` : html`${lines.map((line) => lineBlock(line, names))}`;
}

function lineBlock(
  { line, source, references, hypotheses, bleu }: LineDifference,
  names: readonly [string, string],
): Html {
  const row = (label: HtmlContent, content: HtmlContent, value = ''): Html =>
    html`<tr>
      <th>${label}</th>
      <td>${content}</td>
      <td>${value}</td>
    </tr>`;
  return html`<table class="line">
    <caption>
      Line ${line}, ${signed(bleu[1] - bleu[0])}
    </caption>
    ${source === undefined ? '' : row('Source', source)} ${references.map((reference) => row('Reference', reference))}
    ${hypotheses.map((hypothesis, s) => row(key(s, names), markMissing(hypothesis, references), fixed(bleu[s])))}
  </table>`;
}

function key(s: number, names: readonly [string, string]): Html {
  return html`<span class="key s${s}"></span><span class="anywhere">${names[s]}</span>`;
}

const fixed = (value: number): string => formatFixed(value, 2);
const signed = (value: number): string => (value > 0 ? '+' : '') + fixed(value).replace('-', '−');

const style = `
.bars, .groups th:nth-child(3), .ngrams td, .ngrams th, .line th, .line td { text-align: left }
.groups td:nth-child(3) { width: 50% }
.wide td:first-child { min-width: 9rem } .ngrams { table-layout: fixed } .ngrams th:first-child { width: 3rem }
.signature { overflow-wrap: anywhere }
.line { margin: .8rem 0 1.4rem } .line caption { text-align: left; font-weight: 600; padding: .2rem .6rem }
.line th { width: 9rem; overflow-wrap: anywhere } .line td:last-child { text-align: right; width: 4rem; white-space: nowrap }
@media (max-width: 36rem) { .line th { width: 5rem } .ngrams code { overflow-wrap: anywhere } }
u { text-decoration-color: var(--bad); text-decoration-thickness: 2px; text-underline-offset: 3px }
`;
