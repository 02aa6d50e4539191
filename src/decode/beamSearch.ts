import { greatest } from '../extremes.js';
import { tidy } from '@tensorflow/tfjs-core';
import { topMeanLogProbs, type TopLogProbs } from '../backend/ops/topLogProbs.js';
import type { Params } from '../backend/autodiff/valueAndGradients.js';
import { eosId, padId } from '../text/specialIds.js';
import { ColdstartError, DataError, UsageError } from '../errors.js';
import { checkFields } from '../field.js';
import type { ModelConfig } from '../model/config.js';
import type { LoadedModel } from './loadedModel.js';
import { paddedTokens } from './paddedTokens.js';
import { ForwardPass } from '../model/forwardPass.js';
import { IncrementalDecoder } from '../model/incrementalDecoder.js';
import { outputMatrix } from '../model/parameters.js';
import { encode } from '../model/transformer.js';
import { beamSearchFields } from './decodeOptions.js';
import { TopCandidates, type Candidate } from './topCandidates.js';

/** Beam size, length penalty and maximal lengths of `beamSearch`. */
export interface BeamSearchOptions {
  /** Hypotheses kept per sentence and step; 1 is greedy search. */
  readonly beamSize: number;
  /** Scores are log-probabilities divided by the number of tokens (with eosId) to this power. 0: no normalisation. */
  readonly lengthPenalty: number;
  /**
   * A translation has at most floor(maxLenA * source tokens + maxLenB) tokens, and eosId after them. Source tokens
   * count eosId.
   */
  readonly maxLenA: number;
  readonly maxLenB: number;
}

/** One translation. */
export interface Hypothesis {
  /** Ids, ending with eosId. */
  readonly tokens: number[];
  /** Normalised log-probability, by which hypotheses are ranked. */
  readonly score: number;
  /** Log-probability of each token, in nats. */
  readonly positionalScores: number[];
}

/** A hypothesis under construction: its last token and its prefix. */
interface Prefix {
  readonly before: Prefix | undefined;
  readonly token: number;
  readonly logProb: number;
  readonly total: number;
}

/** A sentence that still has hypotheses to extend. */
interface OpenSentence {
  readonly index: number;
  readonly maxLen: number;
  readonly finished: Hypothesis[];
  /** At most beamSize, best first. */
  live: Prefix[];
}

/**
 * The `beamSize` best translations of each source found by beam search, best first.
 *
 * Step s chooses token s: of all continuations of the live hypotheses the 2 * beamSize best are candidates; of the
 * first beamSize, those that end are finished; the best beamSize that do not end live on. A sentence is done when
 * beamSize hypotheses are finished, or at its maximal length, where all must end. padId is never chosen, and eosId not
 * as the first token. Sentences do not influence each other: a batch gives the same results as separate searches, up to
 * rounding.
 *
 * @param sources ids, each ending with eosId
 * @returns for each source its hypotheses; fewer than beamSize if too few ended before the maximal length
 * @throws UsageError for options out of range, DataError for an invalid source, ColdstartError NOT_FINITE if the
 * model's scores are not finite
 * Source: fairseq's SequenceGenerator, with maximal lengths by each sentence's own source length.
 */
export async function beamSearch(
  params: Params,
  config: ModelConfig,
  sources: readonly Int32Array[],
  options: BeamSearchOptions,
): Promise<Hypothesis[][]> {
  const search = new BeamSearch([{ params, config }], sources, options);
  try {
    while (search.numOpen > 0) await search.step();
    return search.hypotheses;
  } finally {
    search.dispose();
  }
}

/**
 * `beamSearch` step by step, for callers that do something in between; with several models, by the mean of their
 * probabilities. The models have the same vocabularies. It owns tensors: call `dispose`.
 */
export class BeamSearch {
  /** Of each source; complete once `numOpen` is 0. */
  readonly hypotheses: Hypothesis[][];
  private readonly decoders: readonly IncrementalDecoder[];
  private open: OpenSentence[];
  private width = 1;
  private stepsDone = 0;

  constructor(
    private readonly models: readonly LoadedModel[],
    sources: readonly Int32Array[],
    private readonly options: BeamSearchOptions,
  ) {
    checkOptions(options);
    for (const { config } of models) sources.forEach((source, index) => checkSource(source, index, config));
    this.hypotheses = sources.map(() => []);
    this.open = sources.map((source, index) => ({
      index,
      maxLen: Math.floor(options.maxLenA * source.length + options.maxLenB),
      finished: this.hypotheses[index],
      live: [{ before: undefined, token: eosId, logProb: 0, total: 0 }],
    }));
    this.decoders = sources.length === 0 ? [] : models.map((model) => startDecoding(model, sources));
  }

  /** Sentences that are not done. */
  get numOpen(): number {
    return this.open.length;
  }

  /** Extends the hypotheses of all open sentences by one token. */
  async step(): Promise<void> {
    const { width, open } = this;
    const tokens = new Int32Array(open.length * width).fill(eosId); // rows without a hypothesis read anything
    open.forEach(({ live }, i) =>
      live.forEach(({ token }, j) => {
        tokens[i * width + j] = token;
      }),
    );
    const scores = await this.score(tokens);

    const survivors: number[] = [];
    const parents: number[][] = [];
    open.forEach((sentence, i) => {
      const parentOf = this.extend(sentence, scores, i * width);
      if (sentence.live.length === 0) {
        sentence.finished.sort((a, b) => b.score - a.score);
        return;
      }
      survivors.push(i);
      parents.push(parentOf.map((hypothesis) => i * width + hypothesis));
    });
    this.stepsDone++;
    this.open = survivors.map((i) => open[i]);
    if (this.open.length === 0) return;
    this.width = greatest(this.open.map(({ live }) => live.length));
    const rows = parents.flatMap((row) => Array.from({ length: this.width }, (_, j) => row[j] ?? row[0]));
    for (const decoder of this.decoders) decoder.select(Int32Array.from(survivors), Int32Array.from(rows), this.width);
  }

  dispose(): void {
    for (const decoder of this.decoders) decoder.dispose();
  }

  /**
   * Chooses the next tokens of one sentence: fills `finished` and replaces `live`.
   * @returns for each new live hypothesis the number of the one it continues
   */
  private extend(sentence: OpenSentence, scores: TopLogProbs, firstRow: number): number[] {
    const { beamSize, lengthPenalty } = this.options;
    const { live, finished, maxLen } = sentence;
    const candidates = this.chooseCandidates(live, scores, firstRow, this.stepsDone === maxLen);
    const next: Prefix[] = [];
    const parentOf: number[] = [];
    candidates.forEach(({ hypothesis, token, logProb, total }, rank) => {
      const prefix: Prefix = { before: live[hypothesis], token, logProb, total };
      if (token === eosId) {
        if (rank < beamSize && finished.length < beamSize)
          finished.push(finish(prefix, this.stepsDone + 1, lengthPenalty));
      } else if (next.length < beamSize) {
        next.push(prefix);
        parentOf.push(hypothesis);
      }
    });
    sentence.live = finished.length === beamSize ? [] : next;
    return parentOf;
  }

  /**
   * The best continuations of every row, from its last token. No more of one hypothesis can be among the sentence's
   * candidates.
   */
  private async score(tokens: Int32Array): Promise<TopLogProbs> {
    const outputs = this.decoders.map((decoder, i) => ({
      hidden: decoder.advance(tokens),
      embedding: outputMatrix(this.models[i].params),
    }));
    const excluded = this.stepsDone === 0 ? [padId, eosId] : [padId];
    const reading = topMeanLogProbs(outputs, { count: 2 * this.options.beamSize, endToken: eosId, excluded });
    for (const { hidden } of outputs) hidden.dispose();
    return reading;
  }

  private chooseCandidates(
    live: readonly Prefix[],
    { logProbs, tokens, endLogProbs }: TopLogProbs,
    firstRow: number,
    mustEnd: boolean,
  ): readonly Candidate[] {
    const count = 2 * this.options.beamSize;
    const candidates = new TopCandidates(count);
    live.forEach(({ total }, hypothesis) => {
      const row = firstRow + hypothesis;
      const endLogProb = endLogProbs[row];
      if (!Number.isFinite(endLogProb)) throw notFinite();
      if (mustEnd) {
        candidates.consider(total + endLogProb, endLogProb, hypothesis, eosId);
        return;
      }
      for (let i = row * count; i < (row + 1) * count && tokens[i] >= 0; i++) {
        if (!candidates.consider(total + logProbs[i], logProbs[i], hypothesis, tokens[i])) break; // the row's others are no better
      }
    });
    return candidates.list();
  }
}

/** Encodes the sources; the decoder starts from there. */
function startDecoding({ params, config }: LoadedModel, sources: readonly Int32Array[]): IncrementalDecoder {
  let decoder!: IncrementalDecoder;
  tidy(() => {
    decoder = new IncrementalDecoder(params, config, encode(params, paddedTokens(sources), new ForwardPass(config)));
  });
  return decoder;
}

function finish(last: Prefix, length: number, lengthPenalty: number): Hypothesis {
  const tokens = new Array<number>(length);
  const positionalScores = new Array<number>(length);
  let prefix = last;
  for (let i = length - 1; i >= 0; i--) {
    tokens[i] = prefix.token;
    positionalScores[i] = prefix.logProb;
    prefix = prefix.before!;
  }
  return { tokens, score: last.total / length ** lengthPenalty, positionalScores };
}

/** What to throw where a log-probability is not a number: code NOT_FINITE. */
export function notFinite(): ColdstartError {
  return new ColdstartError(
    'NOT_FINITE',
    'the model gives scores that are not finite numbers: its parameters hold NaN or infinity, or are far too large. Use an earlier checkpoint.',
  );
}

function checkOptions(options: BeamSearchOptions): void {
  checkFields(options, beamSearchFields);
  const { maxLenA, maxLenB } = options;
  if (maxLenA + maxLenB < 1)
    throw new UsageError(
      `maxLenA is ${maxLenA} and maxLenB ${maxLenB}, expected numbers whose sum is at least 1: room for one token.`,
    );
}

/** @throws DataError naming the source if it does not end with eosId or holds an id outside the vocabulary */
export function checkSource(source: Int32Array, index: number, { srcVocabSize }: ModelConfig): void {
  if (source.length === 0 || source[source.length - 1] !== eosId)
    throw new DataError(`source ${index} does not end with eosId (${eosId}): [${source.slice(-5).join(', ')}].`);
  const outside = source.find((id) => id < 0 || id >= srcVocabSize);
  if (outside !== undefined)
    throw new DataError(
      `source ${index} holds id ${outside}, outside the model's source vocabulary of ${srcVocabSize} entries. Use the vocabulary that the model was trained with.`,
    );
}
