import { flag, type Section } from '../../field.js';
import { singleSpaced } from '../whiteSpace.js';

/** The fields of TER's options; defaults are sacreBLEU's. */
export const terFields = {
  normalized: flag(false, 'Separate punctuation, resolve XML escapes.'),
  noPunct: flag(false, 'Remove punctuation.'),
  asianSupport: flag(false, 'Separate or remove East Asian characters and punctuation as well.'),
  caseSensitive: flag(false, 'Do not lower-case text.'),
} as const satisfies Section;

export interface TerTokenizerOptions {
  /** Separate punctuation, resolve XML escapes. Default false. */
  readonly normalized?: boolean;
  /** Remove punctuation. Default false. */
  readonly noPunct?: boolean;
  /**
   * Separate (with `normalized`) or remove (with `noPunct`) East Asian characters and punctuation as well. Default
   * false.
   */
  readonly asianSupport?: boolean;
  /** Default false: text is lower-cased. */
  readonly caseSensitive?: boolean;
}

const asianPunctuation = /[\u3001\u3002\u3008-\u3011\u3014-\u301f\uff61-\uff65\u30fb]/g;
const fullWidthPunctuation = /[\uff0e\uff0c\uff1f\uff1a\uff1b\uff01\uff02\uff08\uff09]/g;

/**
 * Tercom's normalisation of a line.
 * Source: sacreBLEU's tokenizer_ter, which follows tercom's Normalizer.java. Its rules for Hiragana and Katakana can
 * never match (they are anchored at the start of a line that begins with a space there) and are left out here.
 */
export function tokenizeTer(
  line: string,
  { normalized, noPunct, asianSupport, caseSensitive }: TerTokenizerOptions,
): string {
  let text = caseSensitive ? line : line.toLowerCase();
  if (normalized) {
    text = separateWestern(text);
    if (asianSupport) text = separateAsian(text);
  }
  if (noPunct) {
    text = text.replace(/[.,?:;!"()]/g, '');
    if (asianSupport) text = text.replace(asianPunctuation, '').replace(fullWidthPunctuation, '');
  }
  return singleSpaced(text);
}

function separateWestern(line: string): string {
  const text = line
    .replaceAll('\n-', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  return ` ${text} `
    .replace(/[{-~[-` -&(-+:-@/]/g, ' $& ')
    .replaceAll("'s ", " 's ")
    .replace(/([^0-9])([.,])/g, '$1 $2 ')
    .replace(/([.,])([^0-9])/g, ' $1 $2')
    .replace(/([0-9])(-)/g, '$1 $2 ');
}

function separateAsian(line: string): string {
  return line
    .replace(/[\u4e00-\u9fff\u3400-\u4dbf]/g, ' $& ') // ideographs
    .replace(/[\u31c0-\u31ef\u2e80-\u2eff]/g, ' $& ') // strokes, radicals
    .replace(/[\u3300-\u33ff\uf900-\ufaff\ufe30-\ufe4f]/g, ' $& ') // compatibility forms
    .replace(/[\u3200-\u3f22]/g, ' $& ') // enclosed letters; the end of the range is sacreBLEU's
    .replace(asianPunctuation, ' $& ')
    .replace(fullWidthPunctuation, ' $& ');
}
