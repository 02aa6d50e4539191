import { html, joinHtml, type Html, type HtmlContent } from './html.js';
import { htmlPage } from './htmlPage.js';
import { pageScript } from './pageScript.js';

/** The page of a folder of runs. @param liveScript after the page's own; it receives updates from the server */
export function runsPage(title: string, content: Html, liveScript = ''): string {
  return htmlPage(title, content, { style, script: pageScript + liveScript, connects: liveScript !== '' });
}

/** A table that sorts by a click on a head. Cells of all columns but the first are aligned to the right. */
export function sortableTable(
  head: readonly string[],
  rows: readonly (readonly HtmlContent[])[],
  { sortable = true, leftColumns = 1 }: { sortable?: boolean; leftColumns?: number } = {},
): Html {
  const left = (i: number): Html | undefined => (i < leftColumns ? html` class="left"` : undefined);
  const heads = head.map(
    (text, i) => html`<th${left(i)}>${sortable ? html`<button type="button">${text}</button>` : text}</th>`,
  );
  const body = rows.map(
    (row) =>
      html`<tr>
        ${row.map((content, i) => html`<td${left(i)}>${content}</td>`)}
      </tr>`,
  );
  return html`<div class="wide"><table${sortable ? html` class="sortable"` : undefined}>
<thead><tr>${heads}</tr></thead>
<tbody>
${joinHtml(body, '\n')}
</tbody>
</table></div>`;
}

/** A collapsed section for details that few readers need. */
export function details(summary: HtmlContent, content: HtmlContent): Html {
  return html`<details>
    <summary>${summary}</summary>
    ${content}
  </details>`;
}

/** Colours of arms, in light and dark; the first is the baseline's. */
const light = [
  '#4b5563',
  '#1f6fd1',
  '#d9480f',
  '#2b8a3e',
  '#9c36b5',
  '#c2255c',
  '#0c8599',
  '#a07a00',
  '#5f3dc4',
  '#7a5230',
  '#f08c00',
  '#74b816',
  '#22b8cf',
  '#f06595',
  '#99a1aa',
  '#364fc7',
  '#ff6b6b',
  '#087f5b',
];
const dark = [
  '#b4bcc8',
  '#5aa2ff',
  '#ff8a5c',
  '#69db7c',
  '#da77f2',
  '#f783ac',
  '#3bc9db',
  '#ffd43b',
  '#9775fa',
  '#d0a67c',
  '#ffc078',
  '#c0eb75',
  '#99e9f2',
  '#ffdeeb',
  '#868e96',
  '#748ffc',
  '#ff8787',
  '#38d9a9',
];
const colours = (values: readonly string[]): string => values.map((value, i) => `--c${i}: ${value}`).join('; ');

/** Colour of the i-th arm; colours repeat when they run out. */
export const armColour = (i: number): string => `var(--c${i % light.length})`;

/** An arm's name with its colour; only the name if it has none. */
export function armKey(i: number, name: string): Html {
  return i < 0 ? html`${name}` : html`<span class="key c${i % light.length}"></span>${name}`;
}

const style = `
:root { --panel: #f5f7f9; ${colours(light)} }
@media (prefers-color-scheme: dark) { :root { --panel: #1e2227; ${colours(dark)} } }
main { max-width: 70rem } h3 { font-size: 1rem; margin: 1.4rem 0 .3rem } p { max-width: 46rem; margin: .4rem 0 .8rem }
th, td { white-space: nowrap; padding: .3rem .45rem } th { vertical-align: bottom }
.wide td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 9.5rem }
.left { text-align: left } .text td, .text th { white-space: normal; text-align: left }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-align: inherit }
th[aria-sort=ascending] button::after { content: " ▲" } th[aria-sort=descending] button::after { content: " ▼" }
.wide td:first-child, .wide th:first-child { position: sticky; left: 0; background: var(--back) }
.text { table-layout: fixed; margin: .8rem 0 1.4rem } .text td { overflow-wrap: anywhere } .text th { width: 13rem; vertical-align: top; overflow-wrap: anywhere } .text caption { font-weight: 600 }
.wide { margin: .6rem 0 } .small { font-size: .87rem } .bad { color: var(--bad) }
figure { margin: 1rem 0 1.4rem } figcaption { margin-bottom: .3rem } figcaption strong { display: block }
${light.map((_, i) => `.c${i} { background: var(--c${i}) }`).join(' ')}
figure svg { display: block; overflow: visible; max-width: 100%; height: auto; font-size: 12px } figure svg text { white-space: pre }
.narrow-only { display: none }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .87rem; margin: .4rem 0 }
.legend button { font: inherit; color: inherit; background: none; border: 0; padding: .1rem 0; cursor: pointer } .legend button[aria-pressed=true] { font-weight: 700; text-decoration: underline }
.faded { opacity: .12 }
details { margin: .6rem 0 } summary { cursor: pointer; color: var(--quiet) }
pre { background: var(--panel); padding: .8rem; overflow-x: auto; font-size: .82rem; line-height: 1.4; border-radius: 6px }
u { text-decoration-color: var(--bad); text-decoration-thickness: 2px; text-underline-offset: 3px }
progress { width: 6rem; accent-color: var(--c1) }
@media (min-width: 40rem) { .legend { position: sticky; top: 0; z-index: 1; background: var(--back); padding: .3rem 0 } }
@media (max-width: 40rem) { .text th { width: 6.5rem } .narrow-only { display: block } .wide-only { display: none } }
`;
