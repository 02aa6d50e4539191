import { UsageError } from '../../errors.js';
import { translatePattern, type PatternDialect } from '../patternDialect.js';
import {
  alnum,
  assignedLater,
  digit,
  horizontalSpace,
  letter,
  lower,
  number,
  other,
  punctuation,
  space,
  wordCharacter,
} from './perlText.js';

const upper = `[\\p{Uppercase}--${assignedLater}]`;
const posixClasses: Readonly<Record<string, string>> = {
  alpha: letter,
  digit,
  alnum,
  lower,
  upper,
  punct: punctuation,
  space,
  blank: horizontalSpace,
  cntrl: '\\p{Cc}',
  graph: `[^${space}${other}]`,
  print: `[[^${space}${other}]\\p{Zs}]`,
  word: wordCharacter,
  xdigit: '[0-9A-Fa-f\\uff10-\\uff19\\uff21-\\uff26\\uff41-\\uff46]',
  ascii: '[\\0-\\x7f]',
};

/** Names for `\p{...}`, in lower case and without marks, that JavaScript lacks or interprets differently. */
const properties: Readonly<Record<string, string>> = {
  ...posixClasses,
  punct: `[\\p{P}--${assignedLater}]`,
  alphabetic: letter,
  lowercase: lower,
  uppercase: upper,
  whitespace: space,
  n: number,
  nd: digit,
  c: other,
  any: '[\\0-\\u{10ffff}]',
};

const perl: PatternDialect = {
  classes: { w: wordCharacter, d: digit, s: space, h: horizontalSpace, v: '[\\n-\\r\\x85\\u2028\\u2029]' },
  assertions: { A: '(?<![\\0-\\u{10ffff}])', z: '(?![\\0-\\u{10ffff}])', Z: '(?![\\0-\\u{10ffff}])' },
  characters: { a: '\x07', e: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t' },
  posixClasses,
  property: perlProperty,
  braces: (text) => {
    const [, exactly, least, most] = /^\s*(?:(\d+)|(\d*)\s*,\s*(\d*))\s*$/.exec(text) ?? [];
    if (exactly !== undefined) return [exactly, exactly];
    return least || most ? [least || '0', most] : undefined;
  },
  flagsAnywhere: true,
  hyphenAfterClass: true,
  groupsMatter: false,
};

/** Accents that no script had as its extension in Unicode 14. */
const accentsOfNoScript = '[\\u{300}-\\u{341}\\u{343}\\u{344}\\u{346}-\\u{362}]';

/** `\p{...}`: categories, scripts with their extensions, and yes-or-no properties, in Perl's loose spelling. */
function perlProperty(given: string): string | undefined {
  const [left, right] = given.split(/\s*[=:]\s*/);
  const loose = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, '');
  const bare = loose(left).replace(/^is/, '');
  if (right === undefined) {
    const known = properties[bare] ?? posixClasses[bare.replace(/^x?posix/, '')];
    if (known !== undefined) return known;
  }
  const titled = (name: string): string =>
    name
      .trim()
      .replace(/^is[\s_-]*(?=\w{2}|[A-Z])/i, '')
      .split(/[\s_-]+/)
      .map((word) => (/^[A-Z]/.test(word) ? word : word.slice(0, 1).toUpperCase() + word.slice(1)))
      .join('_');
  const candidates =
    right === undefined
      ? ['', 'scx='].flatMap((prefix) => [left.trim(), titled(left)].map((name) => prefix + name))
      : [
          { script: 'sc=', sc: 'sc=', scriptextensions: 'scx=', scx: 'scx=', generalcategory: 'gc=', gc: 'gc=' }[bare],
        ].flatMap((prefix) => (prefix === undefined ? [] : [prefix + titled(right)]));
  const name = candidates.find((candidate) => {
    try {
      return new RegExp(`\\p{${candidate}}`, 'v');
    } catch {
      return false;
    }
  });
  if (name === undefined) return undefined;
  return name.startsWith('scx=')
    ? `[\\p{${name}}--[${assignedLater}${accentsOfNoScript}]]`
    : `[\\p{${name}}--${assignedLater}]`;
}

/**
 * A regular expression in Perl's notation, with the meaning that it has in Perl 5.36: `\w`, `\d`, `\s` and `\b` know
 * all of Unicode, classes such as `[:alpha:]` and properties such as `\p{Han}` exist, `{,3}` repeats at most three
 * times.
 *
 * Understands what `translatePattern` does.
 *
 * @param what description of the pattern, for messages
 * @throws UsageError for a pattern that is no regular expression or uses more than that
 */
export function perlPattern(pattern: string, what: string): RegExp {
  try {
    return new RegExp(translatePattern(pattern, perl), 'sv');
  } catch (cause) {
    throw new UsageError(
      `${what} ${JSON.stringify(pattern)} is not a regular expression: ${(cause as Error).message.replace(/^Invalid regular expression: .*: /s, '')}.`,
      { cause },
    );
  }
}
