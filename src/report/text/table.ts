import { greatest } from '../../extremes.js';
import { displayWidth } from './displayWidth.js';

/** A table of text, columns padded to line up: the first to the left, the others to the right unless `left` names them. */
export function textTable(rows: readonly (readonly string[])[], left: readonly number[] = [0]): string {
  const widths = rows[0].map((_, column) => greatest(rows.map((row) => displayWidth(row[column]))));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const space = ' '.repeat(widths[column] - displayWidth(cell));
        return left.includes(column) ? cell + space : space + cell;
      })
      .join('  ')
      .trimEnd();
  return [line(rows[0]), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.slice(1).map(line)].join('\n');
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
