import { join } from 'node:path';
import { subwordFiles } from '../../text/subwords/segmenter.js';
import { subwordMethods, type PrepareSubwords, type SubwordOptions } from '../../text/subwords/subwordMethods.js';
import type { Side } from '../../text/textPipeline.js';
import { binarizeStage, type BinarizeReport } from './binarize.js';
import { chooseStage, type ChooseReport } from './choose.js';
import { countWordsStage } from './countWords.js';
import { learnLanguagesStage } from './learnLanguages.js';
import { learnStage } from './learnSubwords.js';
import type { SplitName } from './manifest.js';
import { isLearnt, preprocessingSteps, type PrepareOptions } from './options.js';
import type { SplitText } from './parts.js';
import type { RemovedCounts } from './removed.js';
import { segmentStage, type SegmentReport, type SubwordPlan } from './segment.js';
import type { Plain, Stage, StageContext } from './stage.js';
import { learnTruecaseStage, truecaseStage } from './truecase.js';
import { vocabularyStage, type VocabularyReport } from './vocabulary.js';
import type { SideSteps } from './sideSteps.js';
import { wordsStage, type WordsReport } from './words.js';

/** The stages of one split. */
export interface SplitStages {
  /** Those of the training set, if the split is held out of it. */
  readonly words: Stage<WordsReport>;
  readonly heldOut: boolean;
  /** Those that remove pairs. */
  readonly removing: readonly Stage<{ readonly removed: RemovedCounts }>[];
  /** Text before subwords. */
  readonly text: SplitText;
  readonly segment: Stage<SegmentReport>;
  readonly binarize: Stage<BinarizeReport & { files: string[] }>;
}

export interface CorpusStages {
  /** All stages, in an order in which they can run. */
  readonly all: readonly Stage[];
  readonly splits: ReadonlyMap<SplitName, SplitStages>;
  readonly vocabulary: Stage<VocabularyReport>;
  readonly subwords: SubwordPlan;
  /** Learns the letter case of words, if configured. */
  readonly truecaser?: Stage;
}

const splitNames = ['train', 'valid', 'test'] as const;

/** Pairs per shard unless the number of shards is set. */
const pairsPerShard = 1_000_000;

/**
 * The stages for these options: words → choose → truecase → learn subwords → segment → vocabulary → binarize. A step
 * that is not configured has no stage. Four results are large: words, codes, segmented text with counts, ids.
 */
export function corpusStages(options: PrepareOptions, pairsPerPart: number): CorpusStages {
  const all: Stage[] = [];
  const add = <S extends Stage>(stage: S): S => {
    all.push(stage);
    return stage;
  };
  const { words, choice } = wordsStages(options, pairsPerPart, add);
  const text = new Map<SplitName, SplitText>();
  for (const split of splitNames) {
    const chosen = split === 'train' || options.holdOutEvery !== undefined ? split : undefined;
    if (choice && chosen !== undefined && chosen !== 'test')
      text.set(split, { stage: words.get('train')!, choice: { stage: choice, fate: chosen } });
    else if (words.has(split)) text.set(split, { stage: words.get(split)! });
  }
  let truecaser: Stage | undefined;
  if (options.letterCase === 'true') {
    truecaser = add(learnTruecaseStage(text.get('train')!));
    for (const [split, own] of text) text.set(split, { stage: add(truecaseStage(split, own, truecaser)) });
  }

  const subwords = subwordPlan(options, text.get('train')!, add);
  const limits = { maxLengthTokens: options.maxLengthTokens, maxLengthRatio: options.maxLengthRatio };
  const segment = new Map(
    [...text.keys()].map((split) => {
      const train = split === 'train';
      const { src, trg } = options[split] ?? options.train;
      const inputs = `the lines of ${src} and ${trg}`;
      return [split, add(segmentStage(split, text.get(split)!, subwords, train ? limits : undefined, inputs))];
    }),
  );
  const vocabulary = add(vocabularyStage(segment.get('train')!, options.vocabulary, subwords));
  const splits = new Map(
    [...text.keys()].map((split): [SplitName, SplitStages] => {
      const shards = split === 'train' ? { shards: options.shards, pairsPerShard } : { shards: 1, pairsPerShard };
      return [
        split,
        {
          words: words.get(split) ?? words.get('train')!,
          heldOut: !words.has(split),
          removing: split === 'train' && options.clean ? [words.get(split)!, ...(choice ? [choice] : [])] : [],
          text: text.get(split)!,
          segment: segment.get(split)!,
          binarize: add(binarizeStage(split, segment.get(split)!, vocabulary, shards)),
        },
      ];
    }),
  );
  return { all, splits, vocabulary, subwords, truecaser };
}

/**
 * All line-by-line work, for each split that has files; and the fate of each pair of the training set, if not all stay.
 */
function wordsStages(
  options: PrepareOptions,
  pairsPerPart: number,
  add: <S extends Stage>(stage: S) => S,
): { words: ReadonlyMap<SplitName, Stage<WordsReport>>; choice?: Stage<ChooseReport> } {
  const { srcLang, trgLang, clean, holdOutEvery } = options;
  const { duplicates = [], leakage = false, ...rules } = clean ?? {};
  const src = preprocessingSteps(options, 'src');
  const trg = preprocessingSteps(options, 'trg');
  const before: SideSteps = { src: [...src.normalize, ...src.tokenize], trg: [...trg.normalize, ...trg.tokenize] };
  // the letter case of words within sentences is learnt from the remaining pairs
  const after: SideSteps =
    options.letterCase === 'lower' ? { src: src.letterCase, trg: trg.letterCase } : { src: [], trg: [] };
  const shared = { srcLang, trgLang, before, after };
  const words = new Map<SplitName, Stage<WordsReport>>();
  for (const split of ['valid', 'test'] as const) {
    const files = options[split];
    const hashes = leakage ? (['source', 'target'] as const) : [];
    if (files) words.set(split, add(wordsStage(split, { ...shared, files, hashes }, { heldOut: [] }, pairsPerPart)));
  }
  const files = options.train;
  const needs = {
    heldOut: leakage ? [...words.values()] : [],
    languages: rules.wrongLanguage ? add(learnLanguagesStage(files, before)) : undefined,
  };
  const cleaned = { ...shared, files, rules: clean && rules, hashes: duplicates };
  const train = add(wordsStage('train', cleaned, needs, pairsPerPart));
  words.set('train', train);
  const choosing = duplicates.length > 0 || holdOutEvery !== undefined;
  return { words, choice: choosing ? add(chooseStage(train, duplicates, holdOutEvery)) : undefined };
}

/** The subwords of each side, with the stages that learn them first. */
function subwordPlan(options: PrepareOptions, train: SplitText, add: <S extends Stage>(stage: S) => S): SubwordPlan {
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
    // identified by the learning stage's result
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

function resolveSubwords(
  side: Side,
  asked: PrepareSubwords,
  learnt: Stage | undefined,
  result: StageContext['result'],
): SubwordOptions {
  if (!isLearnt(asked)) return asked;
  const { folder } = result(learnt!);
  return subwordMethods
    .method(asked.method)
    .learning!.learnt(asked, side, (file) => join(folder, file)) as SubwordOptions;
}
