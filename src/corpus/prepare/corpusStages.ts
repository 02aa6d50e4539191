import { join } from 'node:path';
import { subwordFiles, type SubwordOptions } from '../../text/subwords/segmenter.js';
import type { PreprocessingStep } from '../../text/preprocessing.js';
import type { Side } from '../../text/textPipeline.js';
import { binarizeStage, type BinarizeReport } from './binarize.js';
import { cleanStage, type CleanReport } from './clean.js';
import { countWordsStage, type CountReport } from './countWords.js';
import { deduplicateStage } from './deduplicate.js';
import { learnBpeStage, learnSentencePieceStage, learntFiles } from './learnSubwords.js';
import { learnTruecaseStage } from './learnTruecase.js';
import { heldOutReadStage, holdOutStage } from './holdOut.js';
import type { SplitName } from './manifest.js';
import {
  isLearnt,
  preprocessingSteps,
  type LearntBpe,
  type LearntSentencePiece,
  type PrepareOptions,
  type PrepareSubwords,
} from './options.js';
import type { TextReport } from './parts.js';
import { preprocessStage } from './preprocess.js';
import { readStage, type ReadReport } from './readText.js';
import { segmentStage, type SegmentReport, type SubwordPlan } from './segment.js';
import type { Plain, Stage, StageContext } from './stage.js';
import { vocabularyStage, type VocabularyReport } from './vocabulary.js';

/** The stages that one split goes through. */
export interface SplitStages {
  readonly read: Stage<ReadReport>;
  /** Those that remove pairs. */
  readonly cleaning: readonly Stage<CleanReport>[];
  /** Text as it is before subwords. */
  readonly words: Stage<TextReport>;
  readonly segment: Stage<SegmentReport>;
  readonly binarize: Stage<BinarizeReport & { files: string[] }>;
}

export interface CorpusStages {
  /** All, in an order in which they can be carried out. */
  readonly all: readonly Stage[];
  readonly splits: ReadonlyMap<SplitName, SplitStages>;
  readonly vocabulary: Stage<VocabularyReport>;
  readonly subwords: SubwordPlan;
  /** Learns how words are written, if asked for. */
  readonly truecaser?: Stage;
}

const splitNames = ['train', 'valid', 'test'] as const;

/** Room in a shard unless the number of shards is set. */
const pairsPerShard = 1_000_000;

/**
 * The stages that the options ask for: read → normalize → tokenize → clean → hold out → lowercase or truecase → learn subwords → segment →
 * vocabulary → binarize. A step that is not asked for has no stage.
 */
export function corpusStages(options: PrepareOptions, pairsPerPart: number): CorpusStages {
  const all: Stage[] = [];
  const add = <S extends Stage>(stage: S): S => {
    all.push(stage);
    return stage;
  };
  let names = splitNames.filter((split) => options[split] !== undefined);
  const steps = { src: preprocessingSteps(options, 'src'), trg: preprocessingSteps(options, 'trg') };
  let truecaser: Stage | undefined;
  const preprocess = (
    step: string,
    split: SplitName,
    source: Stage<TextReport>,
    src: PreprocessingStep[],
    trg: PreprocessingStep[],
  ): Stage<TextReport> =>
    src.length === 0 ? source : add(preprocessStage(`${step}.${split}`, source, { src, trg }, truecaser));

  const read = new Map(names.map((split) => [split, add(readStage(split, options[split]!, pairsPerPart))]));
  const text = new Map<SplitName, Stage<TextReport>>(read);
  const eachSplit = (step: keyof typeof steps.src, stageName: string): void => {
    for (const split of names)
      text.set(split, preprocess(stageName, split, text.get(split)!, steps.src[step], steps.trg[step]));
  };
  eachSplit('normalize', 'normalize');
  eachSplit('tokenize', 'tokenize');
  const cleaning: Stage<CleanReport>[] = [];
  if (options.clean) {
    const { duplicates = [], leakage = false, ...rules } = options.clean;
    const heldOut = leakage ? names.filter((split) => split !== 'train').map((split) => text.get(split)!) : [];
    cleaning.push(add(cleanStage(text.get('train')!, rules, options, heldOut)));
    if (duplicates.length > 0) cleaning.push(add(deduplicateStage(cleaning[0], duplicates)));
    text.set('train', cleaning[cleaning.length - 1]);
  }
  if (options.holdOutEvery !== undefined) {
    const source = text.get('train')!;
    for (const split of ['valid', 'train'] as const)
      text.set(split, add(holdOutStage(split, source, options.holdOutEvery)));
    read.set('valid', add(heldOutReadStage(read.get('train')!, text.get('valid')!)));
    names = splitNames.filter((split) => text.has(split));
  }
  if (options.letterCase === 'true') truecaser = add(learnTruecaseStage(text.get('train')!));
  eachSplit('letterCase', options.letterCase === 'true' ? 'truecase' : 'lowercase');

  const subwords = subwordPlan(options, text.get('train')!, add);
  const limits = { maxLengthTokens: options.maxLengthTokens, maxLengthRatio: options.maxLengthRatio };
  const segment = new Map(
    names.map((split) => {
      const train = split === 'train';
      const { src, trg } = options[split] ?? options.train;
      const inputs = `the lines of ${src} and ${trg}`;
      return [split, add(segmentStage(split, text.get(split)!, subwords, train ? limits : undefined, inputs))];
    }),
  );
  const vocabulary = add(vocabularyStage(segment.get('train')!, options.vocabulary));
  const splits = new Map(
    names.map((split): [SplitName, SplitStages] => {
      const shards = split === 'train' ? { shards: options.shards, pairsPerShard } : { shards: 1, pairsPerShard };
      return [
        split,
        {
          read: read.get(split)!,
          cleaning: split === 'train' ? cleaning : [],
          words: text.get(split)!,
          segment: segment.get(split)!,
          binarize: add(binarizeStage(split, segment.get(split)!, vocabulary, shards)),
        },
      ];
    }),
  );
  return { all, splits, vocabulary, subwords, truecaser };
}

/** What is applied to each side, with the stages that learn it first. */
function subwordPlan(
  options: PrepareOptions,
  train: Stage<TextReport>,
  add: <S extends Stage>(stage: S) => S,
): SubwordPlan {
  const separate = options.trgSubwords !== undefined;
  const asked: Record<Side, PrepareSubwords> = { src: options.subwords, trg: options.trgSubwords ?? options.subwords };
  const learnt: Partial<Record<Side, Stage>> = {};
  if (isLearnt(asked.src) || isLearnt(asked.trg)) {
    const words = add(countWordsStage(train));
    if (isLearnt(asked.src))
      learnt.src = add(
        learnStage(separate ? 'learn.src' : 'learn', words, separate ? ['src'] : ['src', 'trg'], asked.src),
      );
    if (isLearnt(asked.trg))
      learnt.trg = separate ? add(learnStage('learn.trg', words, ['trg'], asked.trg)) : learnt.src;
  }
  const settings: Record<string, Plain> = {};
  const files: Record<string, string> = {};
  for (const side of ['src', 'trg'] as const) {
    const subwords = asked[side];
    const own = isLearnt(subwords) ? {} : subwordFiles(subwords); // files count by content
    for (const [kind, path] of Object.entries(own)) files[`${side}.${kind}`] = path;
    // the learning stage's result says what was learnt
    const given = Object.entries(subwords).filter(
      ([key, value]) => !(key in own) && key !== 'learn' && value !== undefined,
    );
    settings[side] = Object.fromEntries(given) as Record<string, Plain>;
  }
  return {
    settings,
    files,
    learnt: [...new Set(Object.values(learnt))],
    options: (result) => ({
      src: resolveSubwords('src', asked.src, learnt.src, result),
      trg: resolveSubwords('trg', asked.trg, learnt.trg, result),
    }),
  };
}

function learnStage(
  name: string,
  words: Stage<CountReport>,
  sides: readonly Side[],
  asked: LearntBpe | LearntSentencePiece,
): Stage {
  return asked.method === 'bpe'
    ? learnBpeStage(name, words, sides, asked.learn)
    : learnSentencePieceStage(name, words, sides, asked.learn);
}

function resolveSubwords(
  side: Side,
  asked: PrepareSubwords,
  learnt: Stage | undefined,
  result: StageContext['result'],
): SubwordOptions {
  if (!isLearnt(asked)) return asked;
  const { folder } = result(learnt!);
  if (asked.method === 'sentencepiece') return { method: 'sentencepiece', model: join(folder, learntFiles.model) };
  const { vocabularyThreshold, glossaries } = asked;
  return {
    method: 'bpe',
    codes: join(folder, learntFiles.codes),
    glossaries,
    ...(vocabularyThreshold !== undefined && {
      vocabulary: join(folder, learntFiles.vocabulary[side]),
      vocabularyThreshold,
    }),
  };
}
