import type { NonbreakingPrefixes } from './nonbreakingPrefixes.js';
import { alnum, letter, lower, lowerLetter, number, space } from './perlText.js';

type Rule = readonly [pattern: RegExp, replacement: string];

/** How a language's words and punctuation are separated. */
export interface TokenizerRules {
  readonly separators: readonly Rule[];
  readonly apostrophes: readonly Rule[];
  /** Split hyphens between letters or digits. */
  readonly aggressive: boolean;
  readonly escape: boolean;
  readonly prefixes: NonbreakingPrefixes;
}

/**
 * Isolates characters that are not part of words. @param inner one more character that occurs inside words of the
 * language
 */
function isolateAllBut(inner = ''): Rule {
  return [new RegExp(`([^${alnum}${space}.'\`,\\-${inner}])`, 'gv'), ' $1 '];
}

/** A character inside words is isolated if no lower-case letter follows. */
function isolateBeforeOthers(inner: string): Rule {
  return [new RegExp(`(${inner})(?=$|[^${lowerLetter}])`, 'gv'), ' $1 '];
}

/** By language; the others have the rules of `default`. */
const separators: Readonly<Record<string, readonly Rule[]>> = {
  default: [isolateAllBut()],
  fi: [isolateAllBut(':'), isolateBeforeOthers(':')], // USA:n
  sv: [isolateAllBut(':'), isolateBeforeOthers(':')],
  // the middle dot of col·legi is part of words; the script's next rule, to isolate it before capitals, is read by Perl
  // as two characters, its bytes in UTF-8, so that it applies to these alone
  ca: [isolateAllBut('\u00b7'), isolateBeforeOthers('\u00c2\u00b7')],
  tdt: [isolateAllBut(), isolateBeforeOthers("'")], // ha'u
};

const hyphens: Rule = [new RegExp(`(${alnum})-(?=${alnum})`, 'gv'), '$1 @-@ '];

/** Commas stay within numbers. Two passes, since the first consumes the B of A,B,C. */
const commas: readonly Rule[] = [
  [new RegExp(`([^${number}]),`, 'gv'), '$1 , '],
  [new RegExp(`,([^${number}])`, 'gv'), ' , $1'],
  [new RegExp(`(${number}),$`, 'gv'), '$1 ,'],
];

function apostrophe(before: string, after: string, replacement: string): Rule {
  return [new RegExp(`(${before})'(${after})`, 'gv'), replacement];
}

const other = `[^${letter}]`;
/**
 * Apostrophes belong to the following letters in English, to the preceding ones in French, and stay inside words in
 * Somali.
 */
const contractions: Readonly<Record<'right' | 'left' | 'inside' | 'alone', readonly Rule[]>> = {
  right: [
    apostrophe(other, other, "$1 ' $2"),
    apostrophe(`[^${letter}${number}]`, letter, "$1 ' $2"),
    apostrophe(letter, other, "$1 ' $2"),
    apostrophe(letter, letter, "$1 '$2"),
    apostrophe(number, 's', "$1 '$2"), // 1990's
  ],
  left: [
    apostrophe(other, other, "$1 ' $2"),
    apostrophe(other, letter, "$1 ' $2"),
    apostrophe(letter, other, "$1 ' $2"),
    apostrophe(letter, letter, "$1' $2"),
  ],
  inside: [
    apostrophe(other, other, "$1 ' $2"),
    apostrophe(other, letter, "$1 ' $2"),
    apostrophe(letter, other, "$1 ' $2"),
  ],
  alone: [[/'/g, " ' "]],
};

const contractionStyle: Readonly<Record<string, keyof typeof contractions>> = {
  en: 'right',
  fr: 'left',
  it: 'left',
  ga: 'left',
  ca: 'left',
  so: 'inside',
  tdt: 'inside',
};

/** The rules of a language, without the user's choices. */
export function languageRules(language: string): Pick<TokenizerRules, 'separators' | 'apostrophes'> {
  return {
    separators: separators[language] ?? separators.default,
    apostrophes: contractions[contractionStyle[language] ?? 'alone'],
  };
}

const escapes: readonly Rule[] = [
  [/&/g, '&amp;'],
  [/\|/g, '&#124;'],
  [/</g, '&lt;'],
  [/>/g, '&gt;'],
  [/'/g, '&apos;'],
  [/"/g, '&quot;'],
  [/\[/g, '&#91;'],
  [/\]/g, '&#93;'],
];

/** `& | < > ' " [ ]` as character references. */
export function escapeMarks(text: string): string {
  return /[&|<>'"[\]]/.test(text) ? applyRules(text, escapes) : text;
}

/** Puts spaces around punctuation, full stops excepted, which need the words around them. */
export function isolatePunctuation(text: string, rules: TokenizerRules): string {
  text = applyRules(text, rules.separators);
  if (rules.aggressive) text = text.replace(...hyphens);
  text = markMultipleDots(text);
  text = applyRules(text, commas);
  return applyRules(text, rules.apostrophes);
}

function applyRules(text: string, rules: readonly Rule[]): string {
  return rules.reduce((done, [pattern, replacement]) => done.replace(pattern, replacement), text);
}

/** Two or more full stops in a row become one word: DOTMULTI replaces the first, DOTDOTMULTI each further one. */
function markMultipleDots(text: string): string {
  if (!text.includes('..') && !text.includes('DOTMULTI.')) return text;
  text = text.replace(/\.(\.+)/g, ' DOTMULTI$1');
  while (text.includes('DOTMULTI.')) {
    text = text.replace(/DOTMULTI\.([^.])/gs, 'DOTDOTMULTI $1').replaceAll('DOTMULTI.', 'DOTDOTMULTI');
  }
  return text;
}

export function restoreMultipleDots(text: string): string {
  while (text.includes('DOTDOTMULTI')) text = text.replaceAll('DOTDOTMULTI', 'DOTMULTI.');
  return text.replaceAll('DOTMULTI', '.');
}

const anyLetter = new RegExp(letter, 'v');
const lowerFirst = new RegExp(`^${lower}`, 'v');

/** The treatment of a word's final full stop: nothing to separate, separated, kept, or kept before a number. */
export type FullStop = 'none' | 'parts' | 'stays' | 'staysBeforeNumber';

/** The treatment of the full stop of a word that is not the last one; it also stays if a lower-case letter follows. */
export function fullStopOf(word: string, prefixes: NonbreakingPrefixes): FullStop {
  if (word.length < 2 || !word.endsWith('.')) return 'none';
  const stem = word.slice(0, -1);
  if (stem.includes('.') && anyLetter.test(stem)) return 'stays';
  const prefix = prefixes.get(stem);
  return prefix === 'always' ? 'stays' : prefix === 'beforeNumber' ? 'staysBeforeNumber' : 'parts';
}

export function startsLowerCase(word: string): boolean {
  return lowerFirst.test(word);
}

export function startsWithDigit(word: string): boolean {
  return /^[0-9]/.test(word);
}
