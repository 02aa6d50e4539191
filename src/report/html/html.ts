/**
 * Markup that may go into a page unescaped. Only this file makes it (the class is not exported), so that this is the
 * one place where text becomes markup: a string that is not `Html` is text, and is escaped.
 */
class Markup {
  constructor(private readonly markup: string) {}

  get isEmpty(): boolean {
    return this.markup === '';
  }

  toString(): string {
    return this.markup;
  }
}

export type Html = Markup;

/** Values in a template: text and numbers are escaped, lists are joined, `undefined` is left out. */
export type HtmlContent = Html | string | number | undefined | readonly HtmlContent[];

/**
 * Markup from a template literal: the literal parts are markup, inserted values are text unless they are {@link Html}.
 * Values of attributes must be in double quotes; names of elements and attributes cannot be inserted.
 */
export function html(template: TemplateStringsArray, ...values: readonly HtmlContent[]): Html {
  return new Markup(template.reduce((text, part, i) => text + markupOf(values[i - 1]) + part));
}

/** Parts with something between them; empty markup is left out. */
export function joinHtml(parts: readonly HtmlContent[], separator: HtmlContent): Html {
  const shown = parts.filter((part) => !(part instanceof Markup && part.isEmpty));
  return html`${shown.flatMap((part, i) => (i === 0 ? [part] : [separator, part]))}`;
}

/** Nothing to show. */
export const noHtml = html``;

function markupOf(value: unknown): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.toString();
  if (Array.isArray(value)) return value.map(markupOf).join('');
  return String(value).replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A script or a style sheet of the source code. Browsers do not unescape its text, so nothing in it can be escaped. */
export function codeElement(name: 'script' | 'style', code: string): Html {
  if (/<[/!]/.test(code)) throw new Error(`the page's ${name} must not contain the beginning of a tag`);
  return new Markup(`<${name}>${code}</${name}>`);
}

/** The allowed elements of a drawing. Plot makes one more element, `style`; its rules are in the page's own style. */
const svgElements = 'svg g path line rect circle text tspan title clipPath defs linearGradient stop'.split(' ');
const svgAttributes =
  /^(?:(?:class|role|id|d|[xy][12]?|d[xy]|c[xy]|r[xy]?|width|height|viewBox|offset|transform|opacity|fill|stroke)|(?:fill|stroke|font|text|clip|stop|paint|aria|data)-[a-z-]+)$/;

/**
 * A drawing as markup. Elements and attributes that a drawing does not need are left out: scripts, event handlers,
 * links, styles.
 */
export function svgMarkup({ nodeType, nodeValue, localName = '', attributes = [], childNodes = [] }: SvgNode): Html {
  if (nodeType === textNode) return html`${nodeValue ?? ''}`;
  if (!svgElements.includes(localName)) return noHtml;
  const shown = [...attributes].filter(({ name }) => svgAttributes.test(name));
  const name = new Markup(localName);
  return html`<${name}${shown.map((attribute) => html` ${new Markup(attribute.name)}="${attribute.value}"`)}>${[...childNodes].map(svgMarkup)}</${name}>`;
}

/** The part of a DOM node that is used. */
export interface SvgNode {
  readonly nodeType: number;
  readonly nodeValue: string | null;
  readonly localName?: string;
  readonly attributes?: Iterable<{ readonly name: string; readonly value: string }>;
  readonly childNodes?: Iterable<SvgNode>;
}

const textNode = 3;
