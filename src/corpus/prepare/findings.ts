import type { LineFinding } from './manifest.js';

/** Line numbers listed per finding. */
const firstLinesShown = 5;

/** Collects one kind of finding. */
export class FindingCollector implements LineFinding {
  count = 0;
  readonly firstLines: number[] = [];

  note(line: number): void {
    this.count++;
    if (this.firstLines.length < firstLinesShown) this.firstLines.push(line);
  }

  /** The findings as plain data. */
  get plain(): LineFinding {
    return { count: this.count, firstLines: this.firstLines };
  }
}

export const noFinding: LineFinding = { count: 0, firstLines: [] };

/** Findings of consecutive parts, merged. */
export function joinFindings(findings: readonly LineFinding[]): LineFinding {
  return {
    count: findings.reduce((sum, { count }) => sum + count, 0),
    firstLines: findings.flatMap(({ firstLines }) => firstLines).slice(0, firstLinesShown),
  };
}

/** A finding in words, e.g. "7 lines (3, 9, 12, 14, 20, ...)". */
export function describeFinding({ count, firstLines }: LineFinding): string {
  return `${count} ${count === 1 ? 'line' : 'lines'} (${firstLines.join(', ')}${count > firstLines.length ? ', ...' : ''})`;
}
