import { bleu, type BleuOptions } from './bleu.js';
import { formatSignature, signatureFields } from './signature.js';

/** What determines a BLEU score besides the text, in sacreBLEU's form: scores compare only where it is equal. */
export function bleuSignature(options: BleuOptions, numRefs: number | 'var' = 1): string {
  return formatSignature(signatureFields(bleu(options).signatureFields, { numRefs }));
}
