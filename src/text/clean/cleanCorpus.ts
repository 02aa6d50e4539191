import { refusePipe } from '../../storage/refusePipe.js';
import { checkOutputs } from '../../storage/checkOutputs.js';
import { finishTogether, TextOutput } from '../../storage/textOutput.js';
import { readLinePairs, type PairFiles } from '../linePairs.js';
import { refuseEmptyFactors, tidyLine } from '../moses/cleanPair.js';
import { lowercase } from '../moses/normalize.js';
import { HeldOutText } from './heldOutText.js';
import { createCleaner, removedLine, type CleanRules } from './rules.js';
import { cleanRuleNames, type CleanRuleName, type Fault } from './fault.js';
import { SideLanguages } from './sideLanguages.js';

/** Rules and outputs of `cleanCorpus`. */
export interface CleanCorpusOptions {
  readonly files: PairFiles;
  readonly out: PairFiles;
  readonly srcLang: string;
  readonly trgLang: string;
  readonly rules: CleanRules;
  /**
   * Write the text, and check it with the rules, in the form of Moses' clean-corpus-n.perl: white space squeezed, `|`
   * deleted unless the first pair has one. Default false: the text does not change.
   */
  readonly tidy?: boolean;
  /** Lower-case the text before the rules and the output. */
  readonly lowercase?: boolean;
  /** Validation and test sets whose sentences must not be in the output. */
  readonly heldOut?: readonly PairFiles[];
  /** File for the removed pairs: line number, rule, what it found, source, target, separated by tabs. */
  readonly removedFile?: string;
  readonly onProgress?: (pairs: number) => void;
  readonly signal?: AbortSignal;
}

export type { CleanRules } from './rules.js';
export type { CleanRuleName } from './fault.js';

/** Pairs read, written and removed by reason. */
export interface CleanReport {
  readonly pairs: number;
  readonly kept: number;
  readonly removed: Readonly<Record<CleanRuleName, number>>;
}

/**
 * Removes pairs by rules and writes the others, aligned, and unchanged except for `tidy`, `lowercase` and Windows line
 * ends. Files appear whole or not at all; memory holds hashes where duplicates or leakage are looked for, else only a
 * block of lines.
 *
 * @throws DataError for different line counts or files that cannot be read; ColdstartError code FILE_EXISTS if an
 * output is there already
 */
export async function cleanCorpus(options: CleanCorpusOptions): Promise<CleanReport> {
  const { files, out, removedFile, signal } = options;
  const paths = [out.src, out.trg, ...(removedFile ? [removedFile] : [])];
  checkOutputs(paths);
  const outputs: TextOutput[] = [];
  try {
    for (const path of paths) outputs.push(new TextOutput(path));
    const [srcOut, trgOut, removedOut] = outputs as [TextOutput, TextOutput, TextOutput?];
    const clean = await pairCleaner(options);
    const removed = Object.fromEntries(cleanRuleNames.map((rule) => [rule, 0])) as Record<CleanRuleName, number>;
    let [pairs, kept] = [0, 0];
    for await (const block of readLinePairs(files)) {
      signal?.throwIfAborted();
      block.src.forEach((src, i) => {
        const trg = block.trg[i];
        const result = clean(src, trg);
        pairs++;
        if ('rule' in result) {
          removed[result.rule]++;
          removedOut?.line(removedLine(block.firstLine + i, result, src, trg));
        } else {
          kept++;
          srcOut.line(result.src);
          trgOut.line(result.trg);
        }
      });
      options.onProgress?.(pairs);
    }
    finishTogether(outputs);
    return { pairs, kept, removed };
  } finally {
    for (const output of outputs) output.abandon();
  }
}

/** The output of a pair, or the fault for which it is removed. */
async function pairCleaner({
  files,
  rules,
  srcLang,
  trgLang,
  tidy = false,
  lowercase: lower,
  heldOut = [],
}: CleanCorpusOptions): Promise<(src: string | null, trg: string | null) => { src: string; trg: string } | Fault> {
  const findFault = createCleaner(rules, {
    srcLang,
    trgLang,
    heldOut: heldOut.length > 0 ? await HeldOutText.read(heldOut) : undefined,
    languages: rules.wrongLanguage ? await learnLanguages(files) : undefined,
  });
  let factored: boolean | undefined;
  return (srcLine, trgLine) => {
    if (srcLine === null || trgLine === null) return findFault(srcLine, trgLine)!;
    let [src, trg] = lower ? [lowercase(srcLine), lowercase(trgLine)] : [srcLine, trgLine];
    if (tidy) {
      factored ??= src.includes('|') || trg.includes('|');
      [src, trg] = [tidyLine(src, factored), tidyLine(trg, factored)];
    }
    const fault = findFault(src, trg);
    if (fault) return fault;
    if (factored) for (const line of [src, trg]) refuseEmptyFactors(line);
    return { src, trg };
  };
}

async function learnLanguages(files: PairFiles): Promise<SideLanguages> {
  refusePipe(files.src, 'source text');
  refusePipe(files.trg, 'target text');
  return SideLanguages.learn(readLinePairs(files));
}
