import { duplicateFault, type DuplicateKind } from '../../text/clean/duplicates.js';
import { RemovedList, sumCounts, type CleanReport, type RemovedCounts } from './clean.js';
import { PartWriter, readPart, type Part, type TextReport } from './parts.js';
import type { Stage } from './stage.js';

/**
 * Removes pairs whose pair, source or target was there before. One thread, in order: which of two equal pairs stays depends
 * on all before them.
 */
export function deduplicateStage(source: Stage<TextReport>, kinds: readonly DuplicateKind[]): Stage<CleanReport> {
  return {
    name: 'deduplicate.train',
    version: 1,
    settings: { kinds },
    needs: [source],
    async run(context) {
      const { folder: from, report } = context.result(source);
      const faultOf = duplicateFault(kinds);
      const parts: Part[] = [];
      const removed: RemovedCounts[] = [];
      let read = 0;
      for (const { name, pairs } of report.parts) {
        const writer = new PartWriter(context.folder, name);
        const list = new RemovedList(context.folder, name);
        try {
          for await (const { src, trg, lines } of readPart(from, name)) {
            src.forEach((line, i) => {
              const fault = faultOf(line, trg[i]);
              if (fault === null) writer.add(line, trg[i], lines[i]);
              else list.add(lines[i], fault, line, trg[i]);
            });
          }
          parts.push(writer.finish());
          list.finish();
        } catch (error) {
          writer.abandon();
          list.abandon();
          throw error;
        }
        removed.push(list.counts);
        context.progress((read += pairs), report.pairs, 'pairs');
      }
      return { pairs: parts.reduce((sum, { pairs }) => sum + pairs, 0), parts, removed: sumCounts(removed) };
    },
  };
}
