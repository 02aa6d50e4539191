import { least } from '../../extremes.js';

/** Merges are left out at random, so that a word is split in several ways: only for training text. */
export interface BpeDropout {
  /** The probability of leaving out each possible merge, each time; 0.1 is usual. */
  readonly probability: number;
  /**
   * Gives numbers of at least 0 and less than 1. With `MersenneTwister` the units are those of subword-nmt's --seed.
   */
  readonly random: () => number;
}

/**
 * Joins neighbours by the merge of lowest rank (`rankOf`; undefined: no merge) among those not left out this time,
 * until none is left. A number is drawn for every pair of neighbours in every round, from left to right, whether or not
 * they can merge.
 *
 * Source: Provilkov, Emelianenko and Voita 2020 (2020.acl-main.170), §4; order of draws as subword-nmt 0.3.9.
 */
export function mergeWithDropout(
  units: string[],
  rankOf: (left: string, right: string) => number | undefined,
  { probability, random }: BpeDropout,
): string[] {
  while (units.length > 1) {
    const ranks: number[] = [];
    for (let i = 0; i + 1 < units.length; i++)
      ranks.push(random() > probability ? (rankOf(units[i], units[i + 1]) ?? Infinity) : Infinity);
    const best = least(ranks);
    if (best === Infinity) break;
    const merged: string[] = [];
    for (let i = 0; i < units.length; i++) {
      if (ranks[i] === best) {
        merged.push(units[i] + units[i + 1]);
        i++;
      } else {
        merged.push(units[i]);
      }
    }
    units = merged;
  }
  return units;
}
