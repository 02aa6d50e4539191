import { join } from 'node:path';
import { TextOutput } from '../../storage/textOutput.js';
import { HeldOutText } from '../../text/clean/heldOutText.js';
import { createCleaner, removedLine, type CleanRules } from '../../text/clean/rules.js';
import { cleanRuleNames, type CleanRuleName, type Fault } from '../../text/clean/fault.js';
import { SideLanguages } from '../../text/clean/sideLanguages.js';
import { partFiles, PartWriter, readPart, scratch, type Part, type PartBlock, type TextReport } from './parts.js';
import type { OpenTask } from './openTask.js';
import { pairsOf } from './preprocess.js';
import type { Plain, Stage } from './stage.js';

export type RemovedCounts = Readonly<Partial<Record<CleanRuleName, number>>>;

export interface CleanReport extends TextReport {
  readonly removed: RemovedCounts;
}

/** Rules that look at one pair at a time; duplicates are found by deduplicateStage. */
export type PairRules = Omit<CleanRules, 'duplicates'>;

interface PartsFolder {
  readonly folder: string;
  readonly names: readonly string[];
}

interface CleanSettings {
  readonly rules: PairRules;
  readonly srcLang: string;
  readonly trgLang: string;
  /** Parts of the held-out sets, whose sentences must not be learnt from. */
  readonly heldOut: readonly PartsFolder[];
  /** The corpus itself, from which its two languages are learnt if a rule asks. */
  readonly corpus: PartsFolder;
}

interface CleanJob {
  readonly from: string;
  readonly name: string;
}

/**
 * Removes pairs of the training set by rules. The removed ones stand in NAME.removed: line number, rule, what it found,
 * source, target.
 */
export function cleanStage(
  source: Stage<TextReport>,
  rules: PairRules,
  { srcLang, trgLang }: { srcLang: string; trgLang: string },
  heldOut: readonly Stage<TextReport>[],
): Stage<CleanReport> {
  return {
    name: 'clean.train',
    version: 2,
    settings: { rules: rules as Plain, srcLang, trgLang },
    needs: [source, ...heldOut],
    async run(context) {
      const {
        folder: from,
        report: { parts },
      } = context.result(source);
      const partsOf = (stage: Stage<TextReport>): PartsFolder => {
        const { folder, report } = context.result(stage);
        return { folder, names: report.parts.map(({ name }) => name) };
      };
      const settings: CleanSettings = {
        rules,
        srcLang,
        trgLang,
        heldOut: heldOut.map(partsOf),
        corpus: partsOf(source),
      };
      const done = await context.eachPart<CleanJob, Part & { removed: RemovedCounts }>(
        'clean',
        settings,
        parts.map((part) => ({ from, ...part })),
        pairsOf,
      );
      return {
        pairs: done.reduce((sum, { pairs }) => sum + pairs, 0),
        parts: done.map(({ name, pairs }) => ({ name, pairs })),
        removed: sumCounts(done.map(({ removed }) => removed)),
      };
    },
  };
}

export async function openClean({
  rules,
  srcLang,
  trgLang,
  heldOut,
  corpus,
}: CleanSettings): Promise<OpenTask<CleanJob, Part & { removed: RemovedCounts }>> {
  const text = new HeldOutText();
  for (const parts of heldOut)
    for await (const { src, trg } of readParts(parts)) src.forEach((line, i) => text.add(line, trg[i]));
  const faultOf = createCleaner(rules, {
    srcLang,
    trgLang,
    heldOut: heldOut.length > 0 ? text : undefined,
    languages: rules.wrongLanguage ? await SideLanguages.learn(readParts(corpus)) : undefined,
  });
  return {
    async run({ from, name }, folder) {
      const writer = new PartWriter(folder, name);
      const list = new RemovedList(folder, name);
      try {
        for await (const { src, trg, lines } of readPart(from, name)) {
          src.forEach((line, i) => {
            const fault = faultOf(line, trg[i]);
            if (fault === null) writer.add(line, trg[i], lines[i]);
            else list.add(lines[i], fault, line, trg[i]);
          });
        }
        return { files: [...partFiles(name), list.finish()], report: { ...writer.finish(), removed: list.counts } };
      } catch (error) {
        writer.abandon();
        list.abandon();
        throw error;
      }
    },
  };
}

async function* readParts({ folder, names }: PartsFolder): AsyncGenerator<PartBlock> {
  for (const name of names) yield* readPart(folder, name);
}

/** The pairs that were removed, with the reason, as a file of tab-separated columns, and their counts. */
export class RemovedList {
  readonly counts: Partial<Record<CleanRuleName, number>> = {};
  private readonly fileName: string;
  private readonly output: TextOutput;

  constructor(folder: string, name: string) {
    this.fileName = `${name}.removed`;
    this.output = new TextOutput(join(folder, this.fileName), scratch);
  }

  add(line: number, fault: Fault, src: string, trg: string): void {
    this.counts[fault.rule] = (this.counts[fault.rule] ?? 0) + 1;
    this.output.line(removedLine(line, fault, src, trg));
  }

  finish(): string {
    this.output.finish();
    return this.fileName;
  }

  abandon(): void {
    this.output.abandon();
  }
}

export function sumCounts(parts: readonly RemovedCounts[]): RemovedCounts {
  const sums = cleanRuleNames.map(
    (rule) => [rule, parts.reduce((sum, counts) => sum + (counts[rule] ?? 0), 0)] as const,
  );
  return Object.fromEntries(sums.filter(([, count]) => count > 0)); // in the order of the rules, however the parts were cut
}
