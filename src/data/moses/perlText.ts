/**
 * Text as Perl's regular expressions see it in the Moses scripts, where JavaScript differs.
 */

/** Inside of a character class: Perl's `\s` (with U+0085, without U+FEFF). */
export const space = '\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
/** Inside of a character class: `\p{IsAlnum}`. */
export const alnum = '\\p{Alphabetic}\\p{Nd}';

const onlySpace = new RegExp(`^[${space}]*$`, 'u');

/** Whether a line has nothing but white space; the scripts pass such lines through. */
export function isBlank(line: string): boolean {
  return onlySpace.test(line);
}

/** Parts between single separators, without empty parts at the end: Perl's `split`. */
export function splitAsPerl(text: string, separator: string | RegExp): string[] {
  const parts = text.split(separator);
  while (parts.length > 0 && parts[parts.length - 1] === '') parts.pop();
  return parts;
}
