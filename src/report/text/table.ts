import { greatest } from '../../extremes.js';
import { displayWidth } from './displayWidth.js';

/**
 * A table of text, columns padded to line up: the first to the left, the others to the right unless `left` names them.
 *
 * @param maxWidth a wider table becomes several, one below the other, each with the first column
 */
export function textTable(
  rows: readonly (readonly string[])[],
  left: readonly number[] = [0],
  maxWidth = Infinity,
): string {
  const widths = rows[0].map((_, column) => greatest(rows.map((row) => displayWidth(row[column]))));
  const parts: number[][] = [[0]];
  let width = widths[0];
  for (let column = 1; column < widths.length; column++) {
    if (width + 2 + widths[column] > maxWidth && parts.at(-1)!.length > 1) {
      parts.push([0]);
      width = widths[0];
    }
    parts.at(-1)!.push(column);
    width += 2 + widths[column];
  }
  const cell = (text: string, column: number): string => {
    const space = ' '.repeat(widths[column] - displayWidth(text));
    return left.includes(column) ? text + space : space + text;
  };
  const tables = parts.map((columns) => {
    const line = (row: readonly string[]): string =>
      columns
        .map((column) => cell(row[column], column))
        .join('  ')
        .trimEnd();
    const rule = columns.map((column) => '-'.repeat(widths[column])).join('  ');
    return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
  });
  return tables.join('\n\n');
}

/** The same as Markdown. */
export function markdownTable(rows: readonly (readonly string[])[], left: readonly number[] = [0]): string {
  const line = (row: readonly string[]): string => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    line(rows[0]),
    `|${rows[0].map((_, column) => (left.includes(column) ? ' --- |' : ' ---: |')).join('')}`,
    ...rows.slice(1).map(line),
  ].join('\n');
}
