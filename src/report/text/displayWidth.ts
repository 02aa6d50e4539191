const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const noWidth = /[\p{Mn}\p{Me}\p{Cf}]/u;

/**
 * Columns that a terminal uses for printable text: two for a Chinese character or an emoji, none for a combining mark.
 */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): number {
  if (character < '\u0300') return 1;
  return noWidth.test(character) ? 0 : wide.test(character) ? 2 : 1;
}

/** Like `padEnd`, in columns of a terminal. */
export function padToWidth(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

/**
 * Text without the characters that move a terminal's cursor or change its state: a space for each, tabs and line ends
 * included.
 */
export function withoutControls(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}

/** The beginning of a text, "…" included no wider than `columns`; a number that does not fit is left out whole. */
function shorten(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let start = '';
  let width = 0;
  for (const character of text) {
    width += characterWidth(character);
    if (width > columns - 1) break;
    start += character;
  }
  return `${start.replace(/\S*\d\S*$/u, '').trimEnd()}…`;
}

/** The whole fields that fit into the columns, with two spaces between them; the last are the least important. */
export function fitFields(fields: readonly string[], columns: number): string {
  let line = shorten(fields[0], columns);
  let width = displayWidth(line);
  for (const field of fields.slice(1)) {
    width += 2 + displayWidth(field);
    if (width > columns) break;
    line += `  ${field}`;
  }
  return line;
}

/**
 * Lines no wider than `columns`, broken between fields (two spaces) where possible, otherwise between words; the
 * terminal breaks a longer word. Further lines are indented like the text after the first line's label ("train  
 * update 5").
 */
export function wrapLine(line: string, columns: number): string[] {
  if (displayWidth(line) <= columns) return [line];
  const start = /^ *\S+(?: \S+)* {2,}/.exec(line)?.[0] ?? '';
  const isNarrow = displayWidth(start) <= columns / 2;
  const label = isNarrow ? start : ''; // a long name that is padded to line up
  const indent = ' '.repeat(Math.min(displayWidth(start), 10, Math.floor(columns / 3)));
  const lines: string[] = [];
  let rest = isNarrow ? line : `${start.trimEnd()}  ${line.slice(start.length)}`;
  while (displayWidth(rest) > columns) {
    const begin = lines.length === 0 ? label.length : indent.length;
    const breaks = [...rest.matchAll(/ +/g)].filter(
      ({ index, 0: { length } }) => index > begin && index + length < rest.length,
    );
    const fitting = breaks.filter(({ index }) => displayWidth(rest.slice(0, index)) <= columns);
    const at = fitting.findLast(({ 0: { length } }) => length >= 2) ?? fitting.at(-1) ?? breaks[0];
    if (at === undefined) break;
    lines.push(rest.slice(0, at.index));
    rest = indent + rest.slice(at.index + at[0].length);
  }
  return [...lines, rest];
}
