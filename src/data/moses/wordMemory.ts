import { ownText } from '../ownText.js';
import { partLastQuote, squeeze } from './tokenizeLine.js';
import { escapeMarks, fullStopOf, isolatePunctuation, restoreMultipleDots, startsLowerCase, startsWithDigit, type TokenizerRules } from './tokenizerRules.js';

/** Words remembered with their tokens; at this number the memory starts afresh. */
const maxRemembered = 2 ** 18;
/** Longer ones, such as whole sentences of Chinese, hardly come again. */
const maxRememberedLength = 40;

/** The tokens of a word, with what its neighbours need to know. */
interface WordTokens {
  readonly word: string;
  /** Joined by spaces; a full stop that ends the last token is not yet parted from it. */
  readonly text: string;
  /** The same with that full stop parted; absent where there is none. */
  readonly parted?: string;
  readonly stays: boolean;
  readonly staysBeforeNumber: boolean;
  readonly startsLowerCase: boolean;
  readonly startsWithDigit: boolean;
  /** Holds a placeholder of the script, which it would take for its own. */
  readonly hasPlaceholder: boolean;
}

const lineFeed = 0x0a;
const space = 0x20;
const apostrophe = 0x27;
const comma = 0x2c;

/**
 * Tokenises word by word and remembers each word's tokens, which depend on the words around it in few ways: the full stop
 * at its end on what follows; apostrophes and commas at its ends on whether the line begins or ends there.
 *
 * Words are looked up where they stand in the text, and what no rule changes is copied in stretches: most of the time goes into
 * making strings otherwise.
 */
export class WordMemory {
  private words = new WordTable();
  /** Words at an end of the line whose tokens that matters to, marked by a space at that end. */
  private atEnds = new Map<string, WordTokens>();

  /** What is tokenised so far, and up to where in the text that reaches. */
  private pieces: string[] = [];
  private copied = 0;
  /** UTF-16 units of the text: reading them from an array takes a fraction of the time that it takes from a string. */
  private codes = new Uint16Array(2 ** 8);

  constructor(private readonly rules: TokenizerRules) {}

  /**
   * @param text lines, with line feeds between them
   * @param stepByStep for lines that words alone do not decide: of no words, with white space other than single spaces between
   *   words or with control characters, with neighbouring apostrophes, which share a space, or with placeholders of the script
   */
  tokenize(text: string, stepByStep: (line: string) => string): string {
    this.pieces = [];
    this.copied = 0;
    this.readCodes(text);
    for (let start = 0; start <= text.length; ) {
      const { pieces: { length: numPieces }, copied } = this;
      let end = this.tokenizeLine(text, start);
      if (end < 0) { // what was done of this line is undone
        end = text.indexOf('\n', start);
        if (end < 0) end = text.length;
        this.pieces.length = numPieces;
        this.pieces.push(text.slice(copied, start), stepByStep(text.slice(start, end)));
        this.copied = end;
      }
      start = end + 1;
    }
    return this.copied === 0 ? text : this.pieces.join('') + text.slice(this.copied);
  }

  private readCodes(text: string): void {
    if (this.codes.length < text.length) this.codes = new Uint16Array(2 * text.length);
    Buffer.from(this.codes.buffer).write(text, 'utf16le');
  }

  /** Goes through the line that begins at `start`. @returns where it ends, or -1 if it has to be taken step by step */
  private tokenizeLine(text: string, start: number): number {
    const { codes } = this;
    let before: WordTokens | undefined;
    let beforeStart = 0;
    for (let isFirst = true; ; isFirst = false) {
      let hash = 0;
      let end = start;
      let code = lineFeed;
      for (; end < text.length && (code = codes[end]) > space; end++) {
        if (code >= 0x80 && isWideSpace(code)) return -1;
        hash = (Math.imul(hash, 31) + code) | 0;
      }
      const isLast = end === text.length || code === lineFeed;
      if (end === start || (!isLast && code !== space)) return -1;
      const word = this.wordTokens(text, start, end, hash, isFirst, isLast);
      if (word.hasPlaceholder) return -1;
      if (before !== undefined) {
        if (codes[start] === apostrophe && codes[start - 2] === apostrophe) return -1;
        this.write(text, beforeStart, start - 1, before.word, beforeWord(before, word));
      }
      if (isLast) {
        this.write(text, start, end, word.word, word.parted ?? word.text);
        return end;
      }
      before = word;
      beforeStart = start;
      start = end + 1;
    }
  }

  /** Puts tokens in the place of a word; what stays as it is waits to be copied. */
  private write(text: string, start: number, end: number, word: string, tokens: string): void {
    if (tokens === word) return;
    this.pieces.push(text.slice(this.copied, start), tokens);
    this.copied = end;
  }

  private wordTokens(text: string, start: number, end: number, hash: number, isFirst: boolean, isLast: boolean): WordTokens {
    // which of these stand at an end of the line makes a difference, and no other character can follow or precede them here
    const { codes } = this;
    const firstCode = codes[start];
    const first = isFirst && (firstCode === apostrophe || firstCode === comma);
    const last = isLast && codes[end - 1] === apostrophe;
    if (first || last) return this.endTokens(text.slice(start, end), first, last);
    let tokens = this.words.find(codes, start, end, hash);
    if (tokens === undefined) {
      tokens = this.analyse(ownText(text.slice(start, end)), false, false);
      if (this.words.size >= maxRemembered) this.words = new WordTable();
      if (end - start <= maxRememberedLength) this.words.add(tokens, codes, start, end, hash);
    }
    return tokens;
  }

  private endTokens(word: string, first: boolean, last: boolean): WordTokens {
    const key = `${first ? ' ' : ''}${word}${last ? ' ' : ''}`;
    let tokens = this.atEnds.get(key);
    if (tokens === undefined) {
      tokens = this.analyse(ownText(word), first, last);
      if (this.atEnds.size >= maxRemembered) this.atEnds = new Map();
      if (word.length <= maxRememberedLength) this.atEnds.set(key, tokens);
    }
    return tokens;
  }

  private analyse(word: string, first: boolean, last: boolean): WordTokens {
    const { rules } = this;
    const mark = plainWord.exec(word)?.[1];
    if (mark !== undefined) return plainTokens(word, mark, rules);
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
      word,
      text: finish(inner + lastWord),
      parted: fullStop === 'none' ? undefined : finish(`${inner}${lastWord.slice(0, -1)} .`),
      stays: fullStop === 'stays', staysBeforeNumber: fullStop === 'staysBeforeNumber',
      startsLowerCase: startsLowerCase(words[0]), startsWithDigit: startsWithDigit(words[0]),
      hasPlaceholder: word.includes('DOTMULTI') || word.includes('THISISPROTECTED'),
    };
  }
}

/** Letters alone, up to one mark at the end: most words, and no rule is needed for them. */
const plainWord = /^[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]+([,.]?)$/;

function plainTokens(word: string, mark: string, { prefixes }: TokenizerRules): WordTokens {
  const apart = mark === '' ? word : `${word.slice(0, -1)} ${mark}`;
  const fullStop = fullStopOf(word, prefixes);
  return {
    word, text: mark === ',' ? apart : word, parted: fullStop === 'none' ? undefined : apart,
    stays: fullStop === 'stays', staysBeforeNumber: fullStop === 'staysBeforeNumber',
    startsLowerCase: startsLowerCase(word), startsWithDigit: false, hasPlaceholder: word.includes('DOTMULTI') || word.includes('THISISPROTECTED'),
  };
}

/** A word's text before the next word. */
function beforeWord(word: WordTokens, next: WordTokens): string {
  if (word.parted === undefined || word.stays || next.startsLowerCase || (word.staysBeforeNumber && next.startsWithDigit)) return word.text;
  return word.parted;
}

/** White space as Perl knows it, from U+0080 on. */
function isWideSpace(code: number): boolean {
  return code === 0xa0 || code === 0x85 || (code >= 0x1680 && (code === 0x1680 || (code >= 0x2000 && code <= 0x200a) || code === 0x2028 || code === 0x2029 || code === 0x202f || code === 0x205f || code === 0x3000));
}

/** Words by their UTF-16 units, found without cutting them out of the text. Open addressing, at most half full. */
class WordTable {
  private readonly entries: WordTokens[] = [];
  /** Where the units of each entry begin in `units`; those of the next one follow. */
  private readonly starts: number[] = [0];
  private units = new Uint16Array(2 ** 12);
  /** In twos: the hash of a word, and its place in `entries` plus one. */
  private slots = new Int32Array(2 ** 13);

  get size(): number {
    return this.entries.length;
  }

  find(codes: Uint16Array, start: number, end: number, hash: number): WordTokens | undefined {
    const { slots } = this;
    const mask = slots.length - 2;
    for (let slot = scatter(hash) & mask; slots[slot + 1] !== 0; slot = (slot + 2) & mask) {
      const index = slots[slot + 1] - 1;
      if (slots[slot] === hash && this.isEqual(index, codes, start, end)) return this.entries[index];
    }
    return undefined;
  }

  /** @param tokens of a word that is not there yet */
  add(tokens: WordTokens, codes: Uint16Array, start: number, end: number, hash: number): void {
    const from = this.starts[this.entries.length];
    if (from + end - start > this.units.length) {
      const larger = new Uint16Array(2 * this.units.length + end - start);
      larger.set(this.units);
      this.units = larger;
    }
    this.units.set(codes.subarray(start, end), from);
    this.starts.push(from + end - start);
    this.entries.push(tokens);
    if (4 * this.entries.length > this.slots.length) {
      const before = this.slots;
      this.slots = new Int32Array(2 * before.length);
      for (let slot = 0; slot < before.length; slot += 2) if (before[slot + 1] !== 0) this.place(before[slot], before[slot + 1]);
    }
    this.place(hash, this.entries.length);
  }

  private isEqual(index: number, codes: Uint16Array, start: number, end: number): boolean {
    const { units } = this;
    const from = this.starts[index];
    if (this.starts[index + 1] - from !== end - start) return false;
    for (let i = start, at = from; i < end; i++, at++) if (codes[i] !== units[at]) return false;
    return true;
  }

  private place(hash: number, placePlusOne: number): void {
    const { slots } = this;
    const mask = slots.length - 2;
    let slot = scatter(hash) & mask;
    while (slots[slot + 1] !== 0) slot = (slot + 2) & mask;
    slots[slot] = hash;
    slots[slot + 1] = placePlusOne;
  }
}

/** Spreads a sum of characters over all bits. */
function scatter(hash: number): number {
  const mixed = Math.imul(hash, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
