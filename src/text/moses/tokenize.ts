import { isBlank, isTagLine } from './perlText.js';
import { mapWithinTime } from '../boundedTime.js';
import { createLineTokenizer, type TokenizeOptions } from './lineTokenizer.js';
import { findProtected, padLine } from './tokenizeLine.js';
import { WordMemory } from './wordMemory.js';

/**
 * A function that separates words and punctuation of text; its output equals Moses' tokenizer.perl.
 *
 * @param language two-letter code; chooses the rules for apostrophes and the list of non-breaking prefixes
 * @returns text to text, line by line: a line, or many with line feeds between them, which is faster
 * @throws UsageError if a protected pattern is not a regular expression
 * Source: mosesdecoder, scripts/tokenizer/tokenizer.perl, commit 3445289.
 */
export function createTokenizer(language: string, options: TokenizeOptions = {}): (text: string) => string {
  const { remembered, stepByStep, wholeLine } = tokenizers(language, options);
  if (wholeLine !== undefined) return (text) => mapWithinTime(patternsName, text.split('\n'), wholeLine).join('\n');
  return (text) => {
    if (!text.isWellFormed()) return text.split('\n').map(stepByStep).join('\n'); // a half of a surrogate pair has no UTF-8
    return remembered(Buffer.from(text)).toString();
  };
}

/**
 * Like `createTokenizer`, for text in UTF-8: faster than decoding it, since most words do not change.
 *
 * @returns bytes of valid UTF-8 to bytes; they last until the next call
 */
export function createUtf8Tokenizer(language: string, options: TokenizeOptions = {}): (utf8: Uint8Array) => Uint8Array {
  const { remembered, wholeLine } = tokenizers(language, options);
  if (wholeLine === undefined) return (utf8) => remembered(asBuffer(utf8));
  return (utf8) =>
    Buffer.from(mapWithinTime(patternsName, asBuffer(utf8).toString().split('\n'), wholeLine).join('\n'));
}

/** The same bytes, not a copy. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Their name in messages when a match takes too long. */
const patternsName = 'Matching the protected patterns';

/**
 * Ways to tokenise: many lines by remembered words, a line step by step, and a line where some pass whole or in part.
 */
function tokenizers(language: string, options: TokenizeOptions) {
  const { rules, patterns, skipTags, tokenize: stepByStep } = createLineTokenizer(language, options);
  const memory = new WordMemory(rules, stepByStep);
  const remembered = (utf8: Buffer): Buffer => memory.tokenize(utf8);
  if (patterns.length === 0 && !skipTags) return { remembered, stepByStep };
  const wholeLine = (line: string): string => {
    if (isBlank(line) || (skipTags && isTagLine(line))) return line;
    const padded = padLine(line);
    return findProtected(padded, patterns).length > 0 || !line.isWellFormed()
      ? stepByStep(line)
      : remembered(Buffer.from(line)).toString();
  };
  return { remembered, stepByStep, wholeLine };
}
