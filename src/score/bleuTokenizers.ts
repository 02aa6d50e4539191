import { splitWords, strip } from './whiteSpace.js';

/** Splits text into the tokens BLEU counts. */
export interface BleuTokenizer {
  /** As in the signature's `tok` field. */
  readonly name: string;
  /** Text whose tokens are separated by white space, of a line without white space on its right. */
  tokenize(line: string): string;
}

export const bleuTokenizerNames = ['13a', 'intl', 'zh', 'char', 'none'] as const;
export type BleuTokenizerName = (typeof bleuTokenizerNames)[number];

/** sacreBLEU's tokenisers by name. */
export const bleuTokenizers: Readonly<Record<BleuTokenizerName, BleuTokenizer>> = {
  '13a': { name: '13a', tokenize: tokenize13a },
  intl: { name: 'intl', tokenize: tokenizeIntl },
  zh: { name: 'zh', tokenize: tokenizeZh },
  char: { name: 'char', tokenize: (line) => Array.from(line).join(' ') },
  none: { name: 'none', tokenize: (line) => line },
};

/**
 * Tokeniser `13a`: mteval-v13a's language-independent rules.
 * Source: sacreBLEU's tokenizer_13a.
 */
function tokenize13a(line: string): string {
  let text = line;
  if (text.includes('<skipped>')) text = text.replaceAll('<skipped>', '');
  if (text.includes('\n')) text = text.replaceAll('-\n', '').replaceAll('\n', ' ');
  if (text.includes('&'))
    text = text.replaceAll('&quot;', '"').replaceAll('&amp;', '&').replaceAll('&lt;', '<').replaceAll('&gt;', '>');
  return separateWesternPunctuation(` ${text} `);
}

/**
 * The rules that 13a shares with zh: ASCII symbols are separate tokens; full stops, commas and dashes depend on the
 * digits around them.
 */
function separateWesternPunctuation(line: string): string {
  const spaced = line
    .replace(/([{-~[-` -&(-+:-@/])/g, ' $1 ') // every ASCII symbol but ' , - .
    .replace(/([^0-9])([.,])/g, '$1 $2 ') // full stop and comma not after a digit
    .replace(/([.,])([^0-9])/g, ' $1 $2') // and not before one
    .replace(/([0-9])(-)/g, '$1 $2 '); // dash after a digit
  return splitWords(spaced).join(' ');
}

/**
 * Tokeniser `intl`: mteval-v14's international rules, on Unicode punctuation and symbols. A full stop that ends the
 * line after a digit stays with it, as in the original.
 */
function tokenizeIntl(line: string): string {
  const spaced = line
    .replace(/(\P{N})(\p{P})/gu, '$1 $2 ')
    .replace(/(\p{P})(\P{N})/gu, ' $1 $2')
    .replace(/(\p{S})/gu, ' $1 ');
  return splitWords(spaced).join(' ');
}

/**
 * sacreBLEU's table of Chinese characters. U+2001-U+2A6D and U+2F81-U+2FA1 are there by accident: they were meant to
 * be U+20000-U+2A6D6 and U+2F800-U+2FA1D. Scores compare only with the same table.
 */
const chinese = new RegExp(
  '[\\u2001-\\u2a6d\\u2e80-\\u2eff\\u2f00-\\u2fdf\\u2ff0-\\u303f\\u3100-\\u312f\\u31a0-\\u31bf\\u31c0-\\u31ef\\u3200-\\u4db5' +
    '\\u4e00-\\u9fbb\\uf900-\\ufa2d\\ufa30-\\ufa6a\\ufa70-\\ufad9\\ufe10-\\ufe1f\\ufe30-\\ufe4f\\uff00-\\uffef]',
  'g',
);

/** Tokeniser `zh`: every Chinese character on its own, the rest like 13a but without resolving XML escapes. */
function tokenizeZh(line: string): string {
  return separateWesternPunctuation(strip(line).replace(chinese, ' $& '));
}
