import { translatePattern, type PatternDialect } from '../patternDialect.js';

const wordCharacter = '[\\p{L}\\p{N}_]';
/** With U+001C to U+001F and U+0085, without U+FEFF. */
const space = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';

const python: PatternDialect = {
  classes: { w: wordCharacter, d: '\\p{Nd}', s: space },
  assertions: { A: '^', Z: '$' },
};

/**
 * A regular expression in Python's notation, for JavaScript with the flag "v": `\w`, `\d`, `\s` and `\b` know all of Unicode, any
 * mark may have a backslash, groups are named `(?P<name>...)`.
 *
 * @throws SyntaxError for brackets that are not closed
 */
export function pythonPattern(pattern: string): string {
  return translatePattern(pattern.replace(/\(\?P</g, '(?<').replace(/\(\?P=(\w+)\)/g, '\\k<$1>'), python);
}
