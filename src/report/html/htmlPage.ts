import { createHash } from 'node:crypto';
import { codeElement, html, type Html } from './html.js';

/**
 * A self-contained page: loads no scripts, fonts or pictures; light or dark by the reader's setting. Its content
 * security policy allows only the script and the style sheet below, by their checksums, so that no other script or
 * style takes effect.
 *
 * @param options.script runs in the page
 * @param options.connects whether the script sends requests to the page's own server
 * @param options.loads whether the script loads further scripts and WebAssembly from there
 */
export function htmlPage(
  title: string,
  content: Html,
  {
    style = '',
    script = '',
    connects = false,
    loads = false,
  }: { style?: string; script?: string; connects?: boolean; loads?: boolean } = {},
): string {
  const allStyle = pageStyle + style;
  const policy = [
    "default-src 'none'",
    `style-src ${sourceOf(allStyle)}`,
    ...(script === '' ? [] : [`script-src ${sourceOf(script)}${loads ? " 'self' 'wasm-unsafe-eval'" : ''}`]),
    'img-src data:',
    ...(connects ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ];
  return html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" />
      <meta http-equiv="Content-Security-Policy" content="${policy.join('; ')}" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <link rel="icon" href="data:," />
      <title>${title}</title>
      ${codeElement('style', allStyle)}
      <main>${content}</main>
      ${script === '' ? undefined : html` ${codeElement('script', script)}`}
    </html> `.toString();
}

/** A content security policy's source expression for inline code. */
function sourceOf(code: string): string {
  return `'sha256-${createHash('sha256').update(code).digest('base64')}'`;
}

/** A bar of a table. @param percent of the room for it */
export function bar(side: number, percent: string): Html {
  return html`<svg class="fill s${side}" width="${percent}%" aria-hidden="true"></svg>`; // the policy allows no style attributes
}

/** A translation that marks words that no reference has, or not as often; letter case is ignored. */
export function markMissing(hypothesis: string, references: readonly string[]): Html {
  const left = new Map<string, number>(); // how often each word may still come
  for (const reference of references) {
    const counts = new Map<string, number>();
    for (const word of reference.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])
      counts.set(word, (counts.get(word) ?? 0) + 1);
    for (const [word, count] of counts) left.set(word, Math.max(left.get(word) ?? 0, count));
  }
  return html`${hypothesis.split(/([\p{L}\p{N}]+)/u).map((part, i) => {
    if (i % 2 === 0) return part;
    const word = part.toLowerCase();
    const allowed = left.get(word) ?? 0;
    left.set(word, allowed - 1);
    return allowed > 0 ? part : html`<u>${part}</u>`;
  })}`;
}

/** The colours s0 and s1 distinguish two systems or two sides. */
const pageStyle = `
:root { color-scheme: light dark; --text: #1b1f24; --quiet: #5b6470; --line: #d6dbe1; --back: #fff; --s0: #8a94a3; --s1: #1f6fd1; --bad: #c2410c }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ed; --quiet: #9aa4b1; --line: #363d47; --back: #16191d; --s0: #79838f; --s1: #5aa2ff; --bad: #ff8a5c } }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 64rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1, h2, p { overflow-wrap: break-word } h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top }
th { font-weight: 600; font-size: .87rem; color: var(--quiet) }
th:first-child, td:first-child { text-align: left }
.bar { display: flex; align-items: center; gap: .5rem; line-height: 1.35; white-space: nowrap }
.fill { flex: none; height: .75rem; border-radius: 0 3px 3px 0; min-width: 1px }
.s0 { background: var(--s0) } .s1 { background: var(--s1) }
.key { display: inline-block; width: .7rem; height: .7rem; border-radius: 3px; margin-right: .35rem }
.anywhere { overflow-wrap: anywhere }
.quiet { color: var(--quiet) } .wide { overflow-x: auto }
code { font-size: .92em }
@media (max-width: 36rem) { th, td { padding: .3rem } }
`;
