import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Config } from '../config/schema.js';
import { corpusBleu } from '../score/bleu.js';
import { chrf } from '../score/chrf.js';
import { corpusScore } from '../score/metric.js';
import { bleuOptions } from './heldOut.js';
import { runPaths } from './runFolder.js';
import type { TestResult } from './runScores.js';
import { readTestText, type TestFiles } from './testText.js';

/**
 * The references that a run's test BLEU was computed against, one line each: its test.ref. In runs of earlier versions
 * test.ref is preprocessed text; then the prepared corpus has the references, if it is still in its place.
 *
 * @returns undefined if neither file gives the stored scores
 */
export function scoredReferences(
  runDir: string,
  config: Config,
  test: Pick<TestResult, 'bleu' | 'refLen' | 'hyp'> & Partial<Pick<TestResult, 'chrf'>>,
  files?: TestFiles,
): string[] | undefined {
  const { testRef } = runPaths(runDir);
  const own = existsSync(testRef) ? readTestText(runDir, basename(testRef), files) : undefined;
  if (!mayBePreprocessed(config)) return own;
  if (!existsSync(join(runDir, test.hyp))) return undefined;
  const hypLines = readTestText(runDir, test.hyp, files);
  const metric = chrf({ lowercase: config.decode.lowercase });
  const isScored = (refs: string[]): boolean => {
    if (refs.length !== hypLines.length) return false;
    const { score, refLen } = corpusBleu(hypLines, [refs], bleuOptions(config.decode));
    // chrF too: BLEU is 0 for every bad translation
    return (
      isClose(score, test.bleu) &&
      refLen === test.refLen &&
      (test.chrf === undefined || isClose(corpusScore(metric, hypLines, [refs]).score, test.chrf))
    );
  };
  if (own && isScored(own)) return own;
  const { dir } = config.corpus;
  if (dir === undefined) return undefined;
  return ['test.trg.raw.txt', 'test.trg.txt']
    .filter((name) => existsSync(join(dir, name)))
    .map((name) => readTestText(dir, name))
    .find(isScored);
}

const isClose = (a: number, b: number): boolean => Math.abs(a - b) < 1e-9;

/** Whether a test.ref of older runs may differ from the scored text. */
function mayBePreprocessed({ corpus, decode }: Config): boolean {
  const { tokenize, letterCase, normalize } = corpus;
  return (
    decode.bleu === 'sacrebleu' &&
    (tokenize.method !== 'none' ||
      letterCase !== 'keep' ||
      normalize.punctuation ||
      normalize.nonPrinting ||
      normalize.unicode !== 'none')
  );
}
