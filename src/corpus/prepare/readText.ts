import { statSync } from 'node:fs';
import { DataError } from '../../errors.js';
import { readLinePairs, withoutLineEnd, type PairFiles } from '../../text/linePairs.js';
import { describeFinding, FindingCollector } from './findings.js';
import type { LineFinding, SplitName } from './manifest.js';
import { PartsWriter, type TextReport } from './parts.js';
import type { Stage } from './stage.js';

export interface ReadReport extends TextReport {
  readonly lines: number;
  readonly invalidUtf8: LineFinding;
  readonly carriageReturn: LineFinding;
}

/**
 * Reads a split of the user's files into parts. Pairs with invalid UTF-8 are left out of the training set; valid and test
 * sets are kept whole, so there they are an error.
 */
export function readStage(split: SplitName, files: PairFiles, pairsPerPart: number): Stage<ReadReport> {
  return {
    name: `read.${split}`,
    version: 2, // 1: with byte order marks and carriage returns
    settings: { pairsPerPart },
    files: { src: files.src, trg: files.trg },
    needs: [],
    async run({ folder, progress }) {
      const writer = new PartsWriter(folder, pairsPerPart);
      const invalidUtf8 = new FindingCollector();
      const carriageReturn = new FindingCollector();
      const totalBytes = statSync(files.src).size + statSync(files.trg).size;
      let lines = 0;
      try {
        for await (const { src, trg, firstLine, bytesRead } of readLinePairs(files, { keepLineEnds: true })) {
          src.forEach((line, i) => {
            const other = trg[i];
            if (line === null || other === null) invalidUtf8.note(firstLine + i);
            else {
              if (line.endsWith('\r') || other.endsWith('\r')) carriageReturn.note(firstLine + i);
              writer.add(withoutLineEnd(line), withoutLineEnd(other), firstLine + i);
            }
          });
          lines += src.length;
          progress(bytesRead, totalBytes, 'bytes');
        }
        if (split !== 'train' && invalidUtf8.count > 0) {
          throw new DataError(
            `${files.src} and ${files.trg}: ${describeFinding(invalidUtf8)} not valid UTF-8. Valid and test sets are kept whole, so convert or mend these lines first.`,
          );
        }
        return { ...writer.finish(), lines, invalidUtf8: invalidUtf8.plain, carriageReturn: carriageReturn.plain };
      } catch (error) {
        writer.abandon();
        throw error;
      }
    },
  };
}
