import { join } from 'node:path';
import { TextOutput } from '../../storage/textOutput.js';
import { cleanRuleNames, type CleanRuleName, type Fault } from '../../text/clean/fault.js';
import { removedLine } from '../../text/clean/rules.js';
import { scratch } from './parts.js';

export type RemovedCounts = Readonly<Partial<Record<CleanRuleName, number>>>;

/** The removed pairs of a part with reasons, as NAME.removed in tab-separated columns, and their counts. */
export class RemovedList {
  readonly counts: Partial<Record<CleanRuleName, number>> = {};
  readonly fileName: string;
  private readonly output: TextOutput;

  constructor(folder: string, name: string) {
    this.fileName = `${name}.removed`;
    this.output = new TextOutput(join(folder, this.fileName), scratch);
  }

  add(line: number, fault: Fault, src: string, trg: string): void {
    this.counts[fault.rule] = (this.counts[fault.rule] ?? 0) + 1;
    this.output.line(removedLine(line, fault, src, trg));
  }

  finish(): void {
    this.output.finish();
  }

  abandon(): void {
    this.output.abandon();
  }
}

export function sumCounts(parts: readonly RemovedCounts[]): RemovedCounts {
  const sums = cleanRuleNames.map(
    (rule) => [rule, parts.reduce((sum, counts) => sum + (counts[rule] ?? 0), 0)] as const,
  );
  return Object.fromEntries(sums.filter(([, count]) => count > 0)); // in the order of the rules, independent of the cut into parts
}
