import { refuseExisting, TextOutput } from '../../storage/textOutput.js';
import { readLinePairs, type PairFiles } from '../linePairs.js';
import { cleanReasons, createCleaner, HeldOutText, type CleanReason, type CleanRules } from './rules.js';

export interface CleanCorpusOptions {
  readonly files: PairFiles;
  readonly out: PairFiles;
  readonly srcLang: string;
  readonly trgLang: string;
  readonly rules: CleanRules;
  /** Validation and test sets whose sentences must not be in the output. */
  readonly heldOut?: readonly PairFiles[];
  /** File for the removed pairs: line number, reason, source, target, separated by tabs. */
  readonly removedFile?: string;
}

export interface CleanReport {
  readonly pairs: number;
  readonly kept: number;
  readonly removed: Readonly<Record<CleanReason, number>>;
}

/**
 * Removes pairs by rules and writes the others, untouched and aligned. Files appear whole or not at all; memory holds
 * hashes where duplicates or leakage are looked for, else only a block of lines.
 *
 * @throws DataError for different line counts or files that cannot be read; ColdstartError code FILE_EXISTS if an output
 *   is there already
 */
export async function cleanCorpus({ files, out, srcLang, trgLang, rules, heldOut = [], removedFile }: CleanCorpusOptions): Promise<CleanReport> {
  const paths = [out.src, out.trg, ...(removedFile ? [removedFile] : [])];
  refuseExisting(paths);
  const outputs = paths.map((path) => new TextOutput(path));
  try {
    const cleaner = createCleaner(rules, { srcLang, trgLang, heldOut: heldOut.length > 0 ? await readHeldOut(heldOut) : undefined });
    const removed = Object.fromEntries(cleanReasons.map((reason) => [reason, 0])) as Record<CleanReason, number>;
    let pairs = 0;
    let kept = 0;
    for await (const block of readLinePairs(files)) {
      block.src.forEach((src, i) => {
        const trg = block.trg[i];
        pairs++;
        const reason = cleaner(src, trg);
        if (reason === null) {
          kept++;
          outputs[0].line(src!);
          outputs[1].line(trg!);
        } else {
          removed[reason]++;
          outputs[2]?.line([block.firstLine + i, reason, src, trg].map((part) => String(part ?? '').replaceAll('\t', ' ')).join('\t'));
        }
      });
    }
    for (const output of outputs) output.finish();
    return { pairs, kept, removed };
  } catch (error) {
    for (const output of outputs) output.abandon();
    throw error;
  }
}

async function readHeldOut(sets: readonly PairFiles[]): Promise<HeldOutText> {
  const text = new HeldOutText();
  for (const files of sets) {
    for await (const { src, trg } of readLinePairs(files)) src.forEach((line, i) => text.add(line ?? '', trg[i] ?? ''));
  }
  return text;
}
