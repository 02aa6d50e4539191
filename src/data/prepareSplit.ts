import { DataError } from '../errors.js';
import { readLinePairs, type PairFiles } from './linePairs.js';
import type { LineFinding, SplitReport } from './prepareManifest.js';
import type { Segmenter } from './subwords/segmenter.js';

/** Line numbers listed per finding. */
const firstLinesShown = 5;

/** A pair as tokens, with the lines they came from. */
export interface TokenPair {
  readonly src: readonly string[];
  readonly trg: readonly string[];
  readonly srcLine: string;
  readonly trgLine: string;
}

export interface LengthLimits {
  /** Longest side kept, in tokens without the end mark. Default: no limit. */
  readonly maxLengthTokens?: number;
  /** Pairs with more than this many times as many tokens on one side as on the other are left out. Default: no limit. */
  readonly maxLengthRatio?: number;
}

export interface SplitSource {
  readonly files: PairFiles;
  readonly segmenters: { readonly src: Segmenter; readonly trg: Segmenter };
  /** Limits of the training set; absent for valid and test, where every line is kept so that scores stay comparable. */
  readonly limits?: LengthLimits;
  readonly onProgress?: (lines: number) => void;
}

type Findings = Pick<SplitReport, 'invalidUtf8' | 'emptySide' | 'tooLong' | 'ratio' | 'carriageReturn'>;

/**
 * Reads a split, segments it and hands on the pairs that are kept.
 *
 * @returns the number of lines and what was found in them
 * @throws DataError for different line counts, and in valid and test sets for invalid UTF-8
 */
export async function readSplit(
  { files, segmenters, limits, onProgress }: SplitSource,
  keep: (pair: TokenPair) => void,
): Promise<{ lines: number } & Findings> {
  const found = { invalidUtf8: nothingFound(), emptySide: nothingFound(), tooLong: nothingFound(), ratio: nothingFound(), carriageReturn: nothingFound() };
  const { maxLengthTokens = Infinity, maxLengthRatio = Infinity } = limits ?? {};
  let lines = 0;
  for await (const block of readLinePairs(files)) {
    lines += block.src.length;
    const readable: { line: number; src: string; trg: string }[] = [];
    for (let i = 0; i < block.src.length; i++) {
      const [src, trg, line] = [block.src[i], block.trg[i], block.firstLine + i];
      if (src === null || trg === null) note(found.invalidUtf8, line);
      else readable.push({ line, src, trg });
    }
    const srcTokens = await segmenters.src.segment(readable.map(({ src }) => src));
    const trgTokens = await segmenters.trg.segment(readable.map(({ trg }) => trg));
    readable.forEach(({ line, src, trg }, i) => {
      const [srcLength, trgLength] = [srcTokens[i].length, trgTokens[i].length];
      const shorter = Math.min(srcLength, trgLength);
      const longer = Math.max(srcLength, trgLength);
      const fault = shorter === 0 ? found.emptySide : longer > maxLengthTokens ? found.tooLong : longer > shorter * maxLengthRatio ? found.ratio : null;
      if (fault) note(fault, line);
      if (fault && limits) return;
      if (src.endsWith('\r') || trg.endsWith('\r')) note(found.carriageReturn, line);
      keep({ src: srcTokens[i], trg: trgTokens[i], srcLine: src, trgLine: trg });
    });
    onProgress?.(lines);
  }
  if (!limits && found.invalidUtf8.count > 0) {
    throw new DataError(`${files.src} and ${files.trg}: ${describeFinding(found.invalidUtf8)} not valid UTF-8. Valid and test sets are kept whole, so convert or mend these lines first.`);
  }
  return { lines, ...found };
}

function nothingFound(): { count: number; firstLines: number[] } {
  return { count: 0, firstLines: [] };
}

function note(finding: { count: number; firstLines: number[] }, line: number): void {
  finding.count++;
  if (finding.firstLines.length < firstLinesShown) finding.firstLines.push(line);
}

/** A finding in words, e.g. "7 lines (3, 9, 12, 14, 20, ...)". */
export function describeFinding({ count, firstLines }: LineFinding): string {
  return `${count} ${count === 1 ? 'line' : 'lines'} (${firstLines.join(', ')}${count > firstLines.length ? ', ...' : ''})`;
}
