import { DataError } from '../../errors.js';
import { readTextFile } from '../../storage/textFile.js';

/** Marks the last unit of a word in merges. */
export const endOfWord = '</w>';

/** Merges of a subword-nmt codes file, as lookups. */
export interface BpeCodes {
  /** Whether `</w>` is attached to a word's last character (version 0.2) or is a separate unit (0.1). */
  readonly endOfWordAttached: boolean;
  /** Rank of a merge by `left right`; lower ranks merge first. */
  readonly ranks: ReadonlyMap<string, number>;
  /** The two halves of a merged unit, by the unit. */
  readonly halves: ReadonlyMap<string, readonly [string, string]>;
}

/**
 * Reads merges from the text of a codes file.
 *
 * @param text first line `#version: 0.2` (without one: version 0.1), then one merge `left right` per line
 * @param name of the text, for messages
 * @param maxMerges use only the first so many; default all
 * @throws DataError naming the line that is not a merge, or the unknown version
 */
export function parseBpeCodes(text: string, name: string, maxMerges = Infinity): BpeCodes {
  const lines = text.replace(/\n+$/, '').split('\n');
  const versionLine = lines[0].startsWith('#version:') ? lines.shift()! : '#version: 0.1';
  const version = versionLine
    .slice('#version:'.length)
    .trim()
    .replace(/(\.0+)*$/, '');
  if (version !== '0.1' && version !== '0.2') {
    throw new DataError(
      `${name}:1: "${versionLine.slice(0, 80)}": expected version 0.1 or 0.2 of subword-nmt's codes format${version.endsWith(' byte') ? ', with merges of characters: those of bytes (learn-bpe --byte) are not read' : ''}.`,
    );
  }
  const offset = text.startsWith('#version:') ? 2 : 1;
  const merges = lines.slice(0, maxMerges).map((line, index) => {
    const units = line.replace(/^[\r ]+|[\r ]+$/g, '').split(' ');
    if (units.length !== 2) {
      throw new DataError(
        `${name}:${index + offset}: expected a merge of two units "left right", found ${JSON.stringify(line.slice(0, 80))}. Is it a codes file of subword-nmt?`,
      );
    }
    return units as [string, string];
  });
  const ranks = new Map<string, number>();
  // from the last to the first, so that the first of a merge listed twice decides
  for (let rank = merges.length - 1; rank >= 0; rank--) ranks.set(merges[rank].join(' '), rank);
  const halves = new Map<string, [string, string]>();
  for (const pair of ranks.keys()) {
    const [left, right] = pair.split(' ');
    halves.set(left + right, [left, right]);
  }
  return { endOfWordAttached: version === '0.2', ranks, halves };
}

/** Reads a codes file, plain or .gz (see `parseBpeCodes`). */
export function readBpeCodes(path: string, maxMerges?: number): BpeCodes {
  return parseBpeCodes(readTextFile(path, 'BPE codes file'), path, maxMerges);
}

/**
 * Units of a subword-nmt vocabulary file (`unit count` per line) seen at least `threshold` times.
 *
 * @throws DataError naming the line that is not `unit count`
 */
export function parseBpeVocabulary(text: string, name: string, threshold = 0): Set<string> {
  const units = new Set<string>();
  text
    .replace(/\n$/, '')
    .split('\n')
    .forEach((line, index) => {
      const [unit, count, ...rest] = line.replace(/^[\r ]+|[\r ]+$/g, '').split(' ');
      if (count === undefined || rest.length > 0 || !/^\d+$/.test(count)) {
        throw new DataError(`${name}:${index + 1}: expected "unit count", found ${JSON.stringify(line.slice(0, 80))}.`);
      }
      if (Number(count) >= threshold) units.add(unit);
    });
  return units;
}

/** Reads a vocabulary file of subword-nmt, plain or .gz (see `parseBpeVocabulary`). */
export function readBpeVocabulary(path: string, threshold?: number): Set<string> {
  return parseBpeVocabulary(readTextFile(path, 'BPE vocabulary'), path, threshold);
}
