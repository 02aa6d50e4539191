import type { Bpe } from './bpe.js';

/**
 * The count of each unit after segmenting the counted words, in order of first appearance: the counts of subword-nmt's
 * get_vocab in segmented text, without writing that text.
 *
 * @param wordCounts words in order of first appearance (`countWords`)
 */
export function countUnits(wordCounts: ReadonlyMap<string, number>, bpe: Bpe): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [word, count] of wordCounts)
    for (const unit of bpe.segment(word)) counts.set(unit, (counts.get(unit) ?? 0) + count);
  return counts;
}
