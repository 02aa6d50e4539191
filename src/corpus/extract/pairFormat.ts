import { UsageError } from '../../errors.js';

/** The formats of sentence pairs. */
export const pairFormats = ['moses', 'iwslt-tags', 'segments', 'tsv', 'tmx'] as const;
export type PairFormat = (typeof pairFormats)[number];

/** The format by a file's name; undefined for an ending of files that no format reads. */
export function formatByName(path: string): PairFormat | undefined {
  const name = path.toLowerCase().replace(/\.(gz|xz|zst|bz2|zip)$/, '');
  if (/(^|\/)train\.tags\.[^/]*$/.test(name)) return 'iwslt-tags';
  if (/\.(sgm|sgml|xml)$/.test(name)) return 'segments';
  if (name.endsWith('.tmx')) return 'tmx';
  if (name.endsWith('.tsv')) return 'tsv';
  return /\.(json|jsonl|csv|parquet|tar|tgz|pdf|html?)$/.test(name) ? undefined : 'moses';
}

/** The format by a file's name. @throws UsageError if the name shows none */
export function formatOf(path: string): PairFormat {
  const format = formatByName(path);
  if (format === undefined)
    throw new UsageError(
      `${path}: no known format has this ending. Name one with --format: ${pairFormats.join(', ')}.`,
    );
  return format;
}
