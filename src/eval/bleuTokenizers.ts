/** Python's str.strip and str.split white space, which differs from JavaScript's. */
const whiteSpace = '\\t\\n\\v\\f\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const trailingSpace = new RegExp(`[${whiteSpace}]+$`, 'u');
const space = new RegExp(`[${whiteSpace}]+`, 'u');

/** Words of a line as Python's `str.split()` gives them. */
export function splitWords(line: string): string[] {
  return line.split(space).filter((word) => word !== '');
}

/** The line without white space on its right, as Python's `str.rstrip()`. */
export function stripRight(line: string): string {
  return line.replace(trailingSpace, '');
}

/**
 * Tokeniser `13a`: mteval-v13a's language-independent rules.
 * Source: sacreBLEU's tokenizer_13a.
 */
export function tokenize13a(line: string): string {
  const text = line
    .replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' ')
    .replaceAll('&quot;', '"').replaceAll('&amp;', '&').replaceAll('&lt;', '<').replaceAll('&gt;', '>');
  const spaced = ` ${text} `
    .replace(/([{-~[-` -&(-+:-@/])/g, ' $1 ') // every ASCII symbol but ' , - .
    .replace(/([^0-9])([.,])/gu, '$1 $2 ') // full stop and comma not after a digit
    .replace(/([.,])([^0-9])/gu, ' $1 $2') // nor before one
    .replace(/([0-9])(-)/g, '$1 $2 '); // dash after a digit
  return splitWords(spaced).join(' ');
}
