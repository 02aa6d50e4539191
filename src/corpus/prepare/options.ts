import { existsSync } from 'node:fs';
import { DataError, UsageError } from '../../errors.js';
import { checkFields, optionalInteger, optionalReal, type Section } from '../../field.js';
import { fileIdentity, type FileIdentity } from '../../storage/checksum.js';
import { fetchAdviceFor } from '../fetch/fetchAdviceFor.js';
import { synthCommandFor } from '../synth/synthCommandFor.js';
import { refusePipe } from '../../storage/refusePipe.js';
import { cleanCallFields, type CleanRules } from '../../text/clean/rules.js';
import type { PairFiles } from '../../text/linePairs.js';
import type { NormalizeSettings, PreprocessingStep, TokenizeSettings } from '../../text/preprocessingSteps.js';
import { subwordFiles } from '../../text/subwords/segmenter.js';
import type { AskedToLearn } from '../../text/subwords/subwordMethod.js';
import { subwordMethods, type PrepareSubwords } from '../../text/subwords/subwordMethods.js';
import type { Side } from '../../text/textPipeline.js';
import { vocabularyCallFields, type VocabularyLimits } from '../../text/vocabulary.js';
import type { LengthLimits, PrepareManifest } from './manifest.js';

/** The corpus to prepare. Paths are used as given; a configuration resolves them against its folder first. */
export interface PrepareOptions extends LengthLimits {
  /** Folder to write; it appears whole or not at all. */
  readonly outDir: string;
  readonly srcLang: string;
  readonly trgLang: string;
  readonly train: PairFiles;
  readonly valid?: PairFiles;
  readonly test?: PairFiles;
  /** Instead of `valid`: every nth cleaned training pair goes to the validation set. */
  readonly holdOutEvery?: number;
  /** Default: characters do not change. `lowercase`: lower case before every other step. */
  readonly normalize?: NormalizeSettings & { readonly lowercase?: boolean };
  /** Separates words like Moses. Default: words are separated in the text already, or by the subwords. */
  readonly tokenize?: Omit<TokenizeSettings, 'prefixes'> & {
    readonly srcPrefixes?: string;
    readonly trgPrefixes?: string;
  };
  /** Rules by which pairs of the training set are removed, applied after tokenisation. `leakage`: pairs that share a side with
   * a held-out set. */
  readonly clean?: CleanRules & { readonly leakage?: boolean };
  /** `lower`: lower case. `true`: the letter case of words within sentences, learnt from the training set like Moses'
   * truecaser. Default: letters do not change. */
  readonly letterCase?: (typeof letterCases)[number];
  /** Subwords of both sides. */
  readonly subwords: PrepareSubwords;
  /** Subwords of the target if they differ. */
  readonly trgSubwords?: PrepareSubwords;
  readonly vocabulary: VocabularyLimits & {
    /** One vocabulary for both sides, counted over both. */
    readonly joined: boolean;
    /** Vocabulary file to use instead of building one (of both sides if `joined`). */
    readonly srcFile?: string;
    readonly trgFile?: string;
    /** Also units that only other splits of the words have get an id: for training that samples subwords. */
    readonly allUnits?: boolean;
  };
  /** Number of files of the training set. Default: one per million pairs. */
  readonly shards?: number;
}

/** What configurations and library calls may set of a whole corpus: bounds and help. */
export const prepareFields = {
  holdOutEvery: optionalInteger(
    'Every nth training pair left by cleaning makes the validation set, instead of separate files.',
    { min: 2, unit: 'pairs' },
  ),
  maxLengthTokens: optionalInteger('Longer training pairs are left out, after subwords.', { min: 1, unit: 'tokens' }),
  maxLengthRatio: optionalReal('Training pairs with a larger length ratio, either way, are left out.', { min: 1 }),
  shards: optionalInteger('Files into which the training set is divided; default: one per million pairs.', {
    min: 1,
    max: 512, // as many files as a process may usually have open, and some left over
  }),
} as const satisfies Section;

/** What happens to letters after cleaning. */
export const letterCases = ['lower', 'true'] as const;

/** Whether the subwords are to be learnt. */
export function isLearnt(subwords: PrepareSubwords): subwords is Extract<PrepareSubwords, AskedToLearn> {
  return 'learn' in subwords;
}

/**
 * Steps from a raw line to words, for one side.
 * @param truecaseModel model file, if `letterCase` is `true` and the model is known already
 */
export function preprocessingSteps(
  options: PrepareOptions,
  side: Side,
  truecaseModel = '',
): { normalize: PreprocessingStep[]; tokenize: PreprocessingStep[]; letterCase: PreprocessingStep[] } {
  const language = side === 'src' ? options.srcLang : options.trgLang;
  const { tokenize, letterCase } = options;
  const { lowercase, ...normalize } = options.normalize ?? {};
  const asked = normalize.unicode !== undefined || normalize.punctuation || normalize.nonPrinting;
  const { srcPrefixes, trgPrefixes, ...tokenizeSettings } = tokenize ?? {};
  return {
    normalize: [
      ...(lowercase ? [{ step: 'lowercase' } as const] : []),
      ...(asked ? [{ step: 'normalize', language, ...normalize } as const] : []),
    ],
    tokenize: tokenize
      ? [{ step: 'tokenize', language, ...tokenizeSettings, prefixes: side === 'src' ? srcPrefixes : trgPrefixes }]
      : [],
    letterCase:
      letterCase === 'lower'
        ? [{ step: 'lowercase' }]
        : letterCase === 'true'
          ? [{ step: 'truecase', model: truecaseModel }]
          : [],
  };
}

/** @throws UsageError for options that contradict themselves or are out of range */
export function checkOptions(options: PrepareOptions): void {
  const { vocabulary, clean, valid, test, holdOutEvery } = options;
  const { joined, minCount, maxSize, srcFile, trgFile, allUnits } = vocabulary;
  if (joined && trgFile !== undefined)
    throw new UsageError(
      'vocabulary.trgFile is set although vocabulary.joined is true: give a joined vocabulary only as srcFile.',
    );
  if (srcFile !== undefined && (trgFile !== undefined || joined) && ((minCount ?? 1) > 1 || maxSize !== undefined)) {
    throw new UsageError(
      'vocabulary.minCount and maxSize have no effect on vocabularies read from files. Remove them, or the files.',
    );
  }
  if (allUnits && ((minCount ?? 1) > 1 || maxSize !== undefined || srcFile !== undefined || trgFile !== undefined))
    throw new UsageError(
      'corpus.vocabulary.allUnits gives every unit an id, but minCount, maxSize or a vocabulary file leaves some out. Remove one of the two.',
    );
  checkFields(vocabulary, vocabularyCallFields, 'corpus.vocabulary.', Object.keys(vocabularyCallFields));
  checkFields(options, prepareFields, 'corpus.');
  checkFields(clean ?? {}, cleanCallFields, 'corpus.clean.', Object.keys(cleanCallFields));
  if (holdOutEvery !== undefined && valid)
    throw new UsageError(
      'holdOutEvery takes the validation set from the training set, but files of a validation set are named too. Leave one out.',
    );
  requireLanguages(options);
  if (clean?.leakage && !valid && !test)
    throw new UsageError('clean.leakage is set, but there is no validation and no test set to look for.');
}

/** The defaults of corpus.srcLang and corpus.trgLang name no language. */
function requireLanguages({ srcLang, trgLang, tokenize, normalize, clean }: PrepareOptions): void {
  const asking = tokenize
    ? 'corpus.tokenize'
    : normalize?.punctuation
      ? 'corpus.normalize.punctuation'
      : (clean?.minScriptShare ?? 0) > 0
        ? 'corpus.clean.minScriptShare'
        : undefined;
  for (const [key, language, unset] of [
    ['corpus.srcLang', srcLang, 'src'],
    ['corpus.trgLang', trgLang, 'trg'],
  ]) {
    if (asking !== undefined && language === unset)
      throw new UsageError(`${key} is not set, but ${asking} depends on the language. Set it, for example to de.`);
  }
}

/** Settings by dotted name, without files (identified by content) and settings without a value. */
export function settingsOf(options: PrepareOptions): PrepareManifest['settings'] {
  const fileKeys = new Set(['outDir', 'train', 'valid', 'test', 'srcFile', 'trgFile', 'srcPrefixes', 'trgPrefixes']);
  const settings: Record<string, string | number | boolean> = {};
  const collect = (value: object, prefix: string): void => {
    for (const [key, part] of Object.entries(value)) {
      const isSubwordFile = subwordMethods.files.includes(key) && typeof part === 'string';
      if (fileKeys.has(key) || isSubwordFile || part === undefined) continue;
      if (Array.isArray(part)) settings[prefix + key] = JSON.stringify(part);
      else if (typeof part === 'object' && part !== null) collect(part as object, `${prefix}${key}.`);
      else settings[prefix + key] = part as string | number | boolean;
    }
  };
  // all its settings have defaults, so only the group's presence says that words are separated
  collect({ ...options, tokenize: options.tokenize && { method: 'moses', ...options.tokenize } }, '');
  return settings;
}

/** The user's files and their contents' checksums. @throws DataError for one that cannot be read */
export async function inputsOf(options: PrepareOptions): Promise<PrepareManifest['inputs']> {
  const paths: [string, string | undefined][] = [];
  for (const split of ['train', 'valid', 'test'] as const) {
    paths.push([`${split}.src`, options[split]?.src], [`${split}.trg`, options[split]?.trg]);
  }
  paths.push(
    ['tokenize.srcPrefixes', options.tokenize?.srcPrefixes],
    ['tokenize.trgPrefixes', options.tokenize?.trgPrefixes],
  );
  for (const [name, subwords] of [
    ['subwords', options.subwords],
    ['trgSubwords', options.trgSubwords],
  ] as const) {
    if (subwords && !isLearnt(subwords))
      for (const [kind, path] of Object.entries(subwordFiles(subwords))) paths.push([`${name}.${kind}`, path]);
  }
  paths.push(['vocabulary.srcFile', options.vocabulary.srcFile], ['vocabulary.trgFile', options.vocabulary.trgFile]);
  const inputs: Record<string, FileIdentity & { path: string }> = {};
  for (const [name, path] of paths) {
    if (path === undefined) continue;
    if (!existsSync(path)) throw missing(path, name);
    refusePipe(path, name);
    inputs[name] = { path, ...(await fileIdentity(path)) };
  }
  return inputs;
}

function missing(path: string, name: string): DataError {
  const synth = synthCommandFor(path);
  const advice =
    fetchAdviceFor(path) ??
    (synth === undefined ? 'Check the path, or write the file first.' : `Get the corpus first: ${synth}`);
  return new DataError(`corpus.${name} is ${path}, but there is no such file. ${advice}`);
}
