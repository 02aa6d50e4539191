import type { PrepareManifest, SplitName } from '../data/prepareManifest.js';
import { formatCount } from './format.js';
import type { ProgressStream } from './progressBar.js';
import { textTable } from './table.js';

/** What a prepared corpus holds, as a table. */
export function describeCorpus({ splits, vocabularySizes }: PrepareManifest): string {
  const rows = [['split', 'lines', 'pairs', 'src tokens', 'trg tokens', 'src unknown', 'trg unknown']];
  for (const [name, { lines, pairs, srcTokens, trgTokens, srcUnknown, trgUnknown }] of Object.entries(splits)) {
    rows.push([name, ...[lines, pairs, srcTokens, trgTokens, srcUnknown, trgUnknown].map(formatCount)]);
  }
  const { src, trg, joined } = vocabularySizes;
  return `${textTable(rows)}\nvocabulary: ${joined ? `${formatCount(src)}, joined` : `${formatCount(src)} source, ${formatCount(trg)} target`}`;
}

/** Lines read so far, on a terminal only: reading is quick. */
export function showLineProgress(output: ProgressStream): (split: SplitName, lines: number) => void {
  return (split, lines) => {
    if (output.isTTY) output.write(`\r\u001b[2K${split}: ${formatCount(lines)} lines\r`);
  };
}
