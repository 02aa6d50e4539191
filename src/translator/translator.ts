import { engine } from '@tensorflow/tfjs-core';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import type { Config } from '../config/schema.js';
import type { BatchLimits } from '../decode/batchesByLength.js';
import type { Hypothesis } from '../decode/beamSearch.js';
import { forcedDecoding } from '../decode/forcedDecoding.js';
import type { LoadedModel } from '../decode/loadedModel.js';
import { cutSource, translateTogether } from '../decode/translate.js';
import { DataError, UsageError } from '../errors.js';
import { checkFields } from '../field.js';
import { refuseUseWithoutRun } from '../run/chooseCheckpoint.js';
import { beamOptions } from '../run/heldOut.js';
import { openTextPipeline, textPipelineSha256, type TextForm, type TextPipeline } from '../text/textPipeline.js';
import { readCheckpoint, toTensors } from '../train/checkpoint.js';
import { defaultBufferLines, defaultMaxSourceTokens, maxScoredTokens, streamFields } from './limits.js';
import { findModel, type ModelChoice, type ModelPlace } from './openModel.js';

/** Options of `Translator.open`. */
export interface OpenOptions extends ModelChoice {
  /** Where to compute, as for `selectBackend`. Default: the backend that tfjs has set, else the fastest. */
  readonly backend?: string;
}

/** How to translate. Omitted options are the `decode` settings of the first model's run. */
export interface TranslatorOptions {
  /** Beam size; 1 is greedy. Default: decode.beamSize (5). */
  readonly beam?: number;
  /** Translations of each line, at most `beam`. Default 1. */
  readonly nbest?: number;
  /** Scores are log-probabilities divided by the number of tokens to this power. Default: decode.lengthPenalty (1). */
  readonly lengthPenalty?: number;
  /**
   * Longest translation: maxLenA times source tokens plus maxLenB. Defaults: decode.maxLenA (1.2), decode.maxLenB (10).
   */
  readonly maxLenA?: number;
  readonly maxLenB?: number;
  /** Source tokens of a batch, padding included. Default: decode.maxTokens (4096). */
  readonly maxTokens?: number;
  /** Lines of a batch. Default: decode.maxSentences (128). */
  readonly maxSentences?: number;
  /** Longer lines are cut to this many tokens, the end mark included, and marked `truncated`. Default 1024. */
  readonly maxSourceTokens?: number;
  /**
   * `raw`: lines as people write them, and translations likewise. `words`: lines that are normalised and tokenised like
   * the training text, and translations likewise. Default `raw`.
   */
  readonly form?: TextForm;
  /** Whether `attention` of the translations is wanted. Default false. */
  readonly attention?: boolean;
  /** Called with the lines done so far. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops between two steps: the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Options of `Translator.stream`. */
export interface StreamOptions extends Omit<TranslatorOptions, 'onProgress'> {
  /**
   * Lines read before they are translated together: many make good batches, few need little memory and answer soon.
   * Default 10,000; 1 answers every line before the next is read.
   */
  readonly bufferLines?: number;
  /** Called with the lines done so far. */
  readonly onProgress?: (done: number) => void;
}

/** A token of the model's vocabulary and its log-probability. */
export interface TokenScore {
  readonly text: string;
  /** In nats, given the source and the tokens before. */
  readonly logProbability: number;
}

/** One translation of a line. */
export interface Translation {
  readonly text: string;
  /** The score by which translations of one line are ranked: logProbability / tokens.length ** lengthPenalty. */
  readonly score: number;
  /** Sum over the tokens, in nats. */
  readonly logProbability: number;
  /** The last one is the end mark, `</s>`. */
  readonly tokens: readonly TokenScore[];
  /** If requested: for each of `tokens`, the share of its attention to each of `sourceTokens`; rows sum to 1. */
  readonly attention?: readonly (readonly number[])[];
}

/** A line's best translation, and the others. */
export interface TranslatedLine extends TranslatedSource {
  /** The given line. */
  readonly source: string;
}

/** The best translation of a line whose ids were given, and the others. */
export interface TranslatedSource extends Translation {
  /** The best first: `nbest` of them, or fewer if the search found fewer. */
  readonly nbest: readonly Translation[];
  /** The tokens that the model read, the end mark included. */
  readonly sourceTokens: readonly string[];
  /** Whether the line was cut to maxSourceTokens. */
  readonly truncated: boolean;
}

/** The models' log-probabilities of a given translation. */
export type ScoredLine = Omit<Translation, 'text'> & { readonly sourceTokens: readonly string[] };

/** Options of `Translator.score`. */
export type ScoreOptions = Pick<
  TranslatorOptions,
  'lengthPenalty' | 'maxTokens' | 'maxSentences' | 'form' | 'attention' | 'signal'
>;

/**
 * Models with their vocabularies and subwords, ready to translate any number of texts: raw text in, raw text out, for
 * any preprocessing. Calls may overlap. It owns tensors and perhaps a thread: call `close`.
 *
 * ```ts
 * const translator = await Translator.open('runs/de-en');
 * const [line] = await translator.translate(['ein Hund bellt.'], { beam: 5 });
 * console.log(line.text, line.logProbability);
 * await translator.close();
 * ```
 */
export class Translator {
  private readonly working = new Set<Promise<unknown>>();
  private isClosed = false;

  private constructor(
    /** The models. Several are an ensemble. */
    readonly places: readonly ModelPlace[],
    private readonly models: readonly LoadedModel[],
    private readonly pipeline: TextPipeline,
  ) {}

  /**
   * Opens a run (its folder), a checkpoint (`.safetensors`, with its text settings near it), or several: an ensemble,
   * in which the probability of a token is the mean of the models' probabilities.
   *
   * @throws UsageError if there is no model, or models of an ensemble have other vocabularies or preprocessing;
   * DataError for damaged files
   */
  static async open(models: string | readonly string[], options: OpenOptions = {}): Promise<Translator> {
    const paths = typeof models === 'string' ? [models] : models;
    if (paths.length === 0) throw new UsageError('there is no model to open. Name a run or a checkpoint.');
    const places = paths.map((path) => findModel(path, options));
    refuseUseWithoutRun(
      options.use,
      places.some(({ description }) => description !== undefined),
    );
    if (options.backend !== undefined || engine().backendName === undefined)
      await selectBackend(options.backend ?? 'auto');
    const loaded: LoadedModel[] = [];
    let pipeline: TextPipeline | undefined;
    try {
      for (const place of places) {
        const { config, params } = readCheckpoint(place.checkpoint);
        pipeline ??= await openTextPipeline(place.text);
        if (place !== places[0]) await checkSameText(places[0], place, pipeline);
        const sizes = [pipeline.srcVocabulary.size, pipeline.trgVocabulary.size];
        if (sizes[0] !== config.srcVocabSize || sizes[1] !== config.trgVocabSize)
          throw new UsageError(
            `the vocabularies in ${place.text} have ${sizes.join(' and ')} entries, ${place.checkpoint} expects ${config.srcVocabSize} and ${config.trgVocabSize}. Name the folder that belongs to it with --text.`,
          );
        loaded.push({ config, params: toTensors(params) });
      }
      return new Translator(places, loaded, pipeline!);
    } catch (error) {
      for (const { params } of loaded) disposeParams(params);
      await pipeline?.close();
      throw error;
    }
  }

  /** The decode settings for omitted options: those of the first model's run. */
  get decode(): Config['decode'] {
    return this.places[0].decode;
  }

  /** Language codes of the first model's run; unknown for a checkpoint without a run. */
  get languages(): ModelPlace['languages'] {
    return this.places[0].languages;
  }

  /**
   * Translates lines, one sentence each. A line's translation does not depend on the others, up to rounding; an empty
   * line has the empty translation.
   *
   * @returns for each line, in their order
   * @throws UsageError for options out of range or a line that holds a line feed; the signal's reason if it is raised
   */
  async translate(lines: readonly string[], options: TranslatorOptions = {}): Promise<TranslatedLine[]> {
    return this.whileOpen(async () => {
      const translated = await this.translateIds(await this.idsOf(lines, options.form), options);
      return translated.map((line, i) => ({ source: lines[i], ...line }));
    });
  }

  /**
   * Translates lines as they arrive, in order. Memory is bounded by `bufferLines`, for any number of lines.
   *
   * @throws as `translate`, once the translations before are read
   */
  async *stream(
    lines: Iterable<string> | AsyncIterable<string>,
    { bufferLines = defaultBufferLines, onProgress, ...options }: StreamOptions = {},
  ): AsyncGenerator<TranslatedLine, void, undefined> {
    checkFields({ bufferLines }, streamFields);
    let done = 0;
    const translated = (window: readonly string[]): Promise<TranslatedLine[]> =>
      this.translate(window, { ...options, onProgress: (count) => onProgress?.(done + count) });
    let window: string[] = [];
    for await (const line of lines) {
      window.push(line);
      if (window.length < bufferLines) continue;
      yield* await translated(window);
      done += window.length;
      window = [];
    }
    if (window.length > 0) yield* await translated(window);
  }

  /**
   * The models' log-probabilities of given translations (forced decoding); for tokens that beam search would choose
   * they equal
   * the search's.
   *
   * @returns for each pair of lines, in their order
   * @throws UsageError if there are more sources than targets or fewer, DataError for a line that is too long
   */
  async score(
    sources: readonly string[],
    targets: readonly string[],
    { form, attention, signal, lengthPenalty = this.decode.lengthPenalty, ...limits }: ScoreOptions = {},
  ): Promise<ScoredLine[]> {
    if (sources.length !== targets.length)
      throw new UsageError(
        `there are ${sources.length} source lines and ${targets.length} target lines, expected one target line for each source line.`,
      );
    targets.forEach((line, i) => checkLine(line, i));
    const { maxTokens = this.decode.maxTokens, maxSentences = this.decode.maxSentences } = limits;
    return this.whileOpen(async () => {
      const sourceIds = await this.idsOf(sources, form);
      const targetIds = await this.pipeline.encodeTargets(targets, form);
      for (const [side, lines] of [
        ['source', sourceIds],
        ['target', targetIds],
      ] as const)
        lines.forEach((ids, i) => checkScored(ids, side, i));
      const isEmpty = (i: number): boolean => sourceIds[i].length === 1 && targetIds[i].length === 1;
      const pairs = sourceIds.map((source, i) => ({ source, target: targetIds[i] }));
      const scores = await forcedDecoding(this.models, pairs, { maxTokens, maxSentences, attention, signal });
      return scores.map((found, i) => {
        // like `translate`, which does not run the model on an empty line
        const logProbs = isEmpty(i) ? [0] : found.logProbs;
        const logProbability = sum(logProbs);
        return {
          score: logProbability / logProbs.length ** lengthPenalty,
          logProbability,
          tokens: this.tokenScores(targetIds[i], logProbs),
          sourceTokens: tokenTexts(sourceIds[i], this.pipeline.srcVocabulary.tokens),
          ...(found.attention && { attention: found.attention }),
        };
      });
    });
  }

  /**
   * Ids of lines as the models read them, each ending with the end mark: for callers that count tokens before
   * translating.
   *
   * @throws UsageError for a line that holds a line feed
   */
  async encode(lines: readonly string[], form?: TextForm): Promise<Int32Array[]> {
    return this.whileOpen(() => this.idsOf(lines, form));
  }

  /** `translate` for the ids that `encode` gives. */
  async translateEncoded(sources: readonly Int32Array[], options: TranslatorOptions = {}): Promise<TranslatedSource[]> {
    return this.whileOpen(() => this.translateIds(sources, options));
  }

  /** Waits for current translations, and releases everything. A second call does nothing. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await Promise.allSettled(this.working);
    for (const { params } of this.models) disposeParams(params);
    await this.pipeline.close();
  }

  private async idsOf(lines: readonly string[], form?: TextForm): Promise<Int32Array[]> {
    lines.forEach((line, i) => checkLine(line, i));
    return this.pipeline.encodeSources(lines, form);
  }

  private async translateIds(
    sources: readonly Int32Array[],
    { beam, nbest = 1, form = 'raw', attention = false, ...options }: TranslatorOptions,
  ): Promise<TranslatedSource[]> {
    const decode = { ...beamOptions(this.decode), maxSourceTokens: defaultMaxSourceTokens, ...defined(options) };
    const beamSize = beam ?? decode.beamSize;
    if (nbest > beamSize)
      throw new UsageError(
        `nbest is ${nbest}, but a beam of ${beamSize} finds at most ${beamSize} translations of a line. Raise beam, or lower nbest.`,
      );
    const { hypotheses, truncated } = await translateTogether(this.models, sources, { ...decode, beamSize, nbest });
    const cut = new Set(truncated);
    const read = sources.map((source, i) => (cut.has(i) ? cutSource(source, decode.maxSourceTokens) : source));
    const attentions = attention ? await this.attentionOf(read, hypotheses, decode) : undefined;
    return hypotheses.map((best, i) => {
      const translations = best.map((hypothesis, rank) => ({
        ...this.translationOf(hypothesis, form),
        ...(attentions && { attention: attentions[i][rank] }),
      }));
      return {
        ...translations[0],
        nbest: translations,
        sourceTokens: tokenTexts(read[i], this.pipeline.srcVocabulary.tokens),
        truncated: cut.has(i),
      };
    });
  }

  private translationOf({ tokens, score, positionalScores }: Hypothesis, form: TextForm): Translation {
    const words = this.pipeline.decodeTarget(tokens);
    return {
      text: form === 'raw' ? this.pipeline.detokenizeTarget(words) : words,
      score,
      logProbability: sum(positionalScores),
      tokens: this.tokenScores(tokens, positionalScores),
    };
  }

  private tokenScores(ids: ArrayLike<number>, logProbs: readonly number[]): TokenScore[] {
    return tokenTexts(ids, this.pipeline.trgVocabulary.tokens).map((text, i) => ({
      text,
      logProbability: logProbs[i],
    }));
  }

  /** Attention of every hypothesis of every source. */
  private async attentionOf(
    sources: readonly Int32Array[],
    hypotheses: readonly (readonly Hypothesis[])[],
    { maxTokens, maxSentences, signal }: BatchLimits & { readonly signal?: AbortSignal },
  ): Promise<number[][][][]> {
    const pairs = hypotheses.flatMap((best, i) =>
      best.map(({ tokens }) => ({ source: sources[i], target: Int32Array.from(tokens) })),
    );
    const scores = await forcedDecoding(this.models, pairs, { maxTokens, maxSentences, signal, attention: true });
    let next = 0;
    return hypotheses.map((best) => best.map(() => scores[next++].attention!));
  }

  private async whileOpen<T>(work: () => Promise<T>): Promise<T> {
    if (this.isClosed) throw new UsageError('the translator is closed. Open it again.');
    const done = work();
    this.working.add(done);
    try {
      return await done;
    } finally {
      this.working.delete(done);
    }
  }
}

/**
 * An ensemble reads every line once and counts probabilities of the same tokens. @throws UsageError if the models do
 * not agree on them
 */
async function checkSameText(first: ModelPlace, other: ModelPlace, pipeline: TextPipeline): Promise<void> {
  if (textPipelineSha256(first.text) === textPipelineSha256(other.text)) return;
  const own = await openTextPipeline(other.text);
  await own.close();
  for (const [side, a, b] of [
    ['target', pipeline.trgVocabulary, own.trgVocabulary],
    ['source', pipeline.srcVocabulary, own.srcVocabulary],
  ] as const) {
    const differs = a.tokens.findIndex((token, id) => b.tokens[id] !== token);
    if (a.size === b.size && differs < 0) continue;
    const how =
      a.size === b.size
        ? `entry ${differs} is ${JSON.stringify(a.tokens[differs])} and ${JSON.stringify(b.tokens[differs])}`
        : `they have ${a.size} and ${b.size} entries`;
    throw new UsageError(
      `${first.name} and ${other.name} cannot translate together: their ${side} vocabularies differ (${how}). Name models that were trained on the same prepared corpus.`,
    );
  }
  throw new UsageError(
    `${first.name} and ${other.name} cannot translate together: their text is preprocessed or split into subwords in different ways (${first.text}, ${other.text}). Name models that were trained on the same prepared corpus.`,
  );
}

function checkLine(line: string, index: number): void {
  if (typeof line !== 'string') throw new DataError(`line ${index + 1} is ${typeof line}, expected a string.`);
  if (line.includes('\n'))
    throw new UsageError(
      `line ${index + 1} holds a line feed: ${JSON.stringify(line.slice(0, 60))}. Put every sentence on its own line.`,
    );
}

function checkScored(ids: Int32Array, side: string, index: number): void {
  if (ids.length > maxScoredTokens)
    throw new DataError(
      `${side} line ${index + 1} has ${ids.length} tokens, at most ${maxScoredTokens} can be scored: the memory of attention grows with the square of the length. Put every sentence on its own line.`,
    );
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function tokenTexts(ids: ArrayLike<number>, tokens: readonly string[]): string[] {
  return Array.from(ids, (id) => tokens[id]);
}

/** Options that are set: `undefined` must not hide a default. */
function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
