import type { EpochPairs } from '../data/batches.js';
import type { IdPair } from '../data/batch.js';
import type { PairSource } from '../data/pairSource.js';
import { UsageError } from '../errors.js';
import { Random } from '../random/xoshiro.js';
import { subwordMethods } from '../text/subwords/subwordMethods.js';
import type { SamplingSettings, UnitSampling } from '../text/subwords/unitSampling.js';
import { readTextPipeline, type Side } from '../text/textPipeline.js';
import { specialTokens } from '../text/vocabulary.js';
import type { PreparedCorpus } from './preparedCorpus.js';

/** How the training set is split again in each epoch. */
export interface SamplingTask extends SamplingSettings {
  readonly sides: readonly Side[];
  readonly seed: number;
  /** A pair that would get longer than this keeps its usual units. */
  readonly maxTokens: number;
}

const sideNames = { src: 'source', trg: 'target' } as const;

/**
 * The training set, its words split at random again in each epoch. A pair's units depend on seed, epoch and row only,
 * so that resuming and other processes get the same. Lengths are known once all pairs are split; ids are drawn again
 * when a batch is read, so that memory holds 8 bytes per pair.
 *
 * @throws UsageError if a side's subwords cannot be sampled, or the vocabulary lacks units
 */
export function sampledPairs(corpus: PreparedCorpus, task: SamplingTask): EpochPairs {
  const pairs = corpus.dataset('train');
  const samplers = Object.fromEntries(task.sides.map((side) => [side, openSide(corpus, side, task)]));
  const sampledPair = (epoch: number, row: number): IdPair => {
    const [own] = pairs.pairs([row]);
    const { src = own.src, trg = own.trg } = Object.fromEntries(
      task.sides.map((side) => [side, samplers[side](own[side], new Random(task.seed, epoch, row, sideNumber[side]))]),
    );
    return Math.max(src.length, trg.length) > task.maxTokens ? own : { src, trg };
  };
  let latest: { epoch: number; source: PairSource } | undefined;
  return (epoch) => {
    if (latest?.epoch !== epoch) {
      const [srcLengths, trgLengths] = [new Int32Array(pairs.length), new Int32Array(pairs.length)];
      for (let row = 0; row < pairs.length; row++) {
        const { src, trg } = sampledPair(epoch, row);
        srcLengths[row] = src.length;
        trgLengths[row] = trg.length;
      }
      const source: PairSource = {
        length: pairs.length,
        srcLengths,
        trgLengths,
        pairs: (rows) => Array.from(rows, (row) => sampledPair(epoch, row)),
      };
      latest = { epoch, source };
    }
    return latest.source;
  };
}

const sideNumber = { src: 0, trg: 1 } as const;

function openSide(
  { folder, pipeline }: PreparedCorpus,
  side: Side,
  settings: SamplingSettings,
): (ids: Int32Array, random: Random) => Int32Array {
  const options = readTextPipeline(folder).subwords[side];
  const sampling = subwordMethods.method(options.method).sampling as UnitSampling<unknown> | undefined;
  if (sampling === undefined) {
    const why = options.method === 'none' ? 'the text was tokens already' : 'it splits a word in one way only';
    throw new UsageError(
      `train.sampleSubwords asks to split the ${sideNames[side]} again in each epoch, but the subwords of ${folder} have the method ${options.method}: ${why}. ` +
        'Prepare the corpus with the subwords bpe or sentencepiece, or leave this side out.',
    );
  }
  const sample = sampling.open(options, settings);
  const vocabulary = side === 'src' ? pipeline.srcVocabulary : pipeline.trgVocabulary;
  const seen = vocabulary.tokens.filter((_, id) => vocabulary.counts[id] > 0);
  const missing = [...sampling.units(options, seen)].filter(
    (unit) => !vocabulary.has(unit) && !specialTokens.includes(unit),
  );
  if (missing.length > 0)
    throw new UsageError(
      `train.sampleSubwords splits words into units that the ${sideNames[side]} vocabulary of ${folder} lacks: ${missing.length} of them, such as ${JSON.stringify(missing[0])}. ` +
        'They would become <unk>. Prepare the corpus with corpus.vocabulary.allUnits set to true.',
    );
  return (ids, random) => vocabulary.encode(sample(vocabulary.decode(ids), () => random.unit()));
}
