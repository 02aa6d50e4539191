/**
 * Classes of characters as in Perl 5.36 (Unicode 14), independent of the version in Node.js: a corpus tokenised
 * today and next year has the same tokens, which equal the Moses scripts' reference outputs.
 *
 * Each constant is a class for regular expressions with the flag "v", for use alone or inside brackets.
 * Checked for every code point against perl where it is installed (`perlText.test.ts`).
 */

/** Code points that were assigned after Unicode 14 (up to 17). */
export const assignedLater = `[${[
  '\\u{88f}\\u{897}\\u{c5c}\\u{cdc}\\u{cf3}\\u{ece}\\u{1acf}-\\u{1aeb}\\u{1b4e}-\\u{1b4f}\\u{1b7f}\\u{1c89}-\\u{1c8a}',
  '\\u{20c1}\\u{2427}-\\u{2429}\\u{2b96}\\u{2ffc}-\\u{2fff}\\u{31e4}-\\u{31ef}\\u{a7cb}-\\u{a7cf}\\u{a7d2}\\u{a7d4}',
  '\\u{a7da}-\\u{a7f1}\\u{fbc3}-\\u{fbd2}\\u{fd90}-\\u{fd91}\\u{fdc8}-\\u{fdce}\\u{105c0}-\\u{105f3}',
  '\\u{10940}-\\u{10959}\\u{10d40}-\\u{10d8f}\\u{10ec2}-\\u{10eff}\\u{1123f}-\\u{11241}\\u{11380}-\\u{113e2}',
  '\\u{116d0}-\\u{116e3}\\u{11b00}-\\u{11bf9}\\u{11db0}-\\u{11de9}\\u{11f00}-\\u{11f5a}\\u{1342f}\\u{13439}-\\u{143fa}',
  '\\u{16100}-\\u{16139}\\u{16d40}-\\u{16d79}\\u{16ea0}-\\u{16ed3}\\u{16ff2}-\\u{16ff6}\\u{187f8}-\\u{187ff}\\u{18cff}',
  '\\u{18d09}-\\u{18df2}\\u{1b132}\\u{1b155}\\u{1cc00}-\\u{1cef0}\\u{1d2c0}-\\u{1d2d3}\\u{1df25}-\\u{1df2a}',
  '\\u{1e030}-\\u{1e08f}\\u{1e4d0}-\\u{1e6ff}\\u{1f6d8}-\\u{1f6dc}\\u{1f774}-\\u{1f77f}\\u{1f7d9}\\u{1f8b2}-\\u{1f8d8}',
  '\\u{1fa54}-\\u{1fa57}\\u{1fa75}-\\u{1fa77}\\u{1fa87}-\\u{1fa8f}\\u{1faad}-\\u{1faaf}\\u{1fabb}-\\u{1fabf}',
  '\\u{1fac6}-\\u{1facf}\\u{1fada}-\\u{1fadf}\\u{1fae8}-\\u{1faef}\\u{1faf7}-\\u{1faf8}\\u{1fbcb}-\\u{1fbef}\\u{1fbfa}',
  '\\u{2b739}-\\u{2b73f}\\u{2cea2}-\\u{2cead}\\u{2ebf0}-\\u{2ee5d}\\u{31350}-\\u{33479}',
].join('')}]`;

/** Marks that became alphabetic after Unicode 14: combining Latin letters and a few signs. */
const alphabeticLater = '[\\u{363}-\\u{36f}\\u{c04}\\u{f82}\\u{f83}\\u{1dd3}-\\u{1de6}\\u{11080}\\u{11081}]';

/** `\p{IsAlpha}` */
export const letter = `[\\p{Alphabetic}--[${assignedLater}${alphabeticLater}]]`;
/** `\p{IsN}` */
export const number = `[\\p{N}--${assignedLater}]`;
/** `\p{Nd}` */
export const digit = `[\\p{Nd}--${assignedLater}]`;
/** `\p{IsAlnum}` */
export const alnum = `[${letter}${digit}]`;
/** `\p{IsLower}` */
export const lower = `[[\\p{Lowercase}\\u{295}]--[${assignedLater}\\u{10fc}\\u{a7f2}-\\u{a7f4}\\u{ab69}]]`;
/** `\p{Ll}` */
export const lowerLetter = `[[\\p{Ll}\\u{295}]--${assignedLater}]`;
/** `\p{C}`: control, format, private and unassigned characters */
export const other = `[\\p{C}${assignedLater}]`;
/** `[[:punct:]]` */
export const punctuation = `[[\\p{P}$+<=>^\`\\|~]--${assignedLater}]`;
/** `\w` */
export const wordCharacter = `[${letter}[\\p{M}--${assignedLater}]${digit}\\p{Pc}\\p{Join_Control}]`;
/** `\s` on Unicode text: with U+0085, without U+FEFF */
export const space = '[\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
/** `\h` */
export const horizontalSpace = '[\\t \\xa0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000]';

const onlySpace = new RegExp(`^${space}*$`, 'v');

/** Whether a line has only white space; the scripts pass such lines through. */
export function isBlank(line: string): boolean {
  return onlySpace.test(line);
}

/**
 * Whether a line is one tag, `<...>`: the scripts pass such lines through where they are asked to, and when
 * detokenising.
 */
export function isTagLine(line: string): boolean {
  return /^<.+>$/s.test(line);
}

/** Parts between single separators, without empty parts at the end: Perl's `split`. */
export function splitAsPerl(text: string, separator: string | RegExp): string[] {
  const parts = text.split(separator);
  while (parts.length > 0 && parts[parts.length - 1] === '') parts.pop();
  return parts;
}
