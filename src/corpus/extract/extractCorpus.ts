import { counted } from '../../counted.js';
import { DataError } from '../../errors.js';
import { checkFields, optionalInteger, required, type Section } from '../../field.js';
import { finishTogether } from '../../storage/textOutput.js';
import type { PairFiles } from '../../text/linePairs.js';
import { PairOutput } from '../../text/pairOutput.js';
import { checkPairSource, readPairs, type PairSource } from './readPairs.js';

/** The fields of `ExtractOptions.heldOut`. */
export const heldOutFields = {
  every: required(optionalInteger('Every nth pair is held out.', { min: 2, unit: 'pairs' })),
} as const satisfies Section;

/** Sources and outputs of `extractCorpus`. */
export interface ExtractOptions {
  /** Read in this order. */
  readonly sources: readonly PairSource[];
  /** Files to write, one sentence per line; packed if they end in .gz. Existing files are replaced. */
  readonly out: PairFiles;
  /** Every nth pair goes to separate files: pairs n, 2n, 3n and so on, counted over all sources, from 1. */
  readonly heldOut?: { readonly every: number; readonly out: PairFiles };
  readonly signal?: AbortSignal;
  readonly onProgress?: (pairs: number) => void;
}

/** Pairs written, held out and left out. */
export interface ExtractReport {
  readonly pairs: number;
  readonly heldOutPairs: number;
  /** Left out: a side is not valid UTF-8. */
  readonly invalidPairs: number;
  /** Left out: units of a translation memory without one of the languages. */
  readonly skippedUnits: number;
}

/**
 * Writes sentence pairs of any known format as two aligned text files, and holds out every nth as validation set.
 *
 * @throws DataError for sides of different lengths, with both counts, and if there are no pairs; UsageError for options
 *   out of range
 */
export async function extractCorpus({
  sources,
  out,
  heldOut,
  signal,
  onProgress,
}: ExtractOptions): Promise<ExtractReport> {
  if (heldOut) checkFields(heldOut, heldOutFields, 'heldOut.');
  sources.forEach((source, i) => checkPairSource(source, `sources[${i}].`));
  const opened: PairOutput[] = [];
  const open = (files: PairFiles): PairOutput => {
    opened.push(new PairOutput(files));
    return opened[opened.length - 1];
  };
  const counts = { pairs: 0, heldOutPairs: 0, invalidPairs: 0, skippedUnits: 0 };
  try {
    const kept = open(out);
    const held = heldOut ? open(heldOut.out) : null;
    let position = 0;
    const languages = new Set<string>();
    for (const source of sources) {
      for await (const { src, trg, skipped = 0, languages: found = [] } of readPairs(source)) {
        signal?.throwIfAborted();
        for (const language of found) languages.add(language);
        counts.skippedUnits += skipped;
        for (let i = 0; i < src.length; i++) {
          const [srcLine, trgLine] = [src[i], trg[i]];
          position++;
          if (srcLine === null || trgLine === null) counts.invalidPairs++;
          else if (held && position % heldOut!.every === 0) {
            held.write(srcLine, trgLine);
            counts.heldOutPairs++;
          } else {
            kept.write(srcLine, trgLine);
            counts.pairs++;
          }
        }
        onProgress?.(position);
      }
    }
    if (counts.pairs + counts.heldOutPairs === 0) {
      throw new DataError(
        `no sentence pair was found${counts.skippedUnits > 0 ? `: ${lacking(sources, counts.skippedUnits, languages)}` : '.'}`,
      );
    }
    finishTogether(opened.flatMap(({ outputs }) => outputs));
    return counts;
  } finally {
    for (const output of opened) output.abandon();
  }
}

/** Why translation memories gave no pair: the languages wanted, and those found. */
function lacking(sources: readonly PairSource[], units: number, found: ReadonlySet<string>): string {
  const asked = sources.flatMap((source) => (source.format === 'tmx' ? [source.srcLang, source.trgLang] : []));
  const wanted = [...new Set(asked)].join(' or ');
  const has = found.size > 0 ? `the languages ${[...found].join(', ')}` : 'no languages';
  return `${counted(units, 'unit lacks', 'units lack')} ${wanted}; the text has ${has}. If other languages are meant, name them with --src-lang and --trg-lang.`;
}
