import { UsageError } from '../../errors.js';
import { textHash } from './textHash.js';

/** Why a pair is removed, in the order the rules are asked; a pair counts for the first that finds fault. */
export const cleanReasons = [
  'invalidUtf8', 'empty', 'tooShort', 'tooLong', 'ratio', 'longWord', 'controlCharacters', 'sameText', 'repeatedTokens', 'script', 'leakage',
  'duplicatePair', 'duplicateSource', 'duplicateTarget',
] as const;
export type CleanReason = (typeof cleanReasons)[number];

export interface CleanRules {
  /** Fewest and most tokens (words between ASCII spaces) per side. Default 1 and no limit. */
  readonly minTokens?: number;
  readonly maxTokens?: number;
  /** More than this many times as many tokens on one side as on the other. Default: no limit. */
  readonly maxRatio?: number;
  /** Longest word in characters. Default: no limit. */
  readonly maxWordLength?: number;
  /** Control characters other than tab, private use and unassigned code points, U+FFFD. */
  readonly controlCharacters?: boolean;
  /** Both sides equal, but for case. */
  readonly sameText?: boolean;
  /** More than this many equal tokens in a row. Default: no limit. */
  readonly maxRepeatedTokens?: number;
  /** Fewer than this share of a side's letters belong to its language's script. Default: not checked. */
  readonly minScriptShare?: number;
  /** The pair, its source, or its target was there before. */
  readonly duplicates?: readonly ('pair' | 'source' | 'target')[];
}

/** Scripts of languages that are not written in Latin letters. */
const scripts: Readonly<Record<string, string>> = {
  ru: '\\p{Script=Cyrillic}', uk: '\\p{Script=Cyrillic}', bg: '\\p{Script=Cyrillic}', be: '\\p{Script=Cyrillic}', mk: '\\p{Script=Cyrillic}',
  sr: '\\p{Script=Cyrillic}\\p{Script=Latin}', el: '\\p{Script=Greek}', he: '\\p{Script=Hebrew}', ar: '\\p{Script=Arabic}', fa: '\\p{Script=Arabic}',
  hi: '\\p{Script=Devanagari}', th: '\\p{Script=Thai}', ka: '\\p{Script=Georgian}', hy: '\\p{Script=Armenian}', zh: '\\p{Script=Han}',
  ja: '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}', ko: '\\p{Script=Hangul}\\p{Script=Han}',
};

/** Sentences that must not be learnt from: those of the validation and test sets. */
export class HeldOutText {
  private readonly sources = new Set<number>();
  private readonly targets = new Set<number>();

  add(src: string, trg: string): void {
    this.sources.add(textHash(src.trim()));
    this.targets.add(textHash(trg.trim()));
  }

  /** Whether either side stands in the held-out text. */
  has(src: string, trg: string): boolean {
    return this.sources.has(textHash(src.trim())) || this.targets.has(textHash(trg.trim()));
  }
}

export interface CleanContext {
  readonly srcLang: string;
  readonly trgLang: string;
  readonly heldOut?: HeldOutText;
}

/**
 * A function that asks the rules about one pair after the other; it remembers what it has seen, for duplicates.
 *
 * @returns the reason to remove the pair, or null to keep it
 * @throws UsageError for limits that are not positive numbers
 */
export function createCleaner(rules: CleanRules, context: CleanContext): (src: string | null, trg: string | null) => CleanReason | null {
  const limits = checkLimits(rules);
  const longWord = new RegExp(`[^ ]{${limits.maxWordLength === Infinity ? 1 : limits.maxWordLength + 1}}`, 'u');
  const foreign = { src: foreignLetters(context.srcLang), trg: foreignLetters(context.trgLang) };
  const duplicates = (rules.duplicates ?? []).map((kind) => ({ kind, seen: new Set<number>() }));

  return (src, trg) => {
    if (src === null || trg === null) return 'invalidUtf8';
    const [srcTokens, trgTokens] = [src, trg].map((line) => line.split(' ').filter((token) => token.trim() !== ''));
    const [shorter, longer] = [Math.min(srcTokens.length, trgTokens.length), Math.max(srcTokens.length, trgTokens.length)];
    if (shorter === 0) return 'empty';
    if (shorter < limits.minTokens) return 'tooShort';
    if (longer > limits.maxTokens) return 'tooLong';
    if (longer > shorter * limits.maxRatio) return 'ratio';
    if (limits.maxWordLength !== Infinity && (longWord.test(src) || longWord.test(trg))) return 'longWord';
    if (rules.controlCharacters && (hasControls(src) || hasControls(trg))) return 'controlCharacters';
    if (rules.sameText && src.trim().toLowerCase() === trg.trim().toLowerCase()) return 'sameText';
    if (longestRun(srcTokens) > limits.maxRepeatedTokens || longestRun(trgTokens) > limits.maxRepeatedTokens) return 'repeatedTokens';
    if (foreign.src(src) > 1 - limits.minScriptShare || foreign.trg(trg) > 1 - limits.minScriptShare) return 'script';
    if (context.heldOut?.has(src, trg)) return 'leakage';
    for (const { kind, seen } of duplicates) {
      const hash = textHash(kind === 'pair' ? `${src.trim()}\n${trg.trim()}` : kind === 'source' ? src.trim() : trg.trim());
      if (seen.has(hash)) return kind === 'pair' ? 'duplicatePair' : kind === 'source' ? 'duplicateSource' : 'duplicateTarget';
    }
    // only now: a pair that one kind removes must not make later pairs duplicates of the other kinds
    for (const { kind, seen } of duplicates) seen.add(textHash(kind === 'pair' ? `${src.trim()}\n${trg.trim()}` : kind === 'source' ? src.trim() : trg.trim()));
    return null;
  };
}

function checkLimits({ minTokens = 1, maxTokens = Infinity, maxRatio = Infinity, maxWordLength = Infinity, maxRepeatedTokens = Infinity, minScriptShare = 0 }: CleanRules) {
  const limits = { minTokens, maxTokens, maxRatio, maxWordLength, maxRepeatedTokens, minScriptShare };
  for (const [name, value] of Object.entries(limits)) {
    const whole = name !== 'maxRatio' && name !== 'minScriptShare' && value !== Infinity;
    if (!(value >= (name === 'minScriptShare' ? 0 : 1)) || (whole && !Number.isInteger(value)) || (name === 'minScriptShare' && value > 1)) {
      throw new UsageError(`${name} is ${value}, expected ${name === 'minScriptShare' ? 'a share from 0 to 1' : whole ? 'a positive integer' : 'a number of at least 1'}.`);
    }
  }
  return limits;
}

function hasControls(line: string): boolean {
  return /[\0-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028\u2029\ufffd\p{Co}\p{Cn}]/u.test(line);
}

function longestRun(tokens: readonly string[]): number {
  let longest = 1;
  let run = 1;
  for (let i = 1; i < tokens.length; i++) {
    run = tokens[i] === tokens[i - 1] ? run + 1 : 1;
    longest = Math.max(longest, run);
  }
  return longest;
}

/** The share of a line's letters that are not of the language's script; 0 without letters. */
function foreignLetters(language: string): (line: string) => number {
  const own = new RegExp(`[${scripts[language] ?? '\\p{Script=Latin}'}]`, 'u');
  return (line) => {
    const letters = line.match(/\p{L}/gu) ?? [];
    return letters.length === 0 ? 0 : letters.filter((letter) => !own.test(letter)).length / letters.length;
  };
}
