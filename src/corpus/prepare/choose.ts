import { join } from 'node:path';
import { DataError } from '../../errors.js';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { repeatedHashes, type DuplicateKind } from '../../text/clean/duplicates.js';
import type { Fault } from '../../text/clean/fault.js';
import { fates, fatesFile, pairsOf, readPart, scratch, type ChosenParts, type Part, type PartSource } from './parts.js';
import { RemovedList, sumCounts, type RemovedCounts } from './removed.js';
import type { Stage } from './stage.js';
import { readHashes, type WordsReport } from './words.js';

export interface ChooseReport {
  readonly chosen: ChosenParts;
  readonly removed: RemovedCounts;
}

/**
 * Decides the fate of each pair of the training set: removed if the pair, source or target occurred before; validation
 * if it is the nth, 2nth, 3nth and so on of the remaining pairs. Runs in order on one thread, since a fate depends on
 * all earlier pairs; reads only hashes.
 *
 * Source: fairseq's prepare-iwslt14.sh, awk's `NR % 23 == 0` on the cleaned text.
 *
 * @param every undefined: there is no validation set to hold out
 */
export function chooseStage(
  words: Stage<WordsReport>,
  kinds: readonly DuplicateKind[],
  every: number | undefined,
): Stage<ChooseReport> {
  return {
    name: 'choose.train',
    version: 1,
    settings: { kinds, every },
    needs: [words],
    async run({ folder, progress, result }) {
      const { folder: from, report } = result(words);
      const faultOf = repeatedHashes(kinds);
      const chosen: Record<'train' | 'valid', Part[]> = { train: [], valid: [] };
      const removed: RemovedCounts[] = [];
      let [read, position] = [0, 0];
      for (const { name, pairs } of report.parts) {
        const hashes = kinds.length > 0 ? readHashes(from, name) : undefined;
        const ofRow = new Uint8Array(pairs);
        const faults = new Map<number, Fault>();
        const counts = { train: 0, valid: 0 };
        for (let row = 0; row < pairs; row++) {
          const fault = hashes && faultOf(hashes.subarray(row * kinds.length, (row + 1) * kinds.length));
          if (fault) faults.set(row, fault);
          const fate = fault ? 'removed' : every !== undefined && ++position % every === 0 ? 'valid' : 'train';
          ofRow[row] = fates[fate];
          if (fate !== 'removed') counts[fate]++;
        }
        writeFileAtomic(join(folder, fatesFile(name)), ofRow, scratch);
        if (faults.size > 0) removed.push(await listFaults({ folder: from, name, pairs }, faults, folder));
        for (const fate of ['train', 'valid'] as const) chosen[fate].push({ name, pairs: counts[fate] });
        progress((read += pairs), report.pairs, 'pairs');
      }
      if (every !== undefined && position < every)
        throw new DataError(
          `holdOutEvery is ${every}, but the training set has only ${pairsOf(...chosen.train)} pairs after cleaning: none would be left for validation.`,
        );
      return { chosen, removed: sumCounts(removed) };
    },
  };
}

/** Writes the removed pairs of a part, with the reasons. */
async function listFaults(
  part: PartSource,
  faults: ReadonlyMap<number, Fault>,
  folder: string,
): Promise<RemovedCounts> {
  const list = new RemovedList(folder, part.name);
  try {
    let row = 0;
    for await (const { src, trg, lines } of readPart(part)) {
      for (let i = 0; i < lines.length; i++, row++) {
        const fault = faults.get(row);
        if (fault) list.add(lines[i], fault, src[i], trg[i]);
      }
    }
    list.finish();
    return list.counts;
  } catch (error) {
    list.abandon();
    throw error;
  }
}
