import { UsageError } from '../../errors.js';
import { checkFields, choices, flag, optionalInteger, optionalReal, orInfinity, type Section } from '../../field.js';
import { withoutTags } from '../moses/cleanPair.js';
import { space } from '../moses/perlText.js';
import { duplicateFault, duplicateKinds, type DuplicateKind } from './duplicates.js';
import type { Fault } from './fault.js';
import type { HeldOutText } from './heldOutText.js';
import { foreignLetters } from './scripts.js';
import type { SideLanguages } from './sideLanguages.js';

/** A line of the list of removed pairs: line number, rule, what it found, source, target. */
export function removedLine(
  lineNumber: number,
  { rule, found }: Fault,
  src: string | null,
  trg: string | null,
): string {
  return [lineNumber, rule, found, src ?? '', trg ?? ''].map((part) => String(part).replaceAll('\t', ' ')).join('\t');
}

/** What configurations and library calls may set of cleaning: bounds, default and help. */
export const cleanFields = {
  minTokens: optionalInteger('Training pairs with a shorter side are removed.', { min: 1, unit: 'words' }),
  maxTokens: optionalInteger('Training pairs with a longer side are removed.', { min: 1, unit: 'words' }),
  maxRatio: optionalReal('Training pairs with a larger length ratio, either way, are removed.', { min: 1 }),
  maxWordLength: optionalInteger('Training pairs with a longer word are removed.', { min: 1, unit: 'characters' }),
  controlCharacters: flag(false, 'Remove training pairs with control, private-use or replacement characters.'),
  sameText: flag(false, 'Remove training pairs of equal sides.'),
  maxRepeatedTokens: optionalInteger('Training pairs with more equal words in a row are removed.', {
    min: 1,
    unit: 'words',
  }),
  minScriptShare: optionalReal("Least share of letters that belong to the language's script.", { min: 0, max: 1 }),
  ignoreXml: flag(false, 'Do not count tags as words.'),
  wrongLanguage: flag(
    false,
    "Remove training pairs with a side in the other side's language; the corpus itself shows the two languages.",
  ),
  duplicates: choices(duplicateKinds, 'Which repetitions are removed from the training set.'),
} as const satisfies Section;

/** The fields of library calls: a limit may be Infinity, none. */
export const cleanCallFields = {
  ...cleanFields,
  maxTokens: orInfinity(cleanFields.maxTokens),
  maxRatio: orInfinity(cleanFields.maxRatio),
  maxWordLength: orInfinity(cleanFields.maxWordLength),
  maxRepeatedTokens: orInfinity(cleanFields.maxRepeatedTokens),
} as const satisfies Section;

/** Rules for removing pairs; an absent rule removes nothing. */
export interface CleanRules {
  /** Fewest and most tokens (words between white space) per side. Default 1 and no limit. */
  readonly minTokens?: number;
  readonly maxTokens?: number;
  /** More than this many times as many tokens on one side as on the other. Default: no limit. */
  readonly maxRatio?: number;
  /** Longest word in characters. Default: no limit. */
  readonly maxWordLength?: number;
  /** Do not count tags such as `<it>` as tokens. */
  readonly ignoreXml?: boolean;
  /** Control characters other than tab, private use and unassigned code points, U+200B, line separators, U+FFFD. */
  readonly controlCharacters?: boolean;
  /** Both sides equal, but for case. */
  readonly sameText?: boolean;
  /** A word, or two to four words, more than this many times in a row. Default: no limit. */
  readonly maxRepeatedTokens?: number;
  /** Fewer than this share of a side's letters belong to its language's script. Default: not checked. */
  readonly minScriptShare?: number;
  /** A side is written in the other side's language, as the corpus itself shows them. */
  readonly wrongLanguage?: boolean;
  /** The pair, its source, or its target occurred before. */
  readonly duplicates?: readonly DuplicateKind[];
}

export type { DuplicateKind } from './duplicates.js';

export interface CleanContext {
  readonly srcLang: string;
  readonly trgLang: string;
  readonly heldOut?: HeldOutText;
  /** Needed for `wrongLanguage`; it has learnt from the corpus. */
  readonly languages?: SideLanguages;
}

type Sides = readonly [src: string, trg: string];
const sideNames = ['source', 'target'] as const;
const longestPhrase = 4;
const spaces = new RegExp(`${space}+`, 'v');

/**
 * A function that applies the rules to one pair at a time; it remembers earlier pairs, for duplicates.
 *
 * @returns the fault for which to remove the pair, or null to keep it
 * @throws UsageError for rules that cannot be used, and for `minScriptShare` with an unknown language
 */
export function createCleaner(
  rules: CleanRules,
  context: CleanContext,
): (src: string | null, trg: string | null) => Fault | null {
  const limits = checkLimits(rules);
  const findLength = lengthFault(limits);
  const findText = textFault(rules, limits, context);
  const findDuplicate = duplicateFault(rules.duplicates ?? []);

  return (src, trg) => {
    if (src === null || trg === null)
      return { rule: 'invalidUtf8', found: `the ${src === null ? 'source' : 'target'} is not valid UTF-8` };
    const sides: Sides = [src, trg];
    const tokens = sides.map((line) => line.split(spaces).filter((token) => token !== ''));
    const counts = rules.ignoreXml
      ? sides.map(
          (line) =>
            withoutTags(line)
              .split(' ')
              .filter((token) => token !== '').length,
        )
      : tokens.map(({ length }) => length);
    const fault = findLength(tokens, counts) ?? findText(sides, tokens);
    if (fault) return fault;
    const leaked = context.heldOut?.sidesOf(src, trg);
    if (leaked && (leaked.source || leaked.target)) {
      return {
        rule: 'leakage',
        found: `${leaked.source && leaked.target ? 'both sides are' : `the ${leaked.source ? 'source' : 'target'} is`} in a held-out set`,
      };
    }
    return findDuplicate(src, trg);
  };
}

type Limits = ReturnType<typeof checkLimits>;

/** The checks of clean-corpus-n.perl, in its order. */
function lengthFault({
  minTokens,
  maxTokens,
  maxRatio,
  maxWordLength,
}: Limits): (tokens: readonly (readonly string[])[], counts: readonly number[]) => Fault | null {
  return (tokens, [src, trg]) => {
    const empty = tokens.findIndex(({ length }) => length === 0);
    if (empty >= 0) return { rule: 'empty', found: `the ${sideNames[empty]} is empty` };
    const lengths = `${src} and ${trg} tokens`;
    if (Math.max(src, trg) > maxTokens) return { rule: 'tooLong', found: `${lengths}, at most ${maxTokens}` };
    if (Math.min(src, trg) < minTokens) return { rule: 'tooShort', found: `${lengths}, at least ${minTokens}` };
    if (src / trg > maxRatio || trg / src > maxRatio)
      return { rule: 'ratio', found: `${lengths}, ratio at most ${maxRatio}` };
    if (maxWordLength !== Infinity) {
      for (const [side, words] of tokens.entries()) {
        const long = words.find(
          (word) =>
            word.length > maxWordLength && word.split('|').some((factor) => Array.from(factor).length > maxWordLength),
        );
        if (long !== undefined)
          return {
            rule: 'longWord',
            found: `the ${sideNames[side]} has a word of ${Array.from(long).length} characters, at most ${maxWordLength}`,
          };
      }
    }
    return null;
  };
}

function textFault(
  rules: CleanRules,
  limits: Limits,
  { srcLang, trgLang, languages }: CleanContext,
): (sides: Sides, tokens: readonly (readonly string[])[]) => Fault | null {
  const foreign = limits.minScriptShare === 0 ? null : [foreignLetters(srcLang), foreignLetters(trgLang)];
  return (sides, tokens) => {
    if (rules.controlCharacters) {
      for (const [side, line] of sides.entries()) {
        const found = controls.exec(line);
        if (found)
          return {
            rule: 'controlCharacters',
            found: `U+${found[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')} in the ${sideNames[side]}`,
          };
      }
    }
    if (rules.sameText && sides[0].trim().toLowerCase() === sides[1].trim().toLowerCase())
      return { rule: 'sameText', found: 'both sides are the same' };
    if (limits.maxRepeatedTokens !== Infinity) {
      for (const [side, words] of tokens.entries()) {
        const repeated = longestRepetition(words);
        if (repeated.times > limits.maxRepeatedTokens)
          return {
            rule: 'repeatedTokens',
            found: `"${repeated.phrase}" ${repeated.times} times in a row in the ${sideNames[side]}`,
          };
      }
    }
    for (const [side, line] of sides.entries()) {
      const share = foreign ? foreign[side](line) : 0;
      if (share > 1 - limits.minScriptShare)
        return {
          rule: 'script',
          found: `${Math.round(100 * share)} % of the ${sideNames[side]}'s letters are of another script`,
        };
    }
    if (rules.wrongLanguage) {
      for (const [side, line] of sides.entries()) {
        if (languages!.isForeign(line, side === 0 ? 'src' : 'trg'))
          return { rule: 'wrongLanguage', found: `the ${sideNames[side]} looks like the other side's language` };
      }
    }
    return null;
  };
}

function checkLimits(rules: CleanRules) {
  checkFields(rules, cleanCallFields, 'corpus.clean.', Object.keys(cleanCallFields));
  const {
    minTokens = 1,
    maxTokens = Infinity,
    maxRatio = Infinity,
    maxWordLength = Infinity,
    maxRepeatedTokens = Infinity,
    minScriptShare = 0,
  } = rules;
  if (minTokens > maxTokens)
    throw new UsageError(`minTokens is ${minTokens} and maxTokens ${maxTokens}: no pair would be left.`);
  return { minTokens, maxTokens, maxRatio, maxWordLength, maxRepeatedTokens, minScriptShare };
}

const controls = /[\0-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028\u2029\ufffd\p{Co}\p{Cn}]/u;

/** The phrase of up to four words with the most repetitions in a row. */
function longestRepetition(words: readonly string[]): { phrase: string; times: number } {
  let best = { phrase: '', times: 1 };
  for (let length = 1; length <= longestPhrase; length++) {
    let equal = 0; // words in a row that equal those `length` before them
    for (let i = length; i < words.length; i++) {
      equal = words[i] === words[i - length] ? equal + 1 : 0;
      const times = Math.floor(equal / length) + 1;
      if (times > best.times) best = { phrase: words.slice(i - length + 1, i + 1).join(' '), times };
    }
  }
  return best;
}
