import { nextTurn } from '../backend/nextTurn.js';
import type { Params } from '../backend/autodiff/valueAndGradients.js';
import { eosId } from '../text/specialIds.js';
import { UsageError } from '../errors.js';
import { checkFields, completed } from '../field.js';
import type { ModelConfig } from '../model/config.js';
import { throwStopped } from '../parallel/agree.js';
import { shareOut } from '../parallel/sharedWork.js';
import type { World } from '../parallel/world.js';
import { batchesByLength, type BatchLimits } from './batchesByLength.js';
import { beamSearchFields, decodeBatchFields, translateFields } from './decodeOptions.js';
import { BeamSearch, checkSource, type BeamSearchOptions, type Hypothesis } from './beamSearch.js';
import type { LoadedModel } from './loadedModel.js';

/** Limits of a batch count the tokens of sources. */
export interface TranslateOptions extends BeamSearchOptions, BatchLimits {
  /** Longer sources are cut to this many tokens, eosId included. Default: no limit. */
  readonly maxSourceTokens?: number;
  /** Hypotheses returned per sentence, at most beamSize. Default 1. */
  readonly nbest?: number;
  /** Called with the sentences done so far, after every change, and at the end. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops between two steps: `translate` then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Processes that share out the batches, which are those of one process: all call this, and all get everything.
   * Default: this one alone.
   */
  readonly world?: World;
}

export interface Translations {
  /** For each source, in the order given, its best hypotheses, best first: one or more, at most nbest. */
  readonly hypotheses: Hypothesis[][];
  /** Numbers of the sources that were cut to maxSourceTokens. */
  readonly truncated: number[];
}

/** The translation of an empty source: empty, with probability 1. */
const emptyHypothesis = (): Hypothesis => ({ tokens: [eosId], score: 0, positionalScores: [0] });

/**
 * Translates any number of sources by beam search, in batches of similar length.
 *
 * The order is kept, and batching changes no result beyond rounding. A source with only eosId is an empty line; its
 * translation is empty, without running the model, which never saw an empty sentence. Lets the event loop run between
 * steps.
 *
 * @param sources ids, each ending with eosId
 * @throws UsageError for options out of range, and what `beamSearch` throws
 */
export function translate(
  params: Params,
  config: ModelConfig,
  sources: readonly Int32Array[],
  options: TranslateOptions,
): Promise<Translations> {
  return translateTogether([{ params, config }], sources, options);
}

/** `translate` with several models of the same vocabularies: the probability of a token is the mean of theirs. */
export async function translateTogether(
  models: readonly LoadedModel[],
  sources: readonly Int32Array[],
  options: TranslateOptions,
): Promise<Translations> {
  const { maxSourceTokens = Infinity, nbest = translateFields.nbest.default, onProgress, signal, world } = options;
  checkOptions(options);
  for (const { config } of models) sources.forEach((source, i) => checkSource(source, i, config)); // a batch would name its own row
  const hypotheses: Hypothesis[][] = sources.map(() => [emptyHypothesis()]);
  const truncated: number[] = [];
  const cut = sources.map((source, i) => {
    if (source.length <= maxSourceTokens) return source;
    truncated.push(i);
    return cutSource(source, maxSourceTokens);
  });

  const isEmpty = (source: Int32Array): boolean => source.length === 1 && source[0] === eosId;
  const wanted = sources.flatMap((_, i) => (isEmpty(cut[i]) ? [] : [i]));
  let done = sources.length - wanted.length;
  let reported = -1;
  const report = (count: number): void => {
    if (count !== reported) onProgress?.(count, sources.length);
    reported = count;
  };
  report(done);
  const batches = [...batchesByLength(wanted, (i) => cut[i].length, options)];
  const found = await shareOut(
    world,
    batches.length,
    async (number) => {
      const batch = batches[number];
      const search = new BeamSearch(
        models,
        batch.map((i) => cut[i]),
        options,
      );
      try {
        while (search.numOpen > 0) {
          signal?.throwIfAborted();
          await search.step();
          report(done + batch.length - search.numOpen);
          await nextTurn();
        }
        done += batch.length;
        return search.hypotheses.map((best) => best.slice(0, nbest));
      } finally {
        search.dispose();
      }
    },
    signal,
  );
  if (found === undefined) throwStopped(signal);
  batches.forEach((batch, number) => {
    batch.forEach((i, row) => {
      hypotheses[i] = found[number][row];
    });
  });
  report(sources.length); // of several processes, each has reported its own share
  return { hypotheses, truncated };
}

/** A source that is too long, without its end; eosId follows. */
export function cutSource(source: Int32Array, maxSourceTokens: number): Int32Array {
  const cut = source.slice(0, maxSourceTokens);
  cut[maxSourceTokens - 1] = eosId;
  return cut;
}

function checkOptions(options: TranslateOptions): void {
  checkFields(options, { ...beamSearchFields, ...decodeBatchFields });
  const { nbest } = completed(options, translateFields);
  if (nbest > options.beamSize)
    throw new UsageError(
      `nbest is ${nbest} but beamSize ${options.beamSize}: a search gives at most beamSize hypotheses. Raise beamSize or lower nbest.`,
    );
}
