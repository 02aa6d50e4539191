/**
 * White space as Python's `str.split`, `str.strip` and `\s` have it. JavaScript's differs: it has U+FEFF and lacks
 * U+001C-U+001F and U+0085.
 */
const spaces = new Uint8Array(0x3001);
for (const [first, last] of [
  [0x09, 0x0d],
  [0x1c, 0x20],
  [0x85, 0x85],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
])
  spaces.fill(1, first, last + 1);

function isSpace(unit: number): boolean {
  return unit <= 0x3000 && spaces[unit] === 1;
}

/** Words of a line as Python's `str.split()` gives them. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let start = -1;
  for (let i = 0; i < line.length; i++) {
    if (isSpace(line.charCodeAt(i))) {
      if (start >= 0) words.push(line.slice(start, i));
      start = -1;
    } else if (start < 0) {
      start = i;
    }
  }
  if (start >= 0) words.push(line.slice(start));
  return words;
}

/** The line with single spaces between its words and none around them, as Python's `' '.join(line.split())`. */
export function singleSpaced(line: string): string {
  const space = 0x20;
  let previous = space;
  for (let i = 0; i < line.length; i++) {
    const unit = line.charCodeAt(i);
    if (unit === space ? previous === space : isSpace(unit)) return splitWords(line).join(' ');
    previous = unit;
  }
  return previous === space ? splitWords(line).join(' ') : line; // true for most lines
}

/** The line without white space on its right, as Python's `str.rstrip()`. */
export function stripRight(line: string): string {
  let end = line.length;
  while (end > 0 && isSpace(line.charCodeAt(end - 1))) end--;
  return line.slice(0, end);
}

/** The line without white space at both ends, as Python's `str.strip()`. */
export function strip(line: string): string {
  let start = 0;
  while (start < line.length && isSpace(line.charCodeAt(start))) start++;
  return stripRight(line.slice(start));
}
