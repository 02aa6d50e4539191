import { join } from 'node:path';
import { DataError } from '../../errors.js';
import { finishTogether } from '../../storage/textOutput.js';
import { readPairs } from '../extract/readPairs.js';
import type { PairFiles } from '../../text/linePairs.js';
import { PairOutput } from '../../text/pairOutput.js';
import { setNames, type RecipePair, type SetName } from './recipe.js';

/** Pairs of each set. */
export type SetCounts = { readonly [set in SetName]?: number };

export interface WriteTextOptions {
  readonly signal?: AbortSignal;
  /** @param done pairs of all sets so far */
  readonly onProgress?: (what: string, done: number) => void;
}

/**
 * Writes a pair's sets as aligned text files, as they were published.
 *
 * @param found the places of the recipe's files, by its paths
 * @param folder existing folder to write into
 * @throws DataError for sources that are damaged, not aligned, or not valid UTF-8
 */
export async function writeText(
  pair: RecipePair,
  found: ReadonlyMap<string, string>,
  folder: string,
  { signal, onProgress }: WriteTextOptions = {},
): Promise<SetCounts> {
  const counts: { [set in SetName]?: number } = {};
  const outputs: PairOutput[] = [];
  let done = 0;
  try {
    for (const set of setNames) {
      const sources = pair.text[set];
      if (sources === undefined) continue;
      const output = new PairOutput(textFiles(folder, set, pair));
      outputs.push(output);
      counts[set] = 0;
      for (const source of sources) {
        let firstPair = 1;
        const files = { src: found.get(source.src)!, trg: found.get(source.trg)! };
        for await (const { src, trg } of readPairs({ ...source, ...files })) {
          signal?.throwIfAborted();
          src.forEach((line, i) => {
            const other = trg[i];
            if (line === null || other === null)
              throw new DataError(
                `${source.src} and ${source.trg}: pair ${firstPair + i} is not valid UTF-8. Was the archive damaged?`,
              );
            output.write(line, other);
          });
          firstPair += src.length;
          counts[set] += src.length;
          onProgress?.('text', (done += src.length));
        }
      }
    }
    finishTogether(outputs.flatMap((output) => output.outputs));
    return counts;
  } finally {
    for (const output of outputs) output.abandon();
  }
}

/** Paths of one set, e.g. `raw/train.de`. */
export function textFiles(folder: string, set: SetName, { src, trg }: Pick<RecipePair, 'src' | 'trg'>): PairFiles {
  return { src: join(folder, 'raw', `${set}.${src}`), trg: join(folder, 'raw', `${set}.${trg}`) };
}
