import type { Params } from '../backend/autodiff/valueAndGradients.js';
import type { Config } from '../config/schema.js';
import type { PreparedCorpus } from '../corpus/preparedCorpus.js';
import { createBatches, type EpochBatches } from '../data/batches.js';
import { corpusBleu, type BleuOptions, type BleuScore } from '../score/bleu.js';
import { tokenisedBleuVariant } from '../score/tokenisedBleu.js';
import type { World } from '../parallel/world.js';
import { translate } from '../decode/translate.js';
import type { ModelConfig } from '../model/config.js';

export interface HeldOutOptions {
  readonly decode: Config['decode'];
  /** Only this many first sentences. Default: all. */
  readonly sentences?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
  /** Processes that share out the sentences; all call this. */
  readonly world?: World;
}

/** The decoding options of a configuration. */
export function beamOptions({ beamSize, lengthPenalty, maxLenA, maxLenB, maxTokens, maxSentences }: Config['decode']) {
  return { beamSize, lengthPenalty, maxLenA, maxLenB, maxTokens, maxSentences };
}

/** The BLEU variant of a configuration. */
export function bleuOptions({ bleu, lowercase }: Config['decode']): BleuOptions {
  return bleu === 'sacrebleu' ? { tokenize: '13a', lowercase } : { ...tokenisedBleuVariant, lowercase };
}

/** A side of a held-out split in the scored form: running text for sacreBLEU, words for the tokenised BLEU. */
export function referenceText(
  corpus: PreparedCorpus,
  { bleu }: Pick<Config['decode'], 'bleu'>,
  split: 'valid' | 'test',
  side: 'src' | 'trg',
): string[] {
  return bleu === 'sacrebleu' ? corpus.rawText(split, side) : corpus.text(split, side);
}

/**
 * Translates the validation or test set and scores it against its references. If preparing the corpus separated words:
 * in words for the tokenised BLEU, as running text for sacreBLEU.
 */
export async function translateHeldOut(
  params: Params,
  model: ModelConfig,
  corpus: PreparedCorpus,
  split: 'valid' | 'test',
  options: HeldOutOptions,
): Promise<{ hyps: string[]; refs: string[]; score: BleuScore }> {
  const dataset = corpus.dataset(split);
  const count = Math.min(dataset.length, options.sentences ?? dataset.length);
  const sources = dataset.pairs(Array.from({ length: count }, (_, row) => row)).map(({ src }) => src);
  const { hypotheses } = await translate(params, model, sources, {
    ...beamOptions(options.decode),
    onProgress: options.onProgress,
    signal: options.signal,
    world: options.world,
  });
  const { decodeTarget, detokenizeTarget } = corpus.pipeline;
  const words = hypotheses.map(([best]) => decodeTarget(best.tokens));
  const runningText = options.decode.bleu === 'sacrebleu';
  const hyps = runningText ? words.map(detokenizeTarget) : words;
  const refs = referenceText(corpus, options.decode, split, 'trg').slice(0, count);
  return { hyps, refs, score: corpusBleu(hyps, [refs], bleuOptions(options.decode)) };
}

/** Batches for validation loss. */
export function validationBatches(corpus: PreparedCorpus, { train }: Pick<Config, 'train'>): EpochBatches {
  return createBatches(corpus.dataset('valid'), { maxTokens: train.maxTokens, shuffle: false }).epochBatches(1);
}

/** Numbers of `wanted` sentences of `count`, evenly spread; all of them where there are fewer. */
export function evenlySpread(count: number, wanted: number): number[] {
  const shown = Math.min(count, wanted);
  return Array.from({ length: shown }, (_, i) => Math.floor((i * count) / shown));
}
