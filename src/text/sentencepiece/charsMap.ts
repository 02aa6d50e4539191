import { DataError } from '../../errors.js';
import { ByteTrie } from './byteTrie.js';
import type { normalizations } from './options.js';

export type Normalization = (typeof normalizations)[number];

/** Beyond it there are ideographs, tags and private use, which have no decompositions. */
const lastDecomposing = 0x2ffff;

/**
 * The replacement of each character, or sequence that composes with its neighbours.
 *
 * Source: SentencePiece's builder of its maps (Kudo and Richardson 2018, section 3.3). The tables are made from
 * Node.js's own Unicode data, so they know characters that SentencePiece's lack.
 */
export function normalizationRules(name: Normalization): Map<string, string> {
  const rules = new Map<string, string>();
  if (name === 'identity') return rules;
  const fold = name.endsWith('_cf')
    ? (text: string): string => text.normalize('NFKC').toLowerCase().normalize('NFKC')
    : (text: string): string => text.normalize('NFKC');
  /** For each character all characters that decompose to exactly it. */
  const variants = new Map<string, string[]>();
  const decomposed = new Set<string>();
  for (let codePoint = 1; codePoint <= lastDecomposing; codePoint++) {
    if (codePoint >= 0xd800 && codePoint <= 0xdfff) continue;
    const character = String.fromCodePoint(codePoint);
    const composed = fold(character);
    if (composed !== character) rules.set(character, composed);
    const parts = character.normalize('NFKD');
    if (Array.from(parts).length > 1) decomposed.add(parts);
    else if (parts !== character || variants.has(parts))
      variants.set(parts, [...(variants.get(parts) ?? [parts]), ...(parts === character ? [] : [character])]);
  }
  for (const parts of decomposed) {
    const composed = fold(parts);
    if (composed === parts) continue;
    for (const sequence of expand(Array.from(parts), variants))
      if (sequence !== composed) rules.set(sequence, composed);
  }
  if (name.startsWith('nmt')) applyNmtRules(rules);
  return rules;
}

/** Every sequence of variants of these characters. */
function expand(characters: readonly string[], variants: ReadonlyMap<string, readonly string[]>): string[] {
  return characters.reduce(
    (starts, character) =>
      starts.flatMap((start) => (variants.get(character) ?? [character]).map((variant) => start + variant)),
    [''],
  );
}

function applyNmtRules(rules: Map<string, string>): void {
  const dropped = [
    [0x1, 0x8],
    [0xb, 0xb],
    [0xe, 0x1f],
    [0x7f, 0x7f],
    [0x8f, 0x8f],
    [0x9f, 0x9f],
  ];
  for (const [first, last] of dropped)
    for (let codePoint = first; codePoint <= last; codePoint++) rules.set(String.fromCodePoint(codePoint), '');
  const spaces = [
    0x9, 0xa, 0xc, 0xd, 0x1680, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x2581, 0xfeff, 0xfffd,
  ];
  for (const codePoint of spaces) rules.set(String.fromCodePoint(codePoint), ' ');
  rules.delete('\uff5e'); // the full-width tilde stays: Japanese text means it
}

/** The rules in the form that a model file holds, and that normalises text. */
export class CharsMap {
  /** The replacements of graphemes in `replaceGraphemes`. */
  private readonly graphemes = new Map<string, string>();

  private constructor(
    private readonly trie: ByteTrie | undefined,
    private readonly targets: Uint8Array,
  ) {}

  static compile(rules: ReadonlyMap<string, string>): CharsMap {
    if (rules.size === 0) return new CharsMap(undefined, new Uint8Array());
    const positions = new Map<string, number>();
    const targets: Uint8Array[] = [];
    let end = 0;
    for (const target of new Set(rules.values())) {
      const bytes = new TextEncoder().encode(`${target}\0`);
      positions.set(target, end);
      targets.push(bytes);
      end += bytes.length;
    }
    const encoder = new TextEncoder();
    const entries = Array.from(rules, ([from, to]) => [encoder.encode(from), positions.get(to)!] as const);
    return new CharsMap(ByteTrie.build(entries), Buffer.concat(targets));
  }

  /**
   * Rules as a model file holds them; no bytes are no rules.
   * @throws DataError if they are cut short
   */
  static read(bytes: Uint8Array, name: string): CharsMap {
    if (bytes.length === 0) return new CharsMap(undefined, new Uint8Array());
    const trieBytes = bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    if (trieBytes === 0 || trieBytes % 4 !== 0 || trieBytes > bytes.length - 4)
      throw new DataError(`${name}: its rules for characters are cut short. Get the file again, or write it again.`);
    const units = new Uint32Array(new Uint8Array(bytes.subarray(4, 4 + trieBytes)).buffer);
    return new CharsMap(new ByteTrie(units), bytes.slice(4 + trieBytes));
  }

  /** For the model file: the size of the trie in bytes, the trie, the targets, each ended by a zero. */
  toBytes(): Uint8Array {
    if (this.trie === undefined) return new Uint8Array();
    const { units } = this.trie;
    return Buffer.concat([
      new Uint8Array(Uint32Array.of(units.byteLength).buffer),
      new Uint8Array(units.buffer, units.byteOffset, units.byteLength),
      this.targets,
    ]);
  }

  /**
   * A line as SentencePiece sees it: normalised, runs of spaces made one, none at the ends, a space mark for each and
   * one at the start; empty for a line of white space.
   */
  normalize(line: string): string {
    const words = this.replace(line)
      .split(' ')
      .filter((word) => word !== '');
    return words.map((word) => `\u2581${word}`).join('');
  }

  /** A text with every character, or the longest sequence of them, that has a rule replaced. */
  replace(text: string): string {
    const bytes = Buffer.from(text);
    const parts: string[] = [];
    let from = 0; // start of what is copied as it is
    for (let i = 0; i < bytes.length && this.trie;) {
      const { length, value } = this.trie.longestMatch(bytes, i);
      const target = length === 0 ? undefined : this.target(value);
      if (target === undefined) {
        i += lengthOfCharacter(bytes[i]);
        continue;
      }
      parts.push(bytes.toString('utf8', from, i), target);
      i += length;
      from = i;
    }
    parts.push(bytes.toString('utf8', from));
    return parts.join('');
  }

  /**
   * As Hugging Face's tokenizers apply the rules, which differs from SentencePiece: what a reader takes for one
   * character becomes what the shortest rule for its start says, if it has fewer than six bytes and there is one;
   * otherwise each of its code points is replaced separately.
   *
   * Source: tokenizers 0.23, normalizers/precompiled.rs, and spm_precompiled 0.1.
   */
  replaceGraphemes(text: string): string {
    if (this.trie === undefined) return text;
    // without marks and line ends each character is a separate grapheme
    const parts = /^[ -~]*$/.test(text) ? [...text] : Array.from(segmenter.segment(text), ({ segment }) => segment);
    return parts.map((part) => this.graphemeTarget(part)).join('');
  }

  private graphemeTarget(grapheme: string): string {
    const known = this.graphemes.get(grapheme);
    if (known !== undefined) return known;
    const startTarget = (part: string): string | undefined => {
      const { length, value } = this.trie!.longestMatch(Buffer.from(part), 0, true);
      return length === 0 ? undefined : this.target(value);
    };
    const target =
      (Buffer.byteLength(grapheme) < 6 ? startTarget(grapheme) : undefined) ??
      [...grapheme].map((character) => startTarget(character) ?? character).join('');
    if (this.graphemes.size < maxRemembered) this.graphemes.set(grapheme, target);
    return target;
  }

  /** The text at a place of the targets; undefined where the map is damaged. */
  private target(at: number): string | undefined {
    const end = this.targets.indexOf(0, at);
    return end < 0 ? undefined : Buffer.from(this.targets.subarray(at, end)).toString('utf8');
  }
}

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** More graphemes than any natural text has. */
const maxRemembered = 100_000;

function lengthOfCharacter(firstByte: number): number {
  return firstByte < 0x80 ? 1 : firstByte < 0xe0 ? 2 : firstByte < 0xf0 ? 3 : 4;
}
