import { DataError } from '../../errors.js';
import { textLines } from './openText.js';

/**
 * Two columns of a table, in blocks: columns are separated by tabs, without quotes. Null means a line that is not
 * valid UTF-8.
 *
 * @param srcColumn, trgColumn from 1
 * @throws DataError naming a line that has fewer columns
 */
export async function* tsvColumns(
  path: string,
  srcColumn: number,
  trgColumn: number,
): AsyncGenerator<{ src: (string | null)[]; trg: (string | null)[] }> {
  let lineNumber = 0;
  for await (const lines of textLines(path)) {
    const src: (string | null)[] = [];
    const trg: (string | null)[] = [];
    for (const line of lines) {
      lineNumber++;
      const columns = line?.replace(/\r$/, '').split('\t');
      if (columns && columns.length < Math.max(srcColumn, trgColumn)) {
        throw new DataError(
          `${path}:${lineNumber} has ${columns.length} column${columns.length === 1 ? '' : 's'}, expected at least ${Math.max(srcColumn, trgColumn)}, separated by tabs. Choose others with --columns.`,
        );
      }
      src.push(columns?.[srcColumn - 1] ?? null);
      trg.push(columns?.[trgColumn - 1] ?? null);
    }
    yield { src, trg };
  }
}
