import { nonbreakingPrefixes, type NonbreakingPrefixes } from './nonbreakingPrefixes.js';
import { perlPattern } from './perlPattern.js';
import { isBlank, isTagLine } from './perlText.js';
import { findProtected, padLine, tokenizeLine } from './tokenizeLine.js';
import { languageRules, type TokenizerRules } from './tokenizerRules.js';
import { WordMemory } from './wordMemory.js';

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

/**
 * A function that separates words and punctuation of text; its output equals Moses' tokenizer.perl.
 *
 * @param language two-letter code; chooses the rules for apostrophes and the list of non-breaking prefixes
 * @returns text to text, line by line: a line, or many with line feeds between them, which is faster
 * @throws UsageError if a protected pattern is not a regular expression
 * Source: mosesdecoder, scripts/tokenizer/tokenizer.perl, commit 3445289.
 */
export function createTokenizer(language: string, options: TokenizeOptions = {}): (text: string) => string {
  const { aggressive = false, escape = true, skipTags = false, prefixes = nonbreakingPrefixes(language) } = options;
  const patterns = (options.protectedPatterns ?? []).map((pattern) => perlPattern(pattern, 'protected pattern'));
  const rules: TokenizerRules = { ...languageRules(language), aggressive, escape, prefixes };
  const memory = new WordMemory(rules);

  const stepByStep = (line: string): string => {
    if (isBlank(line) || (skipTags && isTagLine(line))) return line;
    const padded = padLine(line);
    return tokenizeLine(padded, rules, findProtected(padded, patterns));
  };
  if (patterns.length === 0 && !skipTags) return (text) => memory.tokenize(text, stepByStep);
  const wholeLine = (line: string): string => {
    if (isBlank(line) || (skipTags && isTagLine(line))) return line;
    const padded = padLine(line);
    return findProtected(padded, patterns).length > 0 ? stepByStep(line) : memory.tokenize(line, stepByStep);
  };
  return (text) => text.split('\n').map(wholeLine).join('\n');
}
