import { formatCount } from '../../counted.js';
import type { CleanReport, CleanRuleName } from '../../text/clean/cleanCorpus.js';
import { textTable } from './table.js';

const meanings: Readonly<Record<CleanRuleName, string>> = {
  invalidUtf8: 'not valid UTF-8',
  empty: 'an empty side',
  tooLong: 'too long',
  tooShort: 'too short',
  ratio: 'lengths too different',
  longWord: 'a very long word',
  controlCharacters: 'control characters',
  sameText: 'both sides the same',
  repeatedTokens: 'words repeated',
  script: 'another script',
  wrongLanguage: "the other side's language",
  leakage: 'in a held-out set',
  duplicatePair: 'duplicate pair',
  duplicateSource: 'duplicate source',
  duplicateTarget: 'duplicate target',
};

/** Kept and removed pairs of cleaning, as a table; rules that removed nothing are left out. */
export function describeCleaning({ pairs, kept, removed }: CleanReport): string {
  const percent = (count: number): string => (pairs === 0 ? '-' : `${((100 * count) / pairs).toFixed(2)} %`);
  const rows = [
    ['', 'pairs', 'share'],
    ['read', formatCount(pairs), percent(pairs)],
  ];
  for (const [rule, count] of Object.entries(removed))
    if (count > 0) rows.push([`removed: ${meanings[rule as CleanRuleName]}`, formatCount(count), percent(count)]);
  return textTable([...rows, ['kept', formatCount(kept), percent(kept)]]);
}
