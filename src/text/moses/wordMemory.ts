import { hashFactor, WordTable } from '../wordTable.js';
import { partLastQuote, squeeze } from './tokenizeLine.js';
import {
  escapeMarks,
  fullStopOf,
  isolatePunctuation,
  restoreMultipleDots,
  startsLowerCase,
  startsWithDigit,
  type TokenizerRules,
} from './tokenizerRules.js';

/** Words remembered with their tokens; at this number the memory starts afresh. */
const maxRemembered = 2 ** 18;
/** Longer ones, such as whole sentences of Chinese, hardly come again. */
const maxRememberedBytes = 80;

/** The tokens of a word, with the facts that its neighbours depend on. */
interface WordTokens {
  /** UTF-8, joined by spaces; a full stop that ends the last token is not separated. Null: the word is unchanged. */
  readonly text: Uint8Array | null;
  /** The same with that full stop separated; absent without a full stop. */
  readonly parted: Uint8Array | undefined;
  readonly stays: boolean;
  readonly staysBeforeNumber: boolean;
  readonly startsLowerCase: boolean;
  readonly startsWithDigit: boolean;
  /** Contains a placeholder of the script, which the script would mistake for its own. */
  readonly hasPlaceholder: boolean;
}

const lineFeed = 0x0a;
const space = 0x20;
const apostrophe = 0x27;
const comma = 0x2c;
const period = 0x2e;

/**
 * Tokenises word by word and remembers each word's tokens, which depend on the words around it in few ways: the full
 * stop at its end on what follows; apostrophes and commas at its ends on whether the line begins or ends there.
 *
 * Works on UTF-8: looks words up in place, and copies unchanged stretches. Otherwise making and decoding strings would
 * take most of the time, especially for blocks of text with letters beyond Latin-1.
 */
export class WordMemory {
  private words = new WordTable<WordTokens>();
  /** Words whose tokens depend on being at an end of the line, marked by a space at that end. */
  private atEnds = new Map<string, WordTokens>();

  /** The input. */
  private bytes: Buffer = Buffer.alloc(0);
  /** Up to where it is written. */
  private copied = 0;
  /** The output, and its number of bytes. */
  private out: Buffer = Buffer.alloc(2 ** 8);
  private written = 0;

  /**
   * @param stepByStep for lines that words alone do not decide: of no words, with white space other than single spaces
   * between words or with control characters, with neighbouring apostrophes, which share a space, or with placeholders
   * of the script
   */
  constructor(
    private readonly rules: TokenizerRules,
    private readonly stepByStep: (line: string) => string,
  ) {}

  /**
   * @param bytes lines in valid UTF-8, with line feeds between them
   * @returns the same lines tokenised, in memory that the next call reuses
   */
  tokenize(bytes: Buffer): Buffer {
    this.bytes = bytes;
    this.copied = 0;
    this.written = 0;
    for (let start = 0; start <= bytes.length;) {
      const { written, copied } = this;
      let end = this.tokenizeLine(start);
      if (end < 0) {
        // undoes the work on this line
        end = bytes.indexOf(lineFeed, start);
        if (end < 0) end = bytes.length;
        this.written = written;
        this.copied = copied;
        this.write(start, end, Buffer.from(this.stepByStep(bytes.toString('utf8', start, end))));
      }
      start = end + 1;
    }
    this.copyUpTo(bytes.length);
    return this.out.subarray(0, this.written);
  }

  /**
   * Goes through the line that begins at `start`. @returns where it ends, or -1 if it needs the step-by-step tokeniser
   */
  private tokenizeLine(start: number): number {
    const { bytes } = this;
    const { length } = bytes;
    let before: WordTokens | undefined;
    let beforeStart = 0;
    for (let isFirst = true; ; isFirst = false) {
      let counts = 0;
      let end = start;
      let byte = lineFeed;
      for (; end < length && (byte = bytes[end]) > space; end++) counts = (counts + countOf[byte]) | 0;
      const isLast = end === length || byte === lineFeed;
      if (end === start || (!isLast && byte !== space)) return -1;
      const word = this.plainTokens(start, end, counts, isLast) ?? this.wordTokens(start, end, isFirst, isLast);
      if (word === undefined || word.hasPlaceholder) return -1;
      if (before !== undefined) {
        if (bytes[start] === apostrophe && bytes[start - 2] === apostrophe) return -1;
        this.write(beforeStart, start - 1, beforeWord(before, word));
      }
      if (isLast) {
        this.write(start, end, word.parted ?? word.text);
        return end;
      }
      before = word;
      beforeStart = start;
      start = end + 1;
    }
  }

  /** Replaces a word by tokens; unchanged text waits to be copied. */
  private write(start: number, end: number, tokens: Uint8Array | null): void {
    if (tokens === null) return;
    if (tokens === lastApart) {
      this.copyUpTo(end - 1);
      this.reserve(1);
      this.out[this.written++] = space;
      return;
    }
    this.copyUpTo(start);
    this.reserve(tokens.length);
    const { out } = this;
    for (let i = 0, at = this.written; i < tokens.length; i++, at++) out[at] = tokens[i];
    this.written += tokens.length;
    this.copied = end;
  }

  private copyUpTo(end: number): void {
    this.reserve(end - this.copied);
    const { bytes, out } = this;
    if (end - this.copied > 256)
      out.set(bytes.subarray(this.copied, end), this.written); // a call costs more than a few bytes do
    else for (let i = this.copied, at = this.written; i < end; i++, at++) out[at] = bytes[i];
    this.written += end - this.copied;
    this.copied = end;
  }

  private reserve(numBytes: number): void {
    if (this.written + numBytes <= this.out.length) return;
    const larger = Buffer.alloc(2 * (this.written + numBytes));
    larger.set(this.out.subarray(0, this.written));
    this.out = larger;
  }

  /**
   * Whether a word has only Latin-1's letters and at most one mark at the end: true for most words, which need no rule
   * and no memory.
   *
   * @param counts sum of `countOf`
   */
  private plainTokens(start: number, end: number, counts: number, isLast: boolean): WordTokens | undefined {
    const numBytes = end - start;
    if (counts >= 1 << 24 || numBytes > maxRememberedBytes || (counts & 0xff) >= 'DOTMULTI'.length) return undefined; // a placeholder perhaps
    const { bytes } = this;
    const marks = counts >> 8;
    if (marks !== 0) {
      if (numBytes === 1 || (marks !== oneComma && marks !== onePeriod)) return undefined;
      if (bytes[end - 1] !== (marks === oneComma ? comma : period)) return undefined;
      if (marks === onePeriod && !isLast) return undefined; // an abbreviation perhaps
    }
    const startsLowerCase = bytes[start] === 0xc3 ? bytes[start + 1] >= 0x9f : bytes[start] >= 0x61;
    return (marks === 0 ? wholeWord : marks === oneComma ? withComma : withPeriod)[startsLowerCase ? 1 : 0];
  }

  /** Absent where there is white space within. */
  private wordTokens(start: number, end: number, isFirst: boolean, isLast: boolean): WordTokens | undefined {
    const { bytes } = this;
    let hash = 0;
    for (let i = start; i < end; i++) {
      if (bytes[i] >= 0xc2 && isWideSpace(bytes, i)) return undefined;
      hash = (Math.imul(hash, hashFactor) + bytes[i]) | 0;
    }
    // for these the end of the line makes a difference, and no other character can follow or precede them here
    const firstByte = bytes[start];
    const first = isFirst && (firstByte === apostrophe || firstByte === comma);
    const last = isLast && bytes[end - 1] === apostrophe;
    if (first || last) return this.endTokens(bytes.toString('utf8', start, end), first, last);
    let tokens = this.words.find(bytes, start, end, hash);
    if (tokens === undefined) {
      tokens = this.analyse(bytes.toString('utf8', start, end), false, false);
      if (this.words.size >= maxRemembered) this.words = new WordTable<WordTokens>();
      if (end - start <= maxRememberedBytes) this.words.add(tokens, bytes, start, end, hash);
    }
    return tokens;
  }

  private endTokens(word: string, first: boolean, last: boolean): WordTokens {
    const key = `${first ? ' ' : ''}${word}${last ? ' ' : ''}`;
    let tokens = this.atEnds.get(key);
    if (tokens === undefined) {
      tokens = this.analyse(word, first, last);
      if (this.atEnds.size >= maxRemembered) this.atEnds = new Map();
      if (key.length <= maxRememberedBytes) this.atEnds.set(key, tokens);
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
    const inner = words
      .slice(0, -1)
      .map((each, i) => {
        const fullStop = fullStopOf(each, rules.prefixes);
        const next = words[i + 1];
        const stays =
          fullStop === 'stays' || startsLowerCase(next) || (fullStop === 'staysBeforeNumber' && startsWithDigit(next));
        return fullStop === 'none' || stays ? `${each} ` : `${each.slice(0, -1)} . `;
      })
      .join('');
    const fullStop = fullStopOf(lastWord, rules.prefixes);
    return {
      text: changed(word, finish(inner + lastWord)),
      parted: fullStop === 'none' ? undefined : Buffer.from(finish(`${inner}${lastWord.slice(0, -1)} .`)),
      stays: fullStop === 'stays',
      staysBeforeNumber: fullStop === 'staysBeforeNumber',
      startsLowerCase: startsLowerCase(words[0]),
      startsWithDigit: startsWithDigit(words[0]),
      hasPlaceholder: word.includes('DOTMULTI') || word.includes('THISISPROTECTED'),
    };
  }
}

/** Represents the word with a space before its last byte. */
const lastApart = new Uint8Array(0);

const oneComma = 1;
const onePeriod = 1 << 8;

/**
 * What a byte adds to the counts of a word of up to 80 bytes: 1 for each capital, 2^8 for a comma, 2^16 for a full
 * stop, 2^24 for everything except letters of ASCII or Latin-1; of the latter the first byte is 0xc3, and the second of
 * no letter but of the signs of times and division is 0x97 or 0xb7.
 */
const countOf = Int32Array.from({ length: 256 }, (_, byte) => {
  if (byte === comma) return oneComma << 8;
  if (byte === period) return onePeriod << 8;
  if (byte >= 0x41 && byte <= 0x5a) return 1;
  const isLetter =
    (byte >= 0x61 && byte <= 0x7a) || byte === 0xc3 || (byte >= 0x80 && byte <= 0xbf && byte !== 0x97 && byte !== 0xb7);
  return isLetter ? 0 : 1 << 24;
});

/** Tokens of words of letters, of which the first is a capital or a small one, without and with a mark after them. */
const [wholeWord, withComma, withPeriod] = [
  { text: null, parted: undefined },
  { text: lastApart, parted: undefined },
  { text: null, parted: lastApart },
].map((tokens) =>
  [false, true].map((startsLowerCase): WordTokens => ({
    ...tokens,
    stays: false,
    staysBeforeNumber: false,
    startsLowerCase,
    startsWithDigit: false,
    hasPlaceholder: false,
  })),
);

function changed(word: string, text: string): Uint8Array | null {
  return text === word ? null : Buffer.from(text);
}

/** A word's text before the next word. */
function beforeWord(word: WordTokens, next: WordTokens): Uint8Array | null {
  if (
    word.parted === undefined ||
    word.stays ||
    next.startsLowerCase ||
    (word.staysBeforeNumber && next.startsWithDigit)
  )
    return word.text;
  return word.parted;
}

/** White space as Perl knows it, from U+0080 on. */
function isWideSpace(bytes: Uint8Array, at: number): boolean {
  switch (bytes[at]) {
    case 0xc2: // U+0085, U+00A0
      return bytes[at + 1] === 0x85 || bytes[at + 1] === 0xa0;
    case 0xe1: // U+1680
      return bytes[at + 1] === 0x9a && bytes[at + 2] === 0x80;
    case 0xe2: {
      // U+2000 to U+200A, U+2028, U+2029, U+202F; U+205F
      const last = bytes[at + 2];
      if (bytes[at + 1] === 0x80) return last <= 0x8a || last === 0xa8 || last === 0xa9 || last === 0xaf;
      return bytes[at + 1] === 0x81 && last === 0x9f;
    }
    case 0xe3: // U+3000
      return bytes[at + 1] === 0x80 && bytes[at + 2] === 0x80;
    default:
      return false;
  }
}
