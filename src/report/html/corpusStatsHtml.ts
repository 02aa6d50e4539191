import { greatest } from '../../extremes.js';
import { formatCount } from '../../counted.js';
import type { CorpusSetStats, CorpusStats } from '../../text/clean/corpusStats.js';
import type { SideStats } from '../../text/clean/sideCounter.js';
import { corpusFindings, formatShare, sideRows } from '../text/corpusStatsText.js';
import { html, type Html } from './html.js';
import { bar, htmlPage } from './htmlPage.js';

/** The largest number of bars per side. */
const maxBins = 20;

/**
 * The statistics as one self-contained page.
 *
 * @param names of the two sides, e.g. the names of their files
 */
export function corpusStatsAsHtml(all: CorpusSetStats, names: readonly [src: string, trg: string]): string {
  const { train, heldOut } = all;
  const findings = corpusFindings(all);
  return htmlPage(
    `${names[0]} and ${names[1]}`,
    html`<h1>${key(0, names)} <span class="quiet">and</span> ${key(1, names)}</h1>
      <p>
        <strong>${formatCount(train.pairs)}</strong> pairs, <strong>${formatCount(train.src.tokens)}</strong> and
        <strong>${formatCount(train.trg.tokens)}</strong> tokens,
        <strong>${train.lengthRatio.toFixed(3)}</strong> target tokens per source token.
      </p>
      ${
        findings.length === 0
          ? ''
          : html`<h2>To be looked at</h2>
              <ul>
                ${findings.map(({ found, advice }) => html`<li>${found} <span class="quiet">(${advice})</span></li>`)}
              </ul>`
      }
      <h2>Sets</h2>
      ${setTable(all)}
      <h2>Sides</h2>
      <div class="wide">
        <table>
          ${sideRows(train).map((row, i) =>
            i === 0
              ? html`<tr>
                  <th></th>
                  <th>${key(0, names)}</th>
                  <th>${key(1, names)}</th>
                </tr>`
              : html`<tr>
                  ${row.map((cell) => html`<td>${cell}</td>`)}
                </tr>`,
          )}
        </table>
      </div>
      <h2>Duplicates${train.leakage ? ' and leakage' : ''}</h2>
      <div class="wide">
        <table>
          <tr>
            <th>Of ${formatCount(train.pairs)} training pairs</th>
            <th>Pair${train.leakage ? ' or either side' : ''}</th>
            <th>Source</th>
            <th>Target</th>
          </tr>
          ${duplicateRow('occurred before in the training set', train.duplicates, train.pairs)}
          ${train.leakage ? duplicateRow('are in a held-out set', train.leakage, train.pairs) : ''}
        </table>
      </div>
      <h2>Lengths in tokens</h2>
      ${lengthTable(train, names)}
      <h2>Coverage</h2>
      <p>What share of the text the most frequent types make up: the share that a vocabulary of that size knows.</p>
      ${coverageTable(train, names)}
      <h2>Most frequent</h2>
      ${frequentTable([train.src.mostFrequent, train.trg.mostFrequent], names)}
      ${heldOut.map(({ name, stats }) => unknownSection(name, stats, names))}`,
    { style },
  );
}

function key(side: number, names: readonly [string, string]): Html {
  return html`<span class="key s${side}"></span>${names[side]}`;
}

function setTable({ train, heldOut }: CorpusSetStats): Html {
  const cells = (of: (side: SideStats) => string, { src, trg }: CorpusStats): Html =>
    html`<td>${of(src)}</td>
      <td>${of(trg)}</td>`;
  return html`<div class="wide">
    <table>
      <tr>
        <th rowspan="2"></th>
        <th rowspan="2">Pairs</th>
        <th colspan="2">Tokens</th>
        <th colspan="2">Types</th>
        <th colspan="2">Tokens per line</th>
        <th colspan="2">Unknown tokens</th>
      </tr>
      <tr>
        ${Array.from(
          { length: 4 },
          () =>
            html`<th>source</th>
              <th>target</th>`,
        )}
      </tr>
      ${[{ name: 'train', stats: train }, ...heldOut].map(
        ({ name, stats }) =>
          html`<tr>
            <td>${name}</td>
            <td>${formatCount(stats.pairs)}</td>
            ${cells(
              ({ tokens }) => formatCount(tokens),
              stats,
            )}${cells(({ types }) => formatCount(types), stats)}${cells(({ meanTokens }) => meanTokens.toFixed(1), stats)}${cells(
              ({ unknown }) => (unknown ? formatShare(unknown.rate) : ''),
              stats,
            )}
          </tr>`,
      )}
    </table>
  </div>`;
}

function duplicateRow(
  what: string,
  { pairs, sources, targets }: { pairs: number; sources: number; targets: number },
  all: number,
): Html {
  const cell = (count: number): Html =>
    html`<td>${formatCount(count)} <span class="quiet">${formatShare(all === 0 ? 0 : count / all)}</span></td>`;
  return html`<tr>
    <td>${what}</td>
    ${cell(pairs)}${cell(sources)}${cell(targets)}
  </tr>`;
}

/** Bars of both sides for each row. @param shares of 1, per row and side */
function barTable(
  head: string,
  rows: readonly { label: string; shares: readonly number[]; counts?: readonly number[] }[],
  names: readonly [string, string],
  scale = 1,
): Html {
  const shown = (value: number, side: number, count?: number): Html =>
    html`<div class="bar" ${count === undefined ? undefined : html` title="${formatCount(count)} lines"`}>
      ${bar(side, ((80 * value) / scale).toFixed(1))}<span>${formatShare(value, 1)}</span>
    </div>`;
  return html`<table class="bars">
    <tr>
      <th>${head}</th>
      <th>${key(0, names)} &nbsp; ${key(1, names)}</th>
    </tr>
    ${rows.map(
      ({ label, shares, counts }) =>
        html`<tr>
          <td>${label}</td>
          <td>${shares.map((value, side) => shown(value, side, counts?.[side]))}</td>
        </tr>`,
    )}
  </table>`;
}

function lengthTable({ src, trg }: CorpusStats, names: readonly [string, string]): Html {
  const sides = [src, trg];
  const longest = Math.max(...sides.map(({ lengthCounts }) => lengthCounts.length - 1));
  // the bins reach as far as 99.5 % of the lines; one more holds the rest
  const reach = Math.max(
    1,
    ...sides.map(({ lengthCounts, lines }) => {
      let seen = 0;
      return lengthCounts.findIndex((count) => (seen += count) >= 0.995 * lines);
    }),
  );
  const width = [1, 2, 5, 10, 20, 50, 100].find((size) => reach / size <= maxBins) ?? 100;
  const rows: { label: string; shares: number[]; counts: number[] }[] = [];
  const row = (label: string, from: number, to: number): void => {
    const counts = sides.map(({ lengthCounts }) => lengthCounts.slice(from, to).reduce((sum, count) => sum + count, 0));
    rows.push({
      label,
      counts,
      shares: counts.map((count, side) => (sides[side].lines === 0 ? 0 : count / sides[side].lines)),
    });
  };
  row('0', 0, 1);
  let from = 1;
  for (; from <= reach; from += width)
    row(width === 1 ? String(from) : `${from}–${from + width - 1}`, from, from + width);
  if (from <= longest) row(`${from} and more`, from, longest + 1);
  const shown = rows.filter(({ counts }, i) => i > 0 || counts.some((count) => count > 0));
  return barTable('Tokens', shown, names, greatest([...shown.flatMap(({ shares }) => shares), 1e-9]));
}

function coverageTable({ src, trg }: CorpusStats, names: readonly [string, string]): Html {
  const sizes = [...new Set([...src.coverage, ...trg.coverage].map(({ types }) => types))].sort((a, b) => a - b);
  const shareOf = ({ coverage, types }: SideStats, size: number): number =>
    size >= types ? 1 : (coverage.find((each) => each.types === size)?.share ?? NaN);
  const rows = sizes.map((size) => ({
    label: `${formatCount(size)} types`,
    shares: [src, trg].map((side) => shareOf(side, size)),
  }));
  return barTable(
    '',
    rows.filter(({ shares }) => !shares.some(Number.isNaN)),
    names,
  );
}

function frequentTable(
  lists: readonly (readonly { token: string; count: number }[])[],
  names: readonly [string, string],
): Html {
  const list = (entries: readonly { token: string; count: number }[]): readonly Html[] =>
    entries.length === 0
      ? [html`<li class="quiet">none</li>`]
      : entries.map(
          ({ token, count }) => html`<li><code>${token}</code> <span class="quiet">${formatCount(count)}</span></li>`,
        );
  return html`<div class="lists">
    ${lists.map(
      (entries, side) =>
        html`<section>
          <h3>${key(side, names)}</h3>
          <ul class="tokens">
            ${list(entries)}
          </ul>
        </section>`,
    )}
  </div>`;
}

function unknownSection(name: string, { src, trg }: CorpusStats, names: readonly [string, string]): Html {
  const [unknownSrc, unknownTrg] = [src.unknown!, trg.unknown!];
  return html`<h2>Unknown in ${name}</h2>
    <p>
      ${formatCount(unknownSrc.types)} types of the source side and ${formatCount(unknownTrg.types)} of the target side
      are not in the training set; the most frequent:
    </p>
    ${frequentTable([unknownSrc.mostFrequent, unknownTrg.mostFrequent], names)}`;
}

const style = `
td { white-space: nowrap } .wide td:first-child { white-space: normal; min-width: 8rem }
th[colspan] { text-align: center }
.bars td:first-child { width: 7.5rem } .bars th:last-child, .bars td:last-child { text-align: left }
.lists { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 0 2rem } h3 { font-size: 1rem; margin: .4rem 0 }
.bar { padding-right: 3rem }
.tokens { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1rem } .tokens li { overflow-wrap: anywhere }
li { margin: .2rem 0 }
`;
