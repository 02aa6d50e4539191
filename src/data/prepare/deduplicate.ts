import { HashSet } from '../clean/hashSet.js';
import type { CleanRuleName, DuplicateKind } from '../clean/rules.js';
import { textHash } from '../clean/textHash.js';
import { RemovedList, sumCounts, type CleanReport, type RemovedCounts } from './clean.js';
import { PartWriter, readPart, type Part, type TextReport } from './parts.js';
import type { Stage } from './stage.js';

const ruleOf: Readonly<Record<DuplicateKind, CleanRuleName>> = { pair: 'duplicatePair', source: 'duplicateSource', target: 'duplicateTarget' };

/**
 * Removes pairs whose pair, source or target was there before. One thread, in order: which of two equal pairs stays depends
 * on all before them. Memory: 16 to 32 bytes per pair and kind.
 */
export function deduplicateStage(source: Stage<TextReport>, kinds: readonly DuplicateKind[]): Stage<CleanReport> {
  return {
    name: 'deduplicate.train', version: 1, settings: { kinds }, needs: [source],
    async run(context) {
      const { folder: from, report } = context.result(source);
      const seen = new Map(kinds.map((kind) => [kind, new HashSet()]));
      const parts: Part[] = [];
      const removed: RemovedCounts[] = [];
      let read = 0;
      for (const { name, pairs } of report.parts) {
        const writer = new PartWriter(context.folder, name);
        const list = new RemovedList(context.folder, name);
        try {
          for await (const { src, trg, lines } of readPart(from, name)) {
            src.forEach((line, i) => {
              const hashes = kinds.map((kind) => textHash(textOf(kind, line.trim(), trg[i].trim())));
              const repeated = kinds.find((kind, k) => seen.get(kind)!.has(hashes[k]));
              if (repeated !== undefined) {
                list.add(lines[i], { rule: ruleOf[repeated], found: `the ${repeated} was there before` }, line, trg[i]);
                return;
              }
              // only now: a pair that one kind removes must not make later pairs duplicates of the other kinds
              kinds.forEach((kind, k) => seen.get(kind)!.add(hashes[k]));
              writer.add(line, trg[i], lines[i]);
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

function textOf(kind: DuplicateKind, src: string, trg: string): string {
  return kind === 'pair' ? `${src}\n${trg}` : kind === 'source' ? src : trg;
}
