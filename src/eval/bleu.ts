import { DataError, UsageError } from '../errors.js';
import { splitWords, stripRight, tokenize13a } from './bleuTokenizers.js';

export interface BleuOptions {
  /** `13a` for plain text; `none` for text whose tokens stand apart already. */
  readonly tokenize: '13a' | 'none';
  readonly lowercase: boolean;
  /** What to do with an order without matches: `exp` halves its precision again and again, `none` gives a score of 0. */
  readonly smoothMethod: 'exp' | 'none';
}

export interface BleuScore {
  /** 0 to 100. */
  readonly score: number;
  /** Percent, orders 1 to 4. */
  readonly precisions: readonly number[];
  /** Brevity penalty. */
  readonly bp: number;
  readonly ratio: number;
  readonly sysLen: number;
  readonly refLen: number;
  /** Matching and all n-grams of the hypotheses by order. */
  readonly counts: readonly number[];
  readonly totals: readonly number[];
}

const maxOrder = 4;

/** What BLEU needs to know of one line; lines' statistics are summed, then scored. */
export interface BleuStatistics {
  readonly sysLen: number;
  readonly refLen: number;
  readonly counts: readonly number[];
  readonly totals: readonly number[];
}

/**
 * Corpus BLEU (Papineni et al. 2002), as sacreBLEU computes it.
 *
 * @param hyps one line per sentence
 * @param refs refs[k][i]: reference k of line i; null where a line has no such reference
 * @throws DataError if the numbers of lines differ or there are none
 */
export function corpusBleu(hyps: readonly string[], refs: readonly (readonly (string | null)[])[], options: BleuOptions): BleuScore {
  if (refs.length === 0) throw new UsageError('BLEU needs at least one reference.');
  refs.forEach((ref, k) => {
    if (ref.length !== hyps.length) throw new DataError(`the hypothesis has ${hyps.length} lines, reference ${k + 1} has ${ref.length}. Both must be translations of the same lines.`);
  });
  if (hyps.length === 0) throw new DataError('there are no lines to score.');
  const lines = hyps.map((hyp, i) => bleuStatistics(hyp, refs.map((ref) => ref[i]).filter((ref) => ref !== null), options));
  return bleuFromStatistics(sumStatistics(lines), options);
}

/** Clipped n-gram matches and lengths of one line against its references. */
export function bleuStatistics(hyp: string, refs: readonly string[], options: BleuOptions): BleuStatistics {
  const words = tokens(hyp, options);
  const found = ngrams(words);
  const most = new Map<string, number>();
  let refLen = 0;
  let closest = Infinity;
  for (const ref of refs) {
    const refWords = tokens(ref, options);
    const distance = Math.abs(refWords.length - words.length);
    if (distance < closest || (distance === closest && refWords.length < refLen)) {
      closest = distance;
      refLen = refWords.length;
    }
    for (const [ngram, { count }] of ngrams(refWords)) most.set(ngram, Math.max(most.get(ngram) ?? 0, count));
  }
  const counts = new Array<number>(maxOrder).fill(0);
  for (const [ngram, { order, count }] of found) counts[order - 1] += Math.min(count, most.get(ngram) ?? 0);
  const totals = Array.from({ length: maxOrder }, (_, n) => Math.max(0, words.length - n));
  return { sysLen: words.length, refLen, counts, totals };
}

export function sumStatistics(lines: readonly BleuStatistics[]): BleuStatistics {
  const counts = new Array<number>(maxOrder).fill(0);
  const totals = new Array<number>(maxOrder).fill(0);
  let sysLen = 0;
  let refLen = 0;
  for (const line of lines) {
    sysLen += line.sysLen;
    refLen += line.refLen;
    for (let n = 0; n < maxOrder; n++) {
      counts[n] += line.counts[n];
      totals[n] += line.totals[n];
    }
  }
  return { sysLen, refLen, counts, totals };
}

/** The score of summed statistics. */
export function bleuFromStatistics({ sysLen, refLen, counts, totals }: BleuStatistics, { smoothMethod }: Pick<BleuOptions, 'smoothMethod'>): BleuScore {
  const bp = sysLen >= refLen ? 1 : sysLen > 0 ? Math.exp(1 - refLen / sysLen) : 0;
  const precisions = new Array<number>(maxOrder).fill(0);
  if (counts.some((count) => count > 0)) {
    let smoothing = 1;
    for (let n = 0; n < maxOrder && totals[n] > 0; n++) {
      if (counts[n] > 0) precisions[n] = (100 * counts[n]) / totals[n];
      else if (smoothMethod === 'exp') precisions[n] = 100 / ((smoothing *= 2) * totals[n]);
    }
  }
  const meanLog = precisions.reduce((total, p) => total + (p > 0 ? Math.log(p) : -9999999999), 0) / maxOrder;
  return { score: bp * Math.exp(meanLog), precisions, bp, ratio: refLen > 0 ? sysLen / refLen : 0, sysLen, refLen, counts, totals };
}

function tokens(line: string, { tokenize, lowercase }: BleuOptions): string[] {
  const text = stripRight(lowercase ? line.toLowerCase() : line);
  return splitWords(tokenize === '13a' ? tokenize13a(text) : text);
}

function ngrams(words: readonly string[]): Map<string, { order: number; count: number }> {
  const found = new Map<string, { order: number; count: number }>();
  for (let start = 0; start < words.length; start++) {
    let ngram = '';
    for (let order = 1; order <= maxOrder && start + order <= words.length; order++) {
      ngram += (order > 1 ? ' ' : '') + words[start + order - 1];
      const entry = found.get(ngram);
      if (entry) entry.count++;
      else found.set(ngram, { order, count: 1 });
    }
  }
  return found;
}
