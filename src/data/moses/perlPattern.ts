import { UsageError } from '../../errors.js';
import { alnum, digit, horizontalSpace, letter, lower, punctuation, space, wordCharacter } from './perlText.js';

/** Perl's classes that JavaScript lacks, or has for ASCII alone. */
const classes: Readonly<Record<string, string>> = {
  w: wordCharacter, W: `[^${wordCharacter}]`, d: digit, D: `[^${digit}]`, s: space, S: `[^${space}]`, h: horizontalSpace, H: `[^${horizontalSpace}]`,
};

const edge = `(?:(?<=${wordCharacter})(?!${wordCharacter})|(?<!${wordCharacter})(?=${wordCharacter}))`;
const assertions: Readonly<Record<string, string>> = { b: edge, B: `(?!${edge})`, A: '^', z: '$', Z: '$' };

const posixClasses: Readonly<Record<string, string>> = {
  alpha: letter, digit, alnum, lower, upper: '\\p{Uppercase}', punct: punctuation, space, word: wordCharacter, xdigit: '[0-9A-Fa-f]',
};

/** `\p{...}` names that only Perl has. */
const properties: Readonly<Record<string, string>> = {
  IsAlpha: letter, Alpha: letter, IsAlnum: alnum, Alnum: alnum, IsLower: lower, Lower: lower, IsUpper: '\\p{Uppercase}', Upper: '\\p{Uppercase}', IsPunct: punctuation,
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
    return new RegExp(translate(flags !== '' || inline?.[1] === 's' ? pattern.slice(inline![0].length) : pattern), `sv${flags}`);
  } catch (cause) {
    throw new UsageError(`${what} ${JSON.stringify(pattern)} is not a regular expression: ${(cause as Error).message.replace(/^Invalid regular expression: .*: /, '')}.`, { cause });
  }
}

function translate(pattern: string): string {
  let translated = '';
  for (let i = 0; i < pattern.length; ) {
    const rest = pattern.slice(i);
    const [whole, text] = rest.startsWith('\\') ? escaped(rest, assertions) : rest.startsWith('[') ? bracketed(rest) : plain(rest);
    translated += text;
    i += whole.length;
  }
  return translated;
}

/** What a backslash makes ordinary, outside of brackets and inside. */
const syntaxMarks = /[\^$\\.*+?()[\]{}|/]/;
const classMarks = /[\^$\\.*+?()[\]{}|/\-&!#%,:;<=>@`~]/;

type Part = readonly [perl: string, javaScript: string];

function plain(rest: string): Part {
  const character = String.fromCodePoint(rest.codePointAt(0)!);
  if (character === '{') {
    const quantifier = /^\{\d+(,\d*)?\}/.exec(rest);
    return quantifier ? [quantifier[0], quantifier[0]] : ['{', '\\{'];
  }
  return [character, character === '}' || character === ']' ? `\\${character}` : character];
}

function escaped(rest: string, others: Readonly<Record<string, string>>, marks = syntaxMarks): Part {
  const property = /^\\([pP])(?:\{(\^?)([^}]*)\}|([A-Z]))/.exec(rest);
  if (property) {
    const [whole, kind, caret, long, short] = property;
    const name = long ?? short;
    const positive = properties[name] ?? `\\p{${name.replace(/^Is(?=[A-Z][a-z]?$)/, '')}}`;
    return [whole, (kind === 'P') !== (caret === '^') ? `[^${positive}]` : positive];
  }
  const code = /^\\x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))/.exec(rest);
  if (code) return [code[0], `\\u{${code[1] ?? code[2]}}`];
  const character = rest.slice(1, 2);
  const known = classes[character] ?? others[character];
  if (known !== undefined) return [rest.slice(0, 2), known];
  if (/[A-Za-z0-9]/.test(character) || character === '') return [rest.slice(0, 2), rest.slice(0, 2)];
  const literal = String.fromCodePoint(rest.codePointAt(1)!);
  return [`\\${literal}`, marks.test(literal) ? `\\${literal}` : literal];
}

/** A class in brackets. A hyphen beside another class is a hyphen in Perl. */
function bracketed(rest: string): Part {
  let translated = rest.startsWith('[^') ? '[^' : '[';
  let i = translated.length;
  let lastWasClass = false;
  for (let first = true; i < rest.length && (first || rest[i] !== ']'); first = false) {
    const posix = /^\[:(\^?)([a-z]+):\]/.exec(rest.slice(i));
    if (posix && posixClasses[posix[2]] !== undefined) {
      translated += posix[1] ? `[^${posixClasses[posix[2]]}]` : posixClasses[posix[2]];
      i += posix[0].length;
      lastWasClass = true;
    } else if (rest[i] === '\\') {
      const [whole, text] = escaped(rest.slice(i), { b: '\\x08' }, classMarks);
      translated += text;
      i += whole.length;
      lastWasClass = text.startsWith('[') || text.startsWith('\\p');
    } else if (rest[i] === '-') {
      const next = rest.slice(i + 1);
      const isRange = !first && !lastWasClass && next !== '' && !next.startsWith(']') && !/^\\[wWdDsShHpP]|^\[:/.test(next);
      translated += isRange ? '-' : '\\-';
      i++;
      lastWasClass = false;
    } else {
      const character = String.fromCodePoint(rest.codePointAt(i)!);
      translated += classMarks.test(character) ? `\\${character}` : character;
      i += character.length;
      lastWasClass = false;
    }
  }
  if (i >= rest.length) throw new SyntaxError('a bracket is not closed');
  return [rest.slice(0, i + 1), `${translated}]`];
}
