import type { Config } from '../config/schema.js';
import type { PairFiles } from '../data/linePairs.js';
import type { PrepareOptions } from '../data/prepare.js';
import type { SubwordOptions } from '../data/subwords/segmenter.js';
import { UsageError } from '../errors.js';

/**
 * What a configuration's `corpus` section asks `prepareCorpus` to do.
 * @throws UsageError naming the first key that is missing
 */
export function prepareOptions({ corpus }: Config): PrepareOptions {
  const { vocabulary } = corpus;
  const fromFiles = vocabulary.srcFile !== undefined && (vocabulary.joined || vocabulary.trgFile !== undefined);
  return {
    outDir: corpusFolder({ corpus }),
    srcLang: corpus.srcLang,
    trgLang: corpus.trgLang,
    train: pairFiles('train', corpus.train) ?? missing('corpus.train.src'),
    valid: pairFiles('valid', corpus.valid),
    test: pairFiles('test', corpus.test),
    subwords: subwordOptions('subwords', corpus.subwords),
    trgSubwords: corpus.trgSubwords.method === 'same' ? undefined : subwordOptions('trgSubwords', { ...corpus.trgSubwords, method: corpus.trgSubwords.method }),
    vocabulary: {
      joined: vocabulary.joined, srcFile: vocabulary.srcFile, trgFile: vocabulary.trgFile, maxSize: vocabulary.maxSize,
      minCount: fromFiles && vocabulary.minCount === 1 ? undefined : vocabulary.minCount,
    },
    maxLengthTokens: corpus.maxLengthTokens,
    maxLengthRatio: corpus.maxLengthRatio,
  };
}

/** The folder of the prepared corpus. @throws UsageError if it is not set */
export function corpusFolder({ corpus }: Pick<Config, 'corpus'>): string {
  return corpus.dir ?? missing('corpus.dir');
}

function pairFiles(split: string, { src, trg }: { src?: string; trg?: string }): PairFiles | undefined {
  if (src === undefined && trg === undefined) return undefined;
  return { src: src ?? missing(`corpus.${split}.src`), trg: trg ?? missing(`corpus.${split}.trg`) };
}

function subwordOptions(group: 'subwords' | 'trgSubwords', subwords: Config['corpus']['subwords']): SubwordOptions {
  switch (subwords.method) {
    case 'none':
      return { method: 'none', joiner: subwords.joiner };
    case 'bpe':
      return {
        method: 'bpe', codes: subwords.codes ?? missing(`corpus.${group}.codes`), vocabulary: subwords.vocabulary,
        vocabularyThreshold: subwords.vocabularyThreshold, glossaries: subwords.glossaries,
      };
    case 'sentencepiece':
      return { method: 'sentencepiece', model: subwords.model ?? missing(`corpus.${group}.model`) };
  }
}

function missing(key: string): never {
  throw new UsageError(`the configuration does not set ${key}. Set it in the file, or with --set ${key}=PATH.`);
}
