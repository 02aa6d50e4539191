import { shellWord } from '../format.js';
import { configFile, withPlaces } from './loadConfig.js';
import type { Config } from './schema.js';
import type { PairFiles } from '../text/linePairs.js';
import { checkSentencePerLine } from '../corpus/extract/sentencePerLine.js';
import type { PrepareOptions } from '../corpus/prepare/options.js';
import { subwordMethods, type PrepareSubwords } from '../text/subwords/subwordMethods.js';
import { UsageError } from '../errors.js';
import { vocabularyFields } from '../text/vocabulary.js';

/**
 * The options of `prepareCorpus` in a configuration's `corpus` section.
 * @throws UsageError naming the first key that is missing
 */
export function prepareOptions(config: Config): PrepareOptions {
  return withPlaces(config, () => optionsOf(config));
}

function optionsOf({ corpus }: Config): PrepareOptions {
  const { vocabulary } = corpus;
  const fromFiles = vocabulary.srcFile !== undefined && (vocabulary.joined || vocabulary.trgFile !== undefined);
  return {
    outDir: corpusFolder({ corpus }),
    srcLang: corpus.srcLang,
    trgLang: corpus.trgLang,
    train: pairFiles('train', corpus) ?? missing('corpus.train.src'),
    valid: pairFiles('valid', corpus),
    test: pairFiles('test', corpus),
    holdOutEvery: corpus.holdOutEvery,
    ...preprocessingOptions(corpus),
    subwords: subwordOptions('subwords', corpus.subwords),
    trgSubwords:
      corpus.trgSubwords.method === 'same'
        ? undefined
        : subwordOptions('trgSubwords', { ...corpus.trgSubwords, method: corpus.trgSubwords.method }),
    vocabulary: {
      joined: vocabulary.joined,
      srcFile: vocabulary.srcFile,
      trgFile: vocabulary.trgFile,
      maxSize: vocabulary.maxSize,
      minCount:
        fromFiles && vocabulary.minCount === vocabularyFields.minCount.default ? undefined : vocabulary.minCount,
      ...(vocabulary.allUnits && { allUnits: true }),
    },
    maxLengthTokens: corpus.maxLengthTokens,
    maxLengthRatio: corpus.maxLengthRatio,
    shards: corpus.shards,
  };
}

/** Steps before subwords; a group without settings gives no step. */
function preprocessingOptions({
  normalize,
  tokenize,
  clean,
  letterCase,
}: Config['corpus']): Pick<PrepareOptions, 'normalize' | 'tokenize' | 'clean' | 'letterCase'> {
  const { lowercase, unicode, punctuation, nonPrinting } = normalize;
  const { method, protectedPatterns, ...tokenizer } = tokenize;
  const { duplicates, ignoreXml, controlCharacters, sameText, wrongLanguage, leakage, ...limits } = clean;
  const flags = Object.fromEntries(
    Object.entries({ ignoreXml, controlCharacters, sameText, wrongLanguage, leakage }).filter(([, set]) => set),
  );
  const rules = { ...limits, ...flags, ...(duplicates.length > 0 && { duplicates }) };
  return {
    normalize:
      unicode !== 'none' || punctuation || nonPrinting || lowercase
        ? {
            unicode: unicode === 'none' ? undefined : unicode,
            punctuation,
            nonPrinting,
            ...(lowercase && { lowercase }),
          }
        : undefined,
    tokenize:
      method === 'moses' ? { ...tokenizer, ...(protectedPatterns.length > 0 && { protectedPatterns }) } : undefined,
    clean: Object.values(rules).some((value) => value !== undefined) ? rules : undefined,
    letterCase: letterCase === 'keep' ? undefined : letterCase,
  };
}

/** The folder of the prepared corpus. @throws UsageError if it is not set */
export function corpusFolder({ corpus }: Pick<Config, 'corpus'>): string {
  return corpus.dir ?? missing('corpus.dir');
}

function pairFiles(split: 'train' | 'valid' | 'test', corpus: Config['corpus']): PairFiles | undefined {
  const { src, trg } = corpus[split];
  if (src === undefined && trg === undefined) return undefined;
  const files = { src: src ?? missing(`corpus.${split}.src`), trg: trg ?? missing(`corpus.${split}.trg`) };
  checkSentencePerLine(files, corpus, `corpus.${split}.`);
  return files;
}

function subwordOptions(
  group: 'subwords' | 'trgSubwords',
  { method, ...settings }: Config['corpus']['subwords'],
): PrepareSubwords {
  const name = (key: string): string => `corpus.${group}.${key}`;
  return subwordMethods
    .method(method)
    .ask(settings as never, { name, missing: (key, orElse) => missing(name(key), orElse) }) as PrepareSubwords;
}

function missing(key: string, orElse = ''): never {
  throw new UsageError(
    `the configuration does not set ${key}. Set it in the file, or with --set ${key}=PATH.${orElse}`,
  );
}

/** The command that prepares a configuration's corpus, for messages. */
export function prepareCommand(config: Config): string {
  const file = configFile(config);
  return `coldstart corpus prepare${file === undefined ? '' : ` -c ${shellWord(file)}`}`;
}
