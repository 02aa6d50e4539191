import { ownText } from '../ownText.js';

/** One side of a parallel corpus; tokens are words between ASCII spaces. */
export interface SideStats {
  readonly lines: number;
  readonly emptyLines: number;
  readonly tokens: number;
  readonly types: number;
  readonly typeTokenRatio: number;
  /** Types seen once. */
  readonly singletons: number;
  /** Code points other than spaces. */
  readonly characters: number;
  readonly meanTokens: number;
  /** Lengths in tokens that this share of the lines does not exceed. */
  readonly lengthQuantiles: {
    readonly half: number;
    readonly ninetyFive: number;
    readonly ninetyNine: number;
    readonly all: number;
  };
  /** Lines by length: `lengthCounts[k]` lines have k tokens; the last entry has all longer ones. */
  readonly lengthCounts: readonly number[];
  /** Smallest number of types that make up this share of the tokens. */
  readonly typesForCoverage: {
    readonly half: number;
    readonly ninety: number;
    readonly ninetyFive: number;
    readonly ninetyNine: number;
  };
  /** Share of the tokens that the most frequent types make up: those a vocabulary of that size would know. */
  readonly coverage: readonly { readonly types: number; readonly share: number }[];
  readonly mostFrequent: readonly { readonly token: string; readonly count: number }[];
  /**
   * Subword units per word: of tokens that are marked as units, or of words once they are segmented; 1 for whole words.
   */
  readonly fertility: number;
  /** Words that the training text's side lacks; absent for the training text itself. */
  readonly unknown?: UnknownStats;
}

export interface UnknownStats {
  readonly tokens: number;
  readonly types: number;
  /** Share of the tokens. */
  readonly rate: number;
  readonly mostFrequent: readonly { readonly token: string; readonly count: number }[];
}

const longestCounted = 1000;
const numShown = 25;

/** How units are distinguished from words. */
export interface UnitMarks {
  /**
   * Mark of units in the text: at the end of those that the next one continues (`@@`), or `▁` at the start of words.
   */
  readonly joiner: string;
  /** Number of units of a word, for text of whole words. */
  readonly unitsOf?: (word: string) => number;
}

/** Counts the lines of one side. Memory holds the distinct words. */
export class SideCounter {
  readonly counts = new Map<string, number>();
  private tokens = 0;
  private lines = 0;
  private emptyLines = 0;
  private characters = 0;
  private longest = 0;
  private readonly lengthCounts = new Array<number>(longestCounted + 2).fill(0);

  /** Counts a line; gives its number of tokens. */
  add(line: string): number {
    let length = 0;
    for (const token of line.split(' ')) {
      if (token === '') continue;
      length++;
      const count = this.counts.get(token);
      this.counts.set(count === undefined ? ownText(token) : token, (count ?? 0) + 1);
    }
    this.lines++;
    this.tokens += length;
    if (length === 0) this.emptyLines++;
    for (let i = 0; i < line.length; i++) {
      const unit = line.charCodeAt(i);
      if (unit !== 32 && (unit < 0xdc00 || unit > 0xdfff)) this.characters++; // the second half of a surrogate pair is not a separate character
    }
    this.longest = Math.max(this.longest, length);
    this.lengthCounts[Math.min(length, longestCounted + 1)]++;
    return length;
  }

  get numTokens(): number {
    return this.tokens;
  }

  stats(marks: UnitMarks, known?: ReadonlyMap<string, number>): SideStats {
    const byCount = [...this.counts].sort(([, a], [, b]) => b - a);
    const shown = (entries: readonly (readonly [string, number])[]) =>
      entries.slice(0, numShown).map(([token, count]) => ({ token, count }));
    const lengthCounts = this.lengthCounts.slice(0, Math.min(this.longest, longestCounted + 1) + 1);
    const quantile = (share: number): number => {
      let lines = 0;
      const length = lengthCounts.findIndex((count) => (lines += count) >= share * this.lines);
      return length > longestCounted ? this.longest : Math.max(length, 0);
    };
    const unknown = known && byCount.filter(([token]) => !known.has(token));
    const unknownTokens = unknown?.reduce((sum, [, count]) => sum + count, 0) ?? 0;
    return {
      lines: this.lines,
      emptyLines: this.emptyLines,
      tokens: this.tokens,
      types: byCount.length,
      typeTokenRatio: share(byCount.length, this.tokens),
      singletons: byCount.filter(([, count]) => count === 1).length,
      characters: this.characters,
      meanTokens: share(this.tokens, this.lines),
      lengthQuantiles: {
        half: quantile(0.5),
        ninetyFive: quantile(0.95),
        ninetyNine: quantile(0.99),
        all: this.longest,
      },
      lengthCounts,
      ...this.coverage(byCount.map(([, count]) => count)),
      mostFrequent: shown(byCount),
      fertility: this.fertility(marks),
      ...(unknown
        ? {
            unknown: {
              tokens: unknownTokens,
              types: unknown.length,
              rate: share(unknownTokens, this.tokens),
              mostFrequent: shown(unknown),
            },
          }
        : {}),
    };
  }

  private coverage(counts: readonly number[]): Pick<SideStats, 'coverage' | 'typesForCoverage'> {
    const typesFor = { half: 0, ninety: 0, ninetyFive: 0, ninetyNine: 0 };
    const shares = { half: 0.5, ninety: 0.9, ninetyFive: 0.95, ninetyNine: 0.99 };
    const coverage: { types: number; share: number }[] = [];
    let covered = 0;
    let next = 100;
    counts.forEach((count, i) => {
      for (const name of Object.keys(shares) as (keyof typeof shares)[])
        if (covered < shares[name] * this.tokens) typesFor[name] = i + 1;
      covered += count;
      if (i + 1 === next || i + 1 === counts.length) {
        coverage.push({ types: i + 1, share: covered / this.tokens });
        if (i + 1 === next) next *= String(next).startsWith('2') ? 2.5 : 2; // 100, 200, 500, 1000, ...
      }
    });
    return { coverage, typesForCoverage: typesFor };
  }

  private fertility({ joiner, unitsOf }: UnitMarks): number {
    let units = 0;
    let words = 0;
    for (const [token, count] of this.counts) {
      units += count * (unitsOf ? unitsOf(token) : 1);
      if (unitsOf || (joiner === '\u2581' ? token.startsWith(joiner) : joiner === '' || !token.endsWith(joiner)))
        words += count;
    }
    return share(units, words);
  }
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
