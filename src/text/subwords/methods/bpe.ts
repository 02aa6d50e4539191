import { UsageError } from '../../../errors.js';
import { optionalInteger, optionalPath, texts, type Section } from '../../../field.js';
import { jsonBoolean, jsonList, jsonNumber, jsonObject, jsonOptional, jsonText } from '../../../storage/jsonFile.js';
import { readTextFile } from '../../../storage/textFile.js';
import { bpeTokenizer } from '../../tokenizerExport/fromBpe.js';
import { Bpe, removeJoiner } from '../bpe.js';
import { parseBpeCodes, readBpeCodes, readBpeVocabulary } from '../bpeCodes.js';
import { bpeCodesText, bpeVocabularyText, learnBpe, mergesField } from '../learnBpe.js';
import { bpeSampler, bpeUnits } from '../sampleBpe.js';
import { subwordMethod, type Side } from '../subwordMethod.js';
import { countUnits } from '../unitCounts.js';

const fields = {
  merges: mergesField,
  codes: optionalPath('subword-nmt codes file, for bpe.'),
  vocabulary: optionalPath('subword-nmt vocabulary file, for bpe: rarer units are split further.'),
  vocabularyThreshold: optionalInteger(
    'Units seen less often are split further: counted in that file, or with learnt merges in the training set.',
    { min: 0 },
  ),
  glossaries: texts('Regular expressions of words that bpe keeps whole.'),
} as const satisfies Section;

/** Byte-pair encoding with a codes file of subword-nmt. File names are paths; files may end in .gz. */
export interface BpeFiles {
  readonly method: 'bpe';
  readonly codes: string;
  /** subword-nmt vocabulary file: units seen less often than `vocabularyThreshold` are split further. */
  readonly vocabulary?: string;
  readonly vocabularyThreshold?: number;
  /** Regular expressions for words kept whole. */
  readonly glossaries?: readonly string[];
}

/** Merges learnt from the training set: from both sides together, or from one if the other has other subwords. */
export interface LearntBpe {
  readonly method: 'bpe';
  readonly learn: { readonly merges: number; readonly minFrequency?: number };
  /** Units seen less often than this on a side are split further there. */
  readonly vocabularyThreshold?: number;
  readonly glossaries?: readonly string[];
}

interface SavedBpe {
  readonly method: 'bpe';
  readonly hasVocabulary?: boolean;
  readonly vocabularyThreshold?: number;
  readonly glossaries?: readonly string[];
}

/** Files of the learnt merges. */
const codesFile = 'codes';
const vocabularyFile = (side: Side): string => `vocabulary.${side}`;

function readFilter({ vocabulary, vocabularyThreshold }: BpeFiles): Set<string> | undefined {
  return vocabulary === undefined ? undefined : readBpeVocabulary(vocabulary, vocabularyThreshold);
}

function openBpe(options: BpeFiles): Bpe {
  return new Bpe(readBpeCodes(options.codes), { vocabulary: readFilter(options), glossaries: options.glossaries });
}

export const bpe = subwordMethod<typeof fields, BpeFiles, LearntBpe>({
  fields,
  ask({ merges, codes, vocabulary, vocabularyThreshold, glossaries }, { name, missing }) {
    if (merges !== undefined) {
      if (codes !== undefined || vocabulary !== undefined)
        throw new UsageError(
          `${name('merges')} asks to learn, but ${codes === undefined ? 'vocabulary' : 'codes'} names a learnt file. Set one of the two.`,
        );
      return { method: 'bpe', learn: { merges }, vocabularyThreshold, glossaries };
    }
    if (vocabularyThreshold !== undefined && vocabulary === undefined)
      throw new UsageError(
        `${name('vocabularyThreshold')} has no effect, as ${name('vocabulary')} is not set. Remove it, or set ${name('vocabulary')}.`,
      );
    return {
      method: 'bpe',
      codes: codes ?? missing('codes', ` To learn from the training set, set ${name('merges')}.`),
      vocabulary,
      vocabularyThreshold,
      glossaries,
    };
  },
  files: {
    codes: (path) => readTextFile(path, 'BPE codes file'),
    vocabulary: (path) => readTextFile(path, 'BPE vocabulary'),
  },
  save: ({ vocabulary, vocabularyThreshold, glossaries }): SavedBpe => ({
    method: 'bpe',
    hasVocabulary: vocabulary !== undefined,
    vocabularyThreshold,
    glossaries,
  }),
  load(saved, path) {
    const { hasVocabulary, vocabularyThreshold, glossaries } = saved as SavedBpe;
    return {
      method: 'bpe',
      codes: path('codes'),
      vocabulary: hasVocabulary ? path('vocabulary') : undefined,
      vocabularyThreshold,
      glossaries,
    };
  },
  savedShape: jsonObject({
    hasVocabulary: jsonOptional(jsonBoolean),
    vocabularyThreshold: jsonOptional(jsonNumber),
    glossaries: jsonOptional(jsonList(jsonText)),
  }),
  open(options) {
    const model = openBpe(options);
    return {
      segment: (lines) => model.map(lines, (line) => model.segment(line)),
      join: (tokens) => removeJoiner(tokens.join(' ')),
      close: async () => {},
    };
  },
  learning: {
    /**
     * As subword-nmt's learn-joint-bpe-and-vocab: merges from both sides, or from one; and how often each unit then
     * occurs on each side, for `vocabularyThreshold`. Memory holds the distinct words.
     */
    async learn({ merges, minFrequency }, { sides, counts, write, progress }) {
      const words = await counts(sides);
      const learnt = learnBpe(words, {
        numMerges: merges,
        minFrequency,
        onMerge: (done) => progress(done, merges, 'merges'),
      });
      const codes = bpeCodesText(learnt);
      write(codesFile, codes);
      const model = new Bpe(parseBpeCodes(codes, codesFile));
      for (const side of sides) write(vocabularyFile(side), bpeVocabularyText(countUnits(await counts([side]), model)));
      return { merges: learnt.length, words: words.size };
    },
    learnt: ({ vocabularyThreshold, glossaries }, side, path) => ({
      method: 'bpe',
      codes: path(codesFile),
      glossaries,
      ...(vocabularyThreshold !== undefined && { vocabulary: path(vocabularyFile(side)), vocabularyThreshold }),
    }),
  },
  sampling: {
    units: (options, seen) =>
      bpeUnits(readBpeCodes(options.codes), seen, {
        filter: readFilter(options),
        hasGlossaries: (options.glossaries ?? []).length > 0,
      }),
    open: (options, { subwordDropout }) => bpeSampler(openBpe(options), subwordDropout),
  },
  tokenizerJson({ codes, vocabulary: filter, glossaries }, vocabulary) {
    if (filter !== undefined)
      throw new UsageError(
        'the corpus was segmented with a BPE vocabulary filter, which a tokenizer.json cannot hold. Prepare it without vocabulary and vocabularyThreshold.',
      );
    if (glossaries !== undefined && glossaries.length > 0)
      throw new UsageError(
        'the corpus was segmented with glossaries, which a tokenizer.json cannot hold. Prepare it without.',
      );
    return bpeTokenizer(readBpeCodes(codes), vocabulary, codes);
  },
});
