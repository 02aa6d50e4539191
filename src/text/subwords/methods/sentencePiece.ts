import { readFileSync } from 'node:fs';
import { UsageError } from '../../../errors.js';
import { optionalPath, type Section, type Values } from '../../../field.js';
import { jsonObject } from '../../../storage/jsonFile.js';
import { learnSentencePiece } from '../../sentencepiece/learnSentencePiece.js';
import { learnFields } from '../../sentencepiece/options.js';
import { pieceSampler, pieceUnits } from '../../sentencepiece/samplePieces.js';
import { sentencePieceTokenizer } from '../../tokenizerExport/fromSentencePiece.js';
import { SentencePiece } from '../sentencePiece.js';
import { parseSentencePieceModel, type SentencePieceInfo } from '../sentencePieceModel.js';
import { subwordMethod } from '../subwordMethod.js';

const fields = {
  model: optionalPath('SentencePiece model, for sentencepiece.'),
  ...learnFields,
} as const satisfies Section;

/** A SentencePiece model, by its path. */
export interface SentencePieceFile {
  readonly method: 'sentencepiece';
  readonly model: string;
}

/** A model learnt from the training set, like `LearntBpe`; unset options have spm_train's defaults. */
export interface LearntSentencePiece {
  readonly method: 'sentencepiece';
  readonly learn: { readonly vocabSize: number } & Partial<Omit<Values<typeof learnFields>, 'vocabSize'>>;
}

const modelFile = 'model';

const readModel = (path: string): SentencePieceInfo => parseSentencePieceModel(readFileSync(path), path);

export const sentencepiece = subwordMethod<typeof fields, SentencePieceFile, LearntSentencePiece>({
  fields,
  onlyWith: { modelType: 'vocabSize', characterCoverage: 'vocabSize' },
  ask({ model, vocabSize, modelType, characterCoverage }, { name, missing }) {
    if (vocabSize === undefined)
      return {
        method: 'sentencepiece',
        model: model ?? missing('model', ` To learn one from the training set, set ${name('vocabSize')}.`),
      };
    if (model !== undefined)
      throw new UsageError(`${name('vocabSize')} asks to learn, but model names a learnt one. Set one of the two.`);
    return { method: 'sentencepiece', learn: { vocabSize, modelType, characterCoverage } };
  },
  files: { model: (path) => readFileSync(path) },
  save: ({ method }) => ({ method }),
  load: (_, path) => ({ method: 'sentencepiece', model: path('model') }),
  savedShape: jsonObject({}),
  async open(options) {
    const model = await SentencePiece.open(options.model);
    return {
      segment: (lines) => model.encode(lines),
      join: (pieces) => model.decode(pieces),
      close: () => model.close(),
    };
  },
  learning: {
    /** From both sides together, or from one. Memory holds the distinct words. */
    async learn(settings, { sides, counts, write, progress }) {
      const { model, numPieces } = await learnSentencePiece(await counts(sides), { ...settings, onProgress: progress });
      write(modelFile, model);
      return { pieces: numPieces };
    },
    learnt: (_, __, path) => ({ method: 'sentencepiece', model: path(modelFile) }),
  },
  sampling: {
    units: ({ model }, seen) => pieceUnits(readModel(model), seen),
    open: ({ model }, settings) => pieceSampler(readModel(model), model, settings),
  },
  tokenizerJson: ({ model }, vocabulary) => sentencePieceTokenizer(readModel(model), vocabulary, model),
});
