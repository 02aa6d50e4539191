import { translatePattern, type PatternDialect } from '../patternDialect.js';

const wordCharacter = '[\\p{L}\\p{N}_]';
/** With U+001C to U+001F and U+0085, without U+FEFF. */
const space = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';

const python: PatternDialect = {
  classes: { w: wordCharacter, d: '\\p{Nd}', s: space },
  assertions: { A: '(?<![\\0-\\u{10ffff}])', Z: '(?![\\0-\\u{10ffff}])' },
  characters: { a: '\x07', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
  braces: (text) => {
    const [, exactly, least, most] = /^(?:(\d+)|(\d*),(\d*))$/.exec(text) ?? [];
    if (exactly !== undefined) return [exactly, exactly];
    return least === undefined ? undefined : [least || '0', most];
  },
  flagsAnywhere: false,
  hyphenAfterClass: false,
  groupsMatter: true,
};

/**
 * A regular expression in Python's notation (`re` of 3.11), for JavaScript with the flag "v": `\w`, `\d`, `\s` and `\b`
 * know all of Unicode, any mark may have a backslash, groups are named `(?P<name>...)`, `{,3}` repeats at most three
 * times.
 *
 * @throws SyntaxError that names what cannot be expressed
 */
export function pythonPattern(pattern: string): string {
  return translatePattern(pattern, python);
}
