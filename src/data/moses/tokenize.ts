import { UsageError } from '../../errors.js';
import { nonbreakingPrefixes, type NonbreakingPrefixes } from './nonbreakingPrefixes.js';
import { alnum, isBlank, space, splitAsPerl } from './perlText.js';

export interface TokenizeOptions {
  /** Split hyphens between letters or digits: `a-b` becomes `a @-@ b` (-a). Default false. */
  readonly aggressive?: boolean;
  /** Write `& | < > ' " [ ]` as character references. Default true; Moses' -no-escape is false. */
  readonly escape?: boolean;
  /** Regular expressions of stretches that are kept whole (-protected). */
  readonly protectedPatterns?: readonly string[];
  /** Words that a full stop does not end. Default: the project's own list for the language. */
  readonly prefixes?: NonbreakingPrefixes;
}

const spaces = new RegExp(`[${space}]+`, 'gu');
const controls = /[\0-\x1f]/g;

/** Rules that isolate characters which are no part of words; some languages keep one more. */
const separators: Readonly<Record<string, readonly (readonly [RegExp, string])[]>> = {
  default: [[new RegExp(`([^${alnum}${space}.'\`,-])`, 'gu'), ' $1 ']],
  // the colon stands inside words (USA:n), unless no lower-case letter follows
  fi: [[new RegExp(`([^${alnum}${space}.:'\`,-])`, 'gu'), ' $1 '], [/(:)(?=$|[^\p{Ll}])/gu, ' $1 ']],
  // the middle dot stands inside words (col·legi)
  ca: [[new RegExp(`([^${alnum}${space}.\u00b7'\`,-])`, 'gu'), ' $1 '], [/(\u00b7)(?=$|[^\p{Ll}])/gu, ' $1 ']],
};

const hyphens = new RegExp(`([${alnum}])-(?=[${alnum}])`, 'gu');

const commas: readonly (readonly [RegExp, string])[] = [
  [/(\P{N}),/gu, '$1 , '],
  [/,(\P{N})/gu, ' , $1'],
  [/(\p{N}),$/gu, '$1 ,'],
];

/** Apostrophes stay with what follows in English, with what precedes in French; elsewhere they stand alone. */
const apostrophes: Readonly<Record<'right' | 'left' | 'alone', readonly (readonly [RegExp, string])[]>> = {
  right: [
    [/(\P{Alphabetic})'(\P{Alphabetic})/gu, "$1 ' $2"],
    [/([^\p{Alphabetic}\p{N}])'(\p{Alphabetic})/gu, "$1 ' $2"],
    [/(\p{Alphabetic})'(\P{Alphabetic})/gu, "$1 ' $2"],
    [/(\p{Alphabetic})'(\p{Alphabetic})/gu, "$1 '$2"],
    [/(\p{N})'s/gu, "$1 's"],
  ],
  left: [
    [/(\P{Alphabetic})'(\P{Alphabetic})/gu, "$1 ' $2"],
    [/(\P{Alphabetic})'(\p{Alphabetic})/gu, "$1 ' $2"],
    [/(\p{Alphabetic})'(\P{Alphabetic})/gu, "$1 ' $2"],
    [/(\p{Alphabetic})'(\p{Alphabetic})/gu, "$1' $2"],
  ],
  alone: [[/'/g, " ' "]],
};

const escapes: readonly (readonly [RegExp, string])[] = [
  [/&/g, '&amp;'], [/\|/g, '&#124;'], [/</g, '&lt;'], [/>/g, '&gt;'], [/'/g, '&apos;'], [/"/g, '&quot;'], [/\[/g, '&#91;'], [/\]/g, '&#93;'],
];

/**
 * A function that separates words and punctuation of a line; its output equals Moses' tokenizer.perl.
 *
 * @param language two-letter code; chooses the rules for apostrophes and the list of non-breaking prefixes
 * @returns lines to lines, without line feeds
 * @throws UsageError if a protected pattern is not a regular expression
 * Source: mosesdecoder, scripts/tokenizer/tokenizer.perl, commit 3445289.
 */
export function createTokenizer(language: string, options: TokenizeOptions = {}): (line: string) => string {
  const { aggressive = false, escape = true, protectedPatterns = [], prefixes = nonbreakingPrefixes(language) } = options;
  const patterns = protectedPatterns.map(patternOf);
  const separate = separators[language === 'sv' ? 'fi' : language] ?? separators.default;
  const contractions = apostrophes[language === 'en' ? 'right' : ['fr', 'it', 'ga', 'ca'].includes(language) ? 'left' : 'alone'];

  return (line) => {
    if (isBlank(line)) return line;
    let text = ` ${line} `.replace(spaces, ' ').replace(controls, '');
    const kept = findProtected(text, patterns);
    kept.forEach((stretch, index) => {
      text = text.replaceAll(stretch, ` ${placeholder(index)} `);
    });
    text = squeeze(text);
    text = applyRules(text, separate);
    if (aggressive) text = text.replace(hyphens, '$1 @-@ ');
    text = markMultipleDots(text);
    text = applyRules(text, commas);
    text = applyRules(text, contractions);
    text = squeeze(separateFullStops(text, prefixes));
    text = text.replace(/\.' ?$/, " . ' ");
    kept.forEach((stretch, index) => {
      text = text.replaceAll(placeholder(index), () => stretch);
    });
    text = restoreMultipleDots(text);
    return escape ? applyRules(text, escapes) : text;
  };
}

function applyRules(text: string, rules: readonly (readonly [RegExp, string])[]): string {
  return rules.reduce((done, [pattern, replacement]) => done.replace(pattern, replacement), text);
}

/** No doubled spaces, and none at the ends. */
function squeeze(text: string): string {
  return text.replace(/ +/g, ' ').replace(/^ /, '').replace(/ $/, '');
}

function placeholder(index: number): string {
  return `THISISPROTECTED${String(index).padStart(3, '0')}`;
}

function patternOf(pattern: string): RegExp {
  for (const flags of ['u', '']) {
    try {
      return new RegExp(pattern, flags);
    } catch {
      // without "u" more escapes are allowed, as in Perl
    }
  }
  throw new UsageError(`protected pattern ${JSON.stringify(pattern)} is not a regular expression.`);
}

/** Every match of every pattern, one after the other through the line. */
function findProtected(text: string, patterns: readonly RegExp[]): string[] {
  const found: string[] = [];
  for (const pattern of patterns) {
    let rest = text;
    for (let match = pattern.exec(rest); match !== null && match[0] !== ''; match = pattern.exec(rest)) {
      found.push(match[0]);
      rest = rest.slice(match.index + match[0].length);
    }
  }
  return found;
}

/** Two or more full stops in a row become one word: DOTMULTI stands for the first, DOTDOTMULTI for each further one. */
function markMultipleDots(text: string): string {
  text = text.replace(/\.(\.+)/g, ' DOTMULTI$1');
  while (text.includes('DOTMULTI.')) {
    text = text.replace(/DOTMULTI\.([^.])/g, 'DOTDOTMULTI $1').replaceAll('DOTMULTI.', 'DOTDOTMULTI');
  }
  return text;
}

function restoreMultipleDots(text: string): string {
  while (text.includes('DOTDOTMULTI')) text = text.replaceAll('DOTDOTMULTI', 'DOTMULTI.');
  return text.replaceAll('DOTMULTI', '.');
}

/** The full stop at the end of a word stands alone unless the word is an abbreviation or the sentence goes on. */
function separateFullStops(text: string, prefixes: NonbreakingPrefixes): string {
  const words = splitAsPerl(text, new RegExp(`[${space}]`, 'u'));
  return words.map((word, index) => {
    if (word.length < 2 || !word.endsWith('.')) return word;
    const stem = word.slice(0, -1);
    if (index === words.length - 1) return `${stem} .`;
    const next = words[index + 1];
    const abbreviates = stem.includes('.') && /\p{Alphabetic}/u.test(stem);
    const goesOn = abbreviates || prefixes.always.has(stem) || /^\p{Lowercase}/u.test(next) || (prefixes.beforeNumber.has(stem) && /^[0-9]/.test(next));
    return goesOn ? word : `${stem} .`;
  }).join(' ');
}
