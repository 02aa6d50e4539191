import { UsageError } from '../../errors.js';
import { translatePattern, type PatternDialect } from '../patternDialect.js';
import { alnum, digit, horizontalSpace, letter, lower, punctuation, space, wordCharacter } from './perlText.js';

const perl: PatternDialect = {
  classes: { w: wordCharacter, d: digit, s: space, h: horizontalSpace },
  assertions: { A: '^', z: '$', Z: '$' },
  posixClasses: {
    alpha: letter,
    digit,
    alnum,
    lower,
    upper: '\\p{Uppercase}',
    punct: punctuation,
    space,
    word: wordCharacter,
    xdigit: '[0-9A-Fa-f]',
  },
  properties: {
    IsAlpha: letter,
    Alpha: letter,
    IsAlnum: alnum,
    Alnum: alnum,
    IsLower: lower,
    Lower: lower,
    IsUpper: '\\p{Uppercase}',
    Upper: '\\p{Uppercase}',
    IsPunct: punctuation,
  },
};

/**
 * A regular expression in Perl's notation, with Perl's meaning: `\w`, `\d`, `\s` and `\b` know all of Unicode, classes such as
 * `[:alpha:]` and `\p{IsAlnum}` exist, braces that repeat nothing are ordinary characters.
 *
 * Understands what both languages have in common and the above; no possessive or atomic groups, no recursion.
 *
 * @param what what the pattern is, for messages
 * @throws UsageError for a pattern that is no regular expression or uses more than that
 */
export function perlPattern(pattern: string, what: string): RegExp {
  const inline = /^\(\?([a-z]+)\)/.exec(pattern);
  const flags = inline && /^[ismx]+$/.test(inline[1]) && !inline[1].includes('x') ? inline[1].replace('s', '') : '';
  try {
    return new RegExp(
      translatePattern(flags !== '' || inline?.[1] === 's' ? pattern.slice(inline![0].length) : pattern, perl),
      `sv${flags}`,
    );
  } catch (cause) {
    throw new UsageError(
      `${what} ${JSON.stringify(pattern)} is not a regular expression: ${(cause as Error).message.replace(/^Invalid regular expression: .*: /, '')}.`,
      { cause },
    );
  }
}
