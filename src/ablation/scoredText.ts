import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/schema.js';
import { heldOutFile } from '../corpus/preparedCorpus.js';
import { bleuOptions } from '../run/heldOut.js';
import { runPaths } from '../run/runFolder.js';
import type { TestResult } from '../run/runScores.js';
import { corpusBleu } from '../score/bleu.js';
import { readTextFile } from '../storage/textFile.js';

/** What a run's test score was computed from, one line for each sentence. */
export interface ScoredText {
  readonly hyps: readonly string[];
  readonly refs: readonly string[];
  /** Undefined if the run lacks it. */
  readonly src?: readonly string[];
}

/**
 * The translations of a run's test set and the references that they were scored with.
 *
 * Runs made before test.ref was always what was scored may lack it, or hold the preprocessed references although running text was
 * scored (sacreBLEU). A reference that does not give the run's own BLEU is not used: the corpus's is taken if that gives it.
 *
 * @returns undefined if the folder lacks the translations, or no references give its BLEU
 */
export function scoredText(
  folder: string,
  config: Config | undefined,
  { bleu, hyp = 'test.hyp' }: TestResult,
): ScoredText | undefined {
  const { testRef, testSrc } = runPaths(folder);
  const hypPath = join(folder, hyp);
  if (!existsSync(hypPath)) return undefined;
  const hyps = readLines(hypPath);
  const own = existsSync(testRef) ? readLines(testRef) : undefined;
  const src = existsSync(testSrc) ? { src: readLines(testSrc) } : {};
  if (own && (config === undefined || !mayBePreprocessed(config))) return { hyps, refs: own, ...src };
  if (config === undefined) return undefined;
  const isScored = (refs: readonly string[]): boolean =>
    refs.length === hyps.length && Math.abs(corpusBleu(hyps, [refs], bleuOptions(config.decode)).score - bleu) < 1e-6;
  if (own && isScored(own)) return { hyps, refs: own, ...src };
  const corpusText = (side: 'src' | 'trg'): string[] | undefined => {
    const path = config.corpus.dir && heldOutFile(config.corpus.dir, 'test', side, config.decode.bleu === 'sacrebleu');
    return path && existsSync(path) ? readLines(path) : undefined;
  };
  const refs = corpusText('trg');
  if (!refs || !isScored(refs)) return undefined;
  const source = corpusText('src');
  return { hyps, refs, ...(source ? { src: source } : src) };
}

/** Whether references in words and in running text differ, and running text was scored. */
function mayBePreprocessed({ corpus: { normalize, tokenize, letterCase }, decode }: Config): boolean {
  return (
    decode.bleu === 'sacrebleu' &&
    (tokenize.method !== 'none' ||
      letterCase !== 'keep' ||
      normalize.unicode !== 'none' ||
      normalize.punctuation ||
      normalize.nonPrinting)
  );
}

function readLines(path: string): string[] {
  return readTextFile(path, 'text of the test set').replace(/\n$/, '').split('\n');
}
