import { completed, flag, texts, type Section } from '../../field.js';
import { nonbreakingPrefixes, type NonbreakingPrefixes } from './nonbreakingPrefixes.js';
import { perlPattern } from './perlPattern.js';
import { isBlank, isTagLine } from './perlText.js';
import { findProtected, padLine, tokenizeLine } from './tokenizeLine.js';
import { languageRules, type TokenizerRules } from './tokenizerRules.js';

/** What configurations may set of tokenising: default and help. */
export const tokenizeSettings = {
  aggressive: flag(false, 'Split hyphens (-a).'),
  escape: flag(true, 'Write & | < > \' " [ ] as character references; false: -no-escape.'),
  protectedPatterns: texts('Regular expressions of stretches kept whole (-protected).'),
} as const satisfies Section;

/** The fields of `createTokenizer`'s options. */
export const tokenizeFields = {
  ...tokenizeSettings,
  skipTags: flag(false, 'Pass lines through that are one tag (-x).'),
} as const satisfies Section;

/** Options of `createTokenizer`, named after those of tokenizer.perl. */
export interface TokenizeOptions {
  /** Split hyphens between letters or digits: `a-b` becomes `a @-@ b` (-a). Default false. */
  readonly aggressive?: boolean;
  /** Write `& | < > ' " [ ]` as character references. Default true; Moses' -no-escape is false. */
  readonly escape?: boolean;
  /** Regular expressions of stretches that are kept whole (-protected), as Perl writes them. */
  readonly protectedPatterns?: readonly string[];
  /** Pass lines through that are one tag, `<...>` (-x). Default false. */
  readonly skipTags?: boolean;
  /** Words that a full stop does not end. Default: the project's own list for the language. */
  readonly prefixes?: NonbreakingPrefixes;
}

/** Tokenises a line at a time, as Moses' tokenizer.perl. */
export interface LineTokenizer {
  readonly rules: TokenizerRules;
  /** Of stretches that are kept whole. */
  readonly patterns: readonly RegExp[];
  readonly skipTags: boolean;
  /** @param line without line feeds */
  tokenize(line: string): string;
}

/**
 * The rules step by step, without a memory of words or a limit of time for patterns: for browsers, and for lines that
 * `createTokenizer` cannot look up.
 *
 * @param language two-letter code
 * @throws UsageError if a protected pattern is not a regular expression
 */
export function createLineTokenizer(language: string, options: TokenizeOptions = {}): LineTokenizer {
  const { aggressive, escape, skipTags, protectedPatterns } = completed(options, tokenizeFields);
  const { prefixes = nonbreakingPrefixes(language) } = options;
  const patterns = protectedPatterns.map((pattern) => perlPattern(pattern, 'protected pattern'));
  const rules: TokenizerRules = { ...languageRules(language), aggressive, escape, prefixes };
  return {
    rules,
    patterns,
    skipTags,
    tokenize(line) {
      if (isBlank(line) || (skipTags && isTagLine(line))) return line;
      const padded = padLine(line);
      return tokenizeLine(padded, rules, findProtected(padded, patterns));
    },
  };
}
