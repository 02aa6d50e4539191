import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { html, svgMarkup, type Html, type SvgNode } from './html.js';
import { details, sortableTable } from './page.js';

export interface ChartOptions {
  readonly title: string;
  /** What the chart shows and how to read it. */
  readonly caption: string;
  /** Plot's options at a width of the page in pixels. */
  readonly plot: (width: number) => Plot.PlotOptions;
  /** The same numbers as a table, as text, for readers who cannot see the chart. */
  readonly numbers: { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };
  /** Arms by the number that their marks have as `className` `arm-N`. */
  readonly arms?: readonly string[];
}

/** Widths that a chart is drawn for; the page's style shows one of the two. */
const wideWidth = 1100;
const narrowWidth = 420;

/** A chart as inline SVG, in a wide and a narrow form, with its numbers below. */
export function chart({ title, caption, plot, numbers, arms = [] }: ChartOptions): Html {
  const draw = (width: number, className: string): Html => {
    const { document } = parseHTML('<html><body></body></html>');
    const options = plot(width);
    const svg = Plot.plot({
      ...options,
      document: document as never,
      width,
      ariaLabel: title,
    });
    svg.setAttribute('role', 'img');
    for (const mark of svg.querySelectorAll('[class]')) {
      const found = /(?:^|\s)arm-(\d+)(?:\s|$)/.exec(mark.getAttribute('class')!);
      if (found) mark.setAttribute('data-arm', arms[Number(found[1])]);
    }
    return html`<div class="${className}">${svgMarkup(svg as unknown as SvgNode)}</div>`;
  };
  return html`<figure>
    <figcaption><strong>${title}</strong><span class="quiet small">${caption}</span></figcaption>
    ${draw(wideWidth, 'wide-only')} ${draw(narrowWidth, 'narrow-only')}
    ${details('Numbers', sortableTable(numbers.head, numbers.rows))}
  </figure>`;
}
