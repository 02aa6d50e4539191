import { UsageError } from '../../errors.js';
import { ownText } from '../ownText.js';
import { endOfWord, type BpeCodes } from './bpeCodes.js';
import { mergeWithDropout, type BpeDropout } from './bpeDropout.js';
import { userGroups } from '../patternDialect.js';
import { defaultJoiner } from './joiner.js';
import { pythonPattern } from './pythonPattern.js';
import { mapWithinTime } from '../boundedTime.js';

/** Options of `Bpe`, named after those of subword-nmt's apply_bpe. */
export interface BpeOptions {
  /** Marks a unit that the next one continues. Default: `defaultJoiner`. */
  readonly joiner?: string;
  /** Merges that give a unit outside this set are undone (units as subword-nmt's vocabulary files write them). */
  readonly vocabulary?: ReadonlySet<string>;
  /** Regular expressions, as Python writes them, for words and stretches that are kept whole. */
  readonly glossaries?: readonly string[];
}

/** Words remembered with their segmentation; at this number the memory is cleared. */
const maxRemembered = 2 ** 20;

/**
 * Segments text by byte-pair encoding; gives subword-nmt's output for the same codes and options.
 *
 * Source: Sennrich, Haddow and Birch 2016 (P16-1162), conventions of subword-nmt 0.3.9 apply_bpe.
 */
export class Bpe {
  private readonly joiner: string;
  private readonly vocabulary?: ReadonlySet<string>;
  private readonly glossaries: readonly { whole: RegExp; inside: RegExp; each: RegExp }[];
  private readonly isGlossary: readonly RegExp[];
  private remembered = new Map<string, readonly string[]>();

  constructor(
    private readonly codes: BpeCodes,
    { joiner = defaultJoiner, vocabulary, glossaries = [] }: BpeOptions = {},
  ) {
    this.joiner = joiner;
    this.vocabulary = vocabulary?.size === 0 ? undefined : vocabulary; // as subword-nmt: where nothing is frequent enough, nothing is undone
    const patterns = glossaries.map((glossary) => checkedPattern(glossary));
    this.glossaries = patterns.map((pattern) => ({
      whole: new RegExp(`^${pattern}$`, 'svy'),
      inside: new RegExp(pattern, 'sv'),
      each: new RegExp(pattern, 'svg'),
    }));
    this.isGlossary = patterns.map((pattern) => new RegExp(`^(?:${pattern})$`, 'sv'));
  }

  /** The line with words split into units; spaces around the line stay, doubled ones inside do not. */
  segmentLine(line: string, dropout?: BpeDropout): string {
    let start = 0;
    while (start < line.length && isOuterSpace(line[start])) start++;
    let end = line.length;
    while (end > start && isOuterSpace(line[end - 1])) end--;
    return line.slice(0, start) + this.segment(line.slice(start, end), dropout).join(' ') + line.slice(end);
  }

  /** Units of a text whose words are separated by ASCII spaces (all other white space is part of a word). */
  segment(text: string, dropout?: BpeDropout): string[] {
    const units: string[] = [];
    for (const word of text.split(' ')) {
      if (word === '') continue;
      for (const unit of dropout ? this.segmentWord(word, dropout) : this.knownUnits(word)) units.push(unit);
    }
    return units;
  }

  private knownUnits(word: string): readonly string[] {
    let known = this.remembered.get(word);
    if (known === undefined) {
      known = this.segmentWord(word);
      if (this.remembered.size >= maxRemembered) this.remembered = new Map();
      this.remembered.set(ownText(word), known);
    }
    return known;
  }

  private segmentWord(word: string, dropout?: BpeDropout): string[] {
    const units = this.isolateGlossaries(word).flatMap((stretch) => this.encode(stretch, dropout));
    return units.map((unit, index) => (index < units.length - 1 ? unit + this.joiner : unit));
  }

  /** What `segment` or `segmentLine` gives for each line; matching glossary entries is bounded in time. */
  map<T>(lines: readonly string[], segment: (line: string) => T): T[] {
    if (this.glossaries.length === 0) return lines.map(segment);
    return mapWithinTime('Matching the glossary entries', lines, segment);
  }

  /** The word cut at glossary entries, which become separate stretches. */
  private isolateGlossaries(word: string): string[] {
    let stretches = [word];
    for (const { whole, inside, each } of this.glossaries) {
      stretches = stretches.flatMap((stretch) => {
        whole.lastIndex = 0;
        if (whole.test(stretch) || !inside.test(stretch)) return [stretch];
        const parts: (string | undefined)[] = [];
        let end = 0;
        for (const match of stretch.matchAll(each)) {
          parts.push(stretch.slice(end, match.index), match[0], ...userGroups(match));
          end = match.index + match[0].length;
        }
        parts.push(stretch.slice(end).replace(/^\r+|\r+$/g, '')); // as subword-nmt, though elsewhere a carriage return is part of the word
        return parts.filter((part) => part !== undefined && part !== '') as string[];
      });
    }
    return stretches;
  }

  private encode(word: string, dropout?: BpeDropout): string[] {
    if (this.isGlossary.some((pattern) => pattern.test(word))) return [word];
    const characters = Array.from(word);
    if (characters.length === 1) return characters; // like subword-nmt: without merges and vocabulary
    if (this.codes.endOfWordAttached) characters[characters.length - 1] += endOfWord;
    else characters.push(endOfWord);
    const units = dropout
      ? mergeWithDropout(characters, (left, right) => this.codes.ranks.get(`${left} ${right}`), dropout)
      : merge(characters, this.codes.ranks);
    const last = units[units.length - 1];
    if (last === endOfWord) units.pop();
    else if (last.endsWith(endOfWord)) units[units.length - 1] = last.slice(0, -endOfWord.length);
    return this.vocabulary
      ? units.flatMap((unit, index) => this.splitUnknown(unit, index === units.length - 1))
      : units;
  }

  /** Undoes merges until every unit is in the vocabulary or cannot be split further. */
  private splitUnknown(unit: string, final: boolean): string[] {
    const pending: { unit: string; final: boolean }[] = [{ unit, final }];
    const known: string[] = [];
    for (let next = pending.pop(); next; next = pending.pop()) {
      const halves = this.codes.halves.get(next.final ? next.unit + endOfWord : next.unit);
      if (!halves || this.vocabulary!.has(next.final ? next.unit : next.unit + this.joiner)) {
        known.push(next.unit);
        continue;
      }
      const right = next.final ? halves[1].slice(0, -endOfWord.length) : halves[1];
      pending.push({ unit: right, final: next.final }, { unit: halves[0], final: false });
    }
    return known;
  }
}

function isOuterSpace(character: string): boolean {
  return character === ' ' || character === '\r';
}

/**
 * Joins neighbours by the merge of lowest rank, all its occurrences from left to right, until none applies.
 *
 * Ranks of neighbouring pairs are kept in an array next to the units, so that a round costs one pass over numbers.
 */
function merge(units: string[], mergeRanks: ReadonlyMap<string, number>): string[] {
  const rankOf = (left: string, right: string): number => mergeRanks.get(`${left} ${right}`) ?? Infinity;
  let ranks: number[] = [];
  for (let i = 0; i + 1 < units.length; i++) ranks.push(rankOf(units[i], units[i + 1]));
  while (units.length > 1) {
    let best = Infinity;
    for (const rank of ranks) if (rank < best) best = rank;
    if (best === Infinity) break;
    const merged: string[] = [];
    for (let i = 0; i < units.length; i++) {
      if (ranks[i] === best) {
        merged.push(units[i] + units[i + 1]);
        i++; // the right half is used up: in x x x only the first two merge
      } else {
        merged.push(units[i]);
      }
    }
    const mergedRanks: number[] = [];
    for (let i = 0, at = 0; i + 1 < merged.length; i++) {
      // a pair whose two units were not touched keeps its rank
      const untouched = merged[i] === units[at] && merged[i + 1] === units[at + 1];
      mergedRanks.push(untouched ? ranks[at] : rankOf(merged[i], merged[i + 1]));
      at += merged[i] === units[at] ? 1 : 2;
    }
    units = merged;
    ranks = mergedRanks;
  }
  return units;
}

/** @throws UsageError for what is not a regular expression */
function checkedPattern(glossary: string): string {
  try {
    const pattern = pythonPattern(glossary);
    new RegExp(pattern, 'v');
    return pattern;
  } catch (cause) {
    throw new UsageError(
      `glossary entry ${JSON.stringify(glossary)} is not a regular expression: ${(cause as Error).message.replace(/^Invalid regular expression: .*: /s, '')}. Put a backslash before characters such as . * + ? ( ) [ ] { } |.`,
      { cause },
    );
  }
}

/** White space as Python's rstrip sees it: with the separators U+001C-U+001F and U+0085, without U+FEFF. */
const pythonSpace = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/**
 * Text without joiners: deletes every joiner followed by a space, also at the end of the line.
 *
 * @param line units separated by single spaces
 */
export function removeJoiner(line: string, joiner = defaultJoiner): string {
  const joined = `${line} `.replaceAll(`${joiner} `, '');
  let end = joined.length;
  while (end > 0 && pythonSpace.test(joined[end - 1])) end--;
  return joined.slice(0, end);
}
