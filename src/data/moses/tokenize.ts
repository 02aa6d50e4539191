import { ownText } from '../ownText.js';
import { nonbreakingPrefixes, type NonbreakingPrefixes } from './nonbreakingPrefixes.js';
import { perlPattern } from './perlPattern.js';
import { isBlank, isTagLine } from './perlText.js';
import { findProtected, padLine, partLastQuote, squeeze, tokenizeLine } from './tokenizeLine.js';
import { escapeMarks, fullStopOf, isolatePunctuation, languageRules, restoreMultipleDots, startsLowerCase, startsWithDigit, type TokenizerRules } from './tokenizerRules.js';

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

/** Words remembered with their tokens; at this number the memory starts afresh. */
const maxRemembered = 2 ** 18;
/** Longer ones, such as whole sentences of Chinese, hardly come again. */
const maxRememberedLength = 40;

/** White space other than single spaces between words, and control characters. */
const untidy = /[\0-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]| {2}|^ | $/;

/**
 * A function that separates words and punctuation of a line; its output equals Moses' tokenizer.perl.
 *
 * @param language two-letter code; chooses the rules for apostrophes and the list of non-breaking prefixes
 * @returns lines to lines, without line feeds
 * @throws UsageError if a protected pattern is not a regular expression
 * Source: mosesdecoder, scripts/tokenizer/tokenizer.perl, commit 3445289.
 */
export function createTokenizer(language: string, options: TokenizeOptions = {}): (line: string) => string {
  const { aggressive = false, escape = true, skipTags = false, prefixes = nonbreakingPrefixes(language) } = options;
  const patterns = (options.protectedPatterns ?? []).map((pattern) => perlPattern(pattern, 'protected pattern'));
  const rules: TokenizerRules = { ...languageRules(language), aggressive, escape, prefixes };
  const memory = new WordMemory(rules);

  return (line) => {
    if (isBlank(line) || (skipTags && isTagLine(line))) return line;
    const isUntidy = untidy.test(line);
    if (patterns.length === 0 && !isUntidy && !dependsOnNeighbours(line)) return memory.tokenize(line);
    const padded = isUntidy ? padLine(line) : ` ${line} `;
    const kept = findProtected(padded, patterns);
    return kept.length > 0 || dependsOnNeighbours(padded) ? tokenizeLine(padded, rules, kept) : memory.tokenize(squeeze(padded));
  };
}

/** Whether a word's tokens may depend on more than the word: neighbouring apostrophes share a space, and there are placeholders of the script. */
function dependsOnNeighbours(text: string): boolean {
  return text.includes("' '") || text.includes('DOTMULTI') || text.includes('THISISPROTECTED');
}

/** The tokens of a word, with what its neighbours need to know. */
interface WordTokens {
  /** Joined by spaces; a full stop that ends the last token is not yet parted from it. */
  readonly text: string;
  /** The same with that full stop parted; absent where there is none. */
  readonly parted?: string;
  readonly stays: boolean;
  readonly staysBeforeNumber: boolean;
  readonly startsLowerCase: boolean;
  readonly startsWithDigit: boolean;
}

/**
 * Tokenises word by word and remembers each word's tokens, which depend on the words around it in few ways: the full stop
 * at its end on what follows; apostrophes and commas at its ends on whether the line begins or ends there.
 */
class WordMemory {
  private remembered = new Map<string, WordTokens>();

  constructor(private readonly rules: TokenizerRules) {}

  /** @param text words between single spaces */
  tokenize(text: string): string {
    let tokenized = '';
    let before: WordTokens | undefined;
    for (let start = 0; start < text.length; ) {
      const space = text.indexOf(' ', start);
      const end = space < 0 ? text.length : space;
      const word = this.wordTokens(text.slice(start, end), start === 0, end === text.length);
      if (before !== undefined) tokenized += `${beforeWord(before, word)} `;
      before = word;
      start = end + 1;
    }
    return before === undefined ? '' : tokenized + (before.parted ?? before.text);
  }

  private wordTokens(word: string, isFirst: boolean, isLast: boolean): WordTokens {
    // which of these stand at an end of the line makes a difference, and no other character can follow or precede them here
    const first = isFirst && (word[0] === "'" || word[0] === ',');
    const last = isLast && word[word.length - 1] === "'";
    const key = first || last ? `${first ? ' ' : ''}${word}${last ? ' ' : ''}` : word;
    let tokens = this.remembered.get(key);
    if (tokens === undefined) {
      tokens = this.analyse(word, first, last);
      if (this.remembered.size >= maxRemembered) this.remembered = new Map();
      if (word.length <= maxRememberedLength) this.remembered.set(ownText(key), tokens);
    }
    return tokens;
  }

  private analyse(word: string, first: boolean, last: boolean): WordTokens {
    const { rules } = this;
    const words = squeeze(isolatePunctuation((first ? '' : ' ') + word + (last ? '' : ' '), rules)).split(' ');
    const finish = (text: string): string => {
      const restored = restoreMultipleDots(last ? partLastQuote(text) : text);
      return rules.escape ? escapeMarks(restored) : restored;
    };
    const lastWord = words[words.length - 1];
    // the full stops before the last one have what follows them here
    const inner = words.slice(0, -1).map((each, i) => {
      const fullStop = fullStopOf(each, rules.prefixes);
      const next = words[i + 1];
      const stays = fullStop === 'stays' || startsLowerCase(next) || (fullStop === 'staysBeforeNumber' && startsWithDigit(next));
      return fullStop === 'none' || stays ? `${each} ` : `${each.slice(0, -1)} . `;
    }).join('');
    const fullStop = fullStopOf(lastWord, rules.prefixes);
    return {
      text: finish(inner + lastWord),
      ...(fullStop === 'none' ? {} : { parted: finish(`${inner}${lastWord.slice(0, -1)} .`) }),
      stays: fullStop === 'stays', staysBeforeNumber: fullStop === 'staysBeforeNumber',
      startsLowerCase: startsLowerCase(words[0]), startsWithDigit: startsWithDigit(words[0]),
    };
  }
}

/** A word's text before the next word. */
function beforeWord(word: WordTokens, next: WordTokens): string {
  if (word.parted === undefined || word.stays || next.startsLowerCase || (word.staysBeforeNumber && next.startsWithDigit)) return word.text;
  return word.parted;
}
