import type { Values } from '../../field.js';
import { spaceMark } from '../subwords/pieceDecoder.js';
import type { sentencePieceFields } from './options.js';

/** What may become one piece. */
export type PieceRules = Pick<
  Values<typeof sentencePieceFields>,
  'maxPieceLength' | 'splitByScript' | 'splitByNumber' | 'splitDigits'
>;

/** Kinds of characters that a piece may not mix; `any` fits all. */
const any = 0;
const digit = 1;
const common = 2;

/** Whether characters may be together in a piece. A space mark is allowed only at the start. */
export class PieceChecker {
  private readonly kinds: Int32Array;
  private readonly isSpace: Uint8Array;
  private readonly isDigit: Uint8Array;

  private readonly numbers: ReadonlyMap<string, number>;

  constructor(
    characters: readonly string[],
    private readonly rules: PieceRules,
  ) {
    const scripts = new Map<string, number>();
    const kindOf = (character: string): number => {
      if (character === spaceMark) return any;
      if (/^[0-9]$/.test(character)) return rules.splitByNumber ? digit : any;
      if (!rules.splitByScript) return any;
      const script = scriptNames.find(({ pattern }) => pattern.test(character))?.name;
      if (script === undefined) return common;
      if (!scripts.has(script)) scripts.set(script, 3 + scripts.size);
      return scripts.get(script)!;
    };
    this.numbers = new Map(characters.map((character, i) => [character, i]));
    this.kinds = Int32Array.from(characters, kindOf);
    this.isSpace = Uint8Array.from(characters, (character) => (character === spaceMark ? 1 : 0));
    this.isDigit = Uint8Array.from(characters, (character) => (/^\p{Nd}$/u.test(character) ? 1 : 0));
  }

  /** Whether a text, all of whose characters are known, may be a piece. */
  isPiece(text: string): boolean {
    const symbols = Int32Array.from(Array.from(text), (character) => this.numbers.get(character)!);
    return this.longestPiece(symbols, 0, symbols.length) === symbols.length;
  }

  /** The longest length, at most `limit`, of a piece that starts at `symbols[start]`; 1 at least. */
  longestPiece(symbols: Int32Array, start: number, limit: number): number {
    const first = symbols[start];
    if (first < 0) return 1;
    if (this.rules.splitDigits && this.isDigit[first]) return 1;
    let kind = this.kinds[first];
    let length = 1;
    for (; length < Math.min(limit, this.rules.maxPieceLength); length++) {
      const next = symbols[start + length];
      if (next < 0 || this.isSpace[next] || (this.rules.splitDigits && this.isDigit[next])) break;
      const nextKind = this.kinds[next];
      if (kind !== any && nextKind !== any && kind !== nextKind) break;
      if (kind === any) kind = nextKind;
    }
    return length;
  }
}

/** Scripts whose letters are distinguished; others are one group. */
const scriptNames = [
  ['Latin', 'Latin'],
  ['Greek', 'Greek'],
  ['Cyrillic', 'Cyrillic'],
  ['Han', 'Han'],
  ['Han', 'Hiragana'],
  ['Han', 'Katakana'],
  ['Hangul', 'Hangul'],
  ['Arabic', 'Arabic'],
  ['Hebrew', 'Hebrew'],
  ['Devanagari', 'Devanagari'],
  ['Bengali', 'Bengali'],
  ['Gurmukhi', 'Gurmukhi'],
  ['Gujarati', 'Gujarati'],
  ['Oriya', 'Oriya'],
  ['Tamil', 'Tamil'],
  ['Telugu', 'Telugu'],
  ['Kannada', 'Kannada'],
  ['Malayalam', 'Malayalam'],
  ['Sinhala', 'Sinhala'],
  ['Thai', 'Thai'],
  ['Lao', 'Lao'],
  ['Tibetan', 'Tibetan'],
  ['Myanmar', 'Myanmar'],
  ['Georgian', 'Georgian'],
  ['Ethiopic', 'Ethiopic'],
  ['Khmer', 'Khmer'],
  ['Mongolian', 'Mongolian'],
  ['Armenian', 'Armenian'],
].map(([name, script]) => ({
  name,
  pattern: script === 'Katakana' ? /[\p{Script=Katakana}\u30fc]/u : new RegExp(`\\p{Script=${script}}`, 'u'),
}));
