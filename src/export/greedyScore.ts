import { join } from 'node:path';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { openPreparedCorpus } from '../corpus/preparedCorpus.js';
import { ColdstartError } from '../errors.js';
import { translateHeldOut } from '../run/heldOut.js';
import { corpusIdentity } from '../run/runFolder.js';
import { isThere } from '../storage/isThere.js';
import { toTensors } from '../train/checkpoint.js';
import type { ExportedModel } from './exportedModel.js';

/** BLEU of the run's test set with greedy search, or why it is missing, as a sentence without its capital. */
export type GreedyScore = { readonly bleu: number } | { readonly missing: string };

/**
 * Greedy BLEU of an exported model on its run's test set: the run's own result if it searched greedily, else computed
 * on the current backend from the prepared corpus, if that is still what the run was made from.
 *
 * @param options.compute false takes what the run has and translates nothing
 * @param options.prepare called before translating, to set the backend
 */
export async function greedyScore(
  { run, config, parameters }: ExportedModel,
  options: {
    readonly compute: boolean;
    readonly prepare: () => Promise<unknown>;
    readonly signal?: AbortSignal;
    readonly onProgress?: (done: number, total: number) => void;
  },
): Promise<GreedyScore> {
  if (run === undefined) return { missing: 'a checkpoint alone has no test set' };
  const own = run.scores?.tests?.find(({ use }) => use === run.use);
  if (own && run.config.decode.beamSize === 1) return { bleu: own.bleu };
  if (!options.compute) return { missing: 'it was not computed (--no-score)' };
  const { dir } = run.config.corpus;
  if (dir === undefined || !isThere(join(dir, 'manifest.json')))
    return { missing: `the prepared corpus is not where the run found it${dir === undefined ? '' : ` (${dir})`}` };
  let corpus;
  try {
    corpus = await openPreparedCorpus(dir);
  } catch (error) {
    if (!(error instanceof ColdstartError)) throw error;
    return { missing: `the prepared corpus in ${dir} cannot be used` };
  }
  try {
    const found = corpusIdentity(corpus.manifest);
    const names = ['test.bin', 'vocab.src.txt', 'vocab.trg.txt'];
    if (!corpus.has('test') || names.some((name) => found[name] !== run.identity.corpus[name]))
      return { missing: `${dir} does not hold the test set of this run` };
    await options.prepare();
    const params = toTensors(
      new Map([...parameters].map(([name, { shape, data }]) => [name, { dtype: 'F32', shape, data }])),
    );
    try {
      const { score } = await translateHeldOut(params, config, corpus, 'test', {
        decode: { ...run.config.decode, beamSize: 1 },
        signal: options.signal,
        onProgress: options.onProgress,
      });
      return { bleu: score.score };
    } finally {
      disposeParams(params);
    }
  } finally {
    await corpus.close();
  }
}
