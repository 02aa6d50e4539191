import { prefixLists } from './prefixLists.js';

/**
 * Words that a full stop follows without ending the sentence, without that full stop: everywhere, or only if a number
 * follows ("No. 5").
 */
export type NonbreakingPrefixes = ReadonlyMap<string, 'always' | 'beforeNumber'>;

/** Whether there is a list for a language; the others get the English one. */
export function hasNonbreakingPrefixes(language: string): boolean {
  return Object.hasOwn(prefixLists, language);
}

/**
 * Moses' list for a language. As there, languages without one have the English list, for the sake of initials and
 * titles.
 */
export function nonbreakingPrefixes(language: string): NonbreakingPrefixes {
  const { always, beforeNumber } = prefixLists[hasNonbreakingPrefixes(language) ? language : 'en'];
  const prefixes = new Map<string, 'always' | 'beforeNumber'>();
  for (const word of words(always)) prefixes.set(word, 'always');
  for (const word of words(beforeNumber)) prefixes.set(word, 'beforeNumber');
  return prefixes;
}

/**
 * A list in Moses' format: one abbreviation per line without its full stop, `#NUMERIC_ONLY#` after those that hold only
 * before numbers; lines that begin with `#` are comments. As for tokenizer.perl, the whole line is an entry, so an
 * entry with a space never matches; the last entry of a word decides.
 */
export function parseNonbreakingPrefixes(text: string): NonbreakingPrefixes {
  const prefixes = new Map<string, 'always' | 'beforeNumber'>();
  for (const line of text.split(/\r?\n/)) {
    if (line === '' || line === '0' || line.startsWith('#')) continue;
    const numeric = /^(.*)\s+#NUMERIC_ONLY#/.exec(line);
    prefixes.set(numeric ? numeric[1] : line, numeric ? 'beforeNumber' : 'always');
  }
  return prefixes;
}

function words(list: string): string[] {
  return list.split(/\s+/).filter((word) => word !== '');
}
