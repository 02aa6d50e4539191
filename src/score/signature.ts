import { version } from '../package.js';

/** One `name:value` of a signature. */
export interface SignatureField {
  readonly name: string;
  /** Name in the short form. */
  readonly short: string;
  readonly value: string | number;
}

export interface SignatureOptions {
  readonly numRefs: number | 'var';
  /** Bootstrap resamples, if any. */
  readonly numResamples?: number;
  /** Shuffles of approximate randomisation, if any. */
  readonly numShuffles?: number;
  /** Seed of either. */
  readonly seed?: number;
  /** The program that computed the score. Default: this one, by its name. */
  readonly version?: string;
}

/**
 * What determines a score besides the text, in sacreBLEU's order and words: scores compare only where all of it is
 * equal. The last field, `version`, says that coldstart computed it.
 */
export function signatureFields(metricFields: readonly SignatureField[], options: SignatureOptions): SignatureField[] {
  const { numRefs, numResamples, numShuffles, seed, version: program = `coldstart-${version}` } = options;
  return [
    { name: 'nrefs', short: '#', value: numRefs },
    ...(numResamples === undefined ? [] : [{ name: 'bs', short: 'bs', value: numResamples }]),
    ...(numShuffles === undefined ? [] : [{ name: 'ar', short: 'ar', value: numShuffles }]),
    ...(seed === undefined ? [] : [{ name: 'seed', short: 'rs', value: seed }]),
    ...metricFields,
    { name: 'version', short: 'v', value: program },
  ];
}

/** A signature as text: `nrefs:1|case:mixed|...`, or in short form `#:1|c:mixed|...`. */
export function formatSignature(fields: readonly SignatureField[], form: 'long' | 'short' = 'long'): string {
  return fields.map(({ name, short, value }) => `${form === 'short' ? short : name}:${value}`).join('|');
}
