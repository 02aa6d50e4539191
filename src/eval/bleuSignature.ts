import { version } from '../version.js';
import type { BleuOptions } from './bleu.js';

/** What determines a BLEU score besides the text, in sacreBLEU's form: scores compare only where it is equal. */
export function bleuSignature({ tokenize, lowercase, smoothMethod }: BleuOptions, numReferences = 1): string {
  return `nrefs:${numReferences}|case:${lowercase ? 'lc' : 'mixed'}|eff:no|tok:${tokenize}|smooth:${smoothMethod}|version:coldstart-${version}`;
}
