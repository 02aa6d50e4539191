import { checkFields, optionalChoice, optionalInteger, required, type Section } from '../../field.js';
import { inStep, withoutLineEnds, type PairFiles } from '../../text/linePairs.js';
import { iwsltTagLines, type IwsltTagsOptions } from './iwsltTags.js';
import { textLines } from './openText.js';
import { pairFormats } from './pairFormat.js';
import { segmentLines, type SegmentOptions } from './segments.js';
import { tmxPairs } from './tmx.js';
import { tsvColumns } from './tsv.js';

/** Files of sentence pairs and their format. All files may be packed (gzip, xz, zstd, bzip2, a zip of one file). */
export type PairSource =
  /** One sentence per line on both sides. */
  | ({ readonly format: 'moses' } & PairFiles)
  /** IWSLT's train.tags files. */
  | ({ readonly format: 'iwslt-tags' } & PairFiles & IwsltTagsOptions)
  /** `<seg id="1">...</seg>`: IWSLT's XML, WMT's SGML. */
  | ({ readonly format: 'segments' } & PairFiles & SegmentOptions)
  | { readonly format: 'tsv'; readonly file: string; readonly srcColumn: number; readonly trgColumn: number }
  | { readonly format: 'tmx'; readonly file: string; readonly srcLang: string; readonly trgLang: string };

/** The fields of every `PairSource`, and those of the format `tsv`. */
export const pairSourceFields = {
  format: required(optionalChoice(pairFormats, 'The format of the files.')),
} as const satisfies Section;
export const tsvFields = {
  srcColumn: required(optionalInteger('Column of the source, from 1.', { min: 1 })),
  trgColumn: required(optionalInteger('Column of the target, from 1.', { min: 1 })),
} as const satisfies Section;

/** @param prefix of the keys in messages @throws UsageError for a format or a column that there cannot be */
export function checkPairSource(source: PairSource, prefix = ''): void {
  checkFields(source, pairSourceFields, prefix);
  if (source.format === 'tsv') checkFields(source, tsvFields, prefix);
}

export interface ExtractedPairs {
  /** Null for a line that is not valid UTF-8. */
  readonly src: readonly (string | null)[];
  readonly trg: readonly (string | null)[];
  /** Units of a translation memory without one of the languages. */
  readonly skipped?: number;
  /** Codes of the languages that a translation memory has so far; at most a few. */
  readonly languages?: readonly string[];
}

/**
 * Sentence pairs of a source, in blocks and in order.
 *
 * @throws DataError if the sides have different numbers of sentences (both are named), or a file is not of the format
 */
export async function* readPairs(source: PairSource): AsyncGenerator<ExtractedPairs> {
  checkPairSource(source);
  switch (source.format) {
    case 'moses':
      return yield* inStep(withoutLineEnds(textLines(source.src)), withoutLineEnds(textLines(source.trg)), source);
    case 'iwslt-tags':
      return yield* inStep(iwsltTagLines(source.src, source), iwsltTagLines(source.trg, source), source);
    case 'segments':
      return yield* inStep(segmentLines(source.src, source), segmentLines(source.trg, source), source);
    case 'tsv':
      return yield* tsvColumns(source.file, source.srcColumn, source.trgColumn);
    case 'tmx':
      return yield* tmxPairs(source.file, source.srcLang, source.trgLang);
  }
}
