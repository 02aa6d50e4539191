/** A text that may have line breaks as one line, without ASCII white space at its ends; a break becomes one space. */
export function oneLine(text: string): string {
  if (!text.includes('\n')) return trimAscii(text);
  return text
    .split('\n')
    .map(trimAscii)
    .filter((line) => line !== '')
    .join(' ');
}

/**
 * The text without spaces, tabs and carriage returns at its ends. `trim` would also take the byte order mark, which is
 * text to the Moses scripts; a regular expression takes time quadratic in the length if the text contains many spaces.
 */
export function trimAscii(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}
