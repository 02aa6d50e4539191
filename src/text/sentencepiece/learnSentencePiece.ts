import { UsageError } from '../../errors.js';
import { encodeMessage, utf8, type Field as Encoded } from '../../storage/protobuf.js';
import { learnBpePieces } from './bpeTrainer.js';
import { completed, type Values } from '../../field.js';
import { CharsMap, normalizationRules } from './charsMap.js';
import { sentencePieceFields } from './options.js';
import { PieceChecker } from './pieceRules.js';
import { TrainingText } from './trainingText.js';
import { learnUnigram, type LearnProgress, type ScoredPiece } from './unigramTrainer.js';

/**
 * What a model is learnt as: `sentencePieceFields`, whose names and defaults are spm_train's. All but the size may be
 * left out.
 */
export type SentencePieceOptions = Partial<Values<typeof sentencePieceFields>> & {
  /** All pieces, special ones included. */
  readonly vocabSize: number;
  readonly onProgress?: LearnProgress;
};

/** A learnt model as the texts of its files. */
export interface LearntModel {
  /** The .model file, as spm_encode and sentencepiece-js load it. */
  readonly model: Uint8Array;
  /** The .vocab file: piece, tab, score. */
  readonly vocab: string;
  readonly numPieces: number;
  readonly numLines: number;
  /** Lines left out because they were too long. */
  readonly tooLong: number;
}

/** Types of pieces in model files. */
const pieceTypes = { normal: 1, unknown: 2, control: 3, userDefined: 4, byte: 6 } as const;
interface Piece extends ScoredPiece {
  readonly type: keyof typeof pieceTypes;
}

/**
 * Learns a SentencePiece model from lines of text, or from words with their counts.
 *
 * @throws UsageError for an option that cannot be used, or if the vocabulary is too small for the characters or too
 * large for the text
 * Source: Kudo and Richardson 2018 (D18-2012); file format of SentencePiece's sentencepiece_model.proto
 */
export async function learnSentencePiece(
  lines: Iterable<string> | AsyncIterable<string> | ReadonlyMap<string, number>,
  options: SentencePieceOptions,
): Promise<LearntModel> {
  const {
    vocabSize,
    modelType,
    characterCoverage,
    normalization,
    userDefinedSymbols,
    controlSymbols,
    byteFallback,
    softLimit,
    maxLineBytes,
    seedPieces,
    maxPieceLength,
    splitByScript,
    splitByNumber,
    splitDigits,
  } = completed(options, sentencePieceFields);
  const { onProgress } = options;
  const special: Piece[] = [
    { piece: '<unk>', score: 0, type: 'unknown' },
    { piece: '<s>', score: 0, type: 'control' },
    { piece: '</s>', score: 0, type: 'control' },
    ...controlSymbols.map((piece): Piece => ({ piece, score: 0, type: 'control' })),
    ...userDefinedSymbols.map((piece): Piece => ({ piece, score: 0, type: 'userDefined' })),
    ...(byteFallback
      ? Array.from({ length: 256 }, (_, byte): Piece => ({
          piece: `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
          score: 0,
          type: 'byte',
        }))
      : []),
  ];
  const repeated = special.find(
    ({ piece }, i) => piece === '' || special.findIndex((other) => other.piece === piece) !== i,
  );
  if (repeated)
    throw new UsageError(
      `special piece ${JSON.stringify(repeated.piece)} is ${repeated.piece === '' ? 'empty' : 'named twice'}.`,
    );
  const numPieces = vocabSize - special.length;
  if (numPieces < 1)
    throw new UsageError(
      `a vocabulary of ${vocabSize} has no room after ${special.length} special pieces. Request more than ${special.length}.`,
    );

  const charsMap = CharsMap.compile(normalizationRules(normalization));
  const text = new TrainingText(charsMap, maxLineBytes);
  const symbolPattern =
    userDefinedSymbols.length === 0
      ? undefined
      : new RegExp(
          [...userDefinedSymbols]
            .sort((a, b) => b.length - a.length)
            .map((symbol) => symbol.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'))
            .join('|'),
          'u',
        );
  for await (const entry of lines) {
    const [line, times] = typeof entry === 'string' ? [entry, 1] : entry;
    for (const part of symbolPattern ? line.split(symbolPattern) : [line]) text.add(part, times);
  }
  const words = text.words(characterCoverage);
  const checker = new PieceChecker(words.characters, { maxPieceLength, splitByScript, splitByNumber, splitDigits });
  const limits = { numPieces, numSpecial: special.length, softLimit, onProgress };
  const learnt =
    modelType === 'bpe'
      ? learnBpePieces(words, checker, limits)
      : learnUnigram(words, checker, { ...limits, seedPieces, shrinkingFactor: 0.75, numSubIterations: 2 });
  const taken = new Set(special.map(({ piece }) => piece));
  const pieces = [
    ...special,
    ...learnt.filter(({ piece }) => !taken.has(piece)).map((piece): Piece => ({ ...piece, type: 'normal' })),
  ];

  const trainer: Encoded[] = [
    [3, 'int', modelType === 'bpe' ? 2 : 1],
    [4, 'int', pieces.length],
    [10, 'float', characterCoverage],
    [14, 'int', seedPieces],
    [20, 'int', maxPieceLength],
    [21, 'int', Number(splitByScript)],
    [23, 'int', Number(splitByNumber)],
    [25, 'int', Number(splitDigits)],
    ...controlSymbols.map((symbol): Encoded => [30, 'bytes', utf8(symbol)]),
    ...userDefinedSymbols.map((symbol): Encoded => [31, 'bytes', utf8(symbol)]),
    [33, 'int', Number(!softLimit)],
    [35, 'int', Number(byteFallback)],
  ];
  const normalizer: Encoded[] = [
    [1, 'bytes', utf8(normalization)],
    [2, 'bytes', charsMap.toBytes()],
    [3, 'int', 1],
    [4, 'int', 1],
    [5, 'int', 1],
  ];
  const model = encodeMessage([
    ...pieces.map(({ piece, score, type }): Encoded => [
      1,
      'bytes',
      encodeMessage([
        [1, 'bytes', utf8(piece)],
        [2, 'float', score],
        [3, 'int', pieceTypes[type]],
      ]),
    ]),
    [2, 'bytes', encodeMessage(trainer)],
    [3, 'bytes', encodeMessage(normalizer)],
  ]);
  const vocab = pieces
    .map(({ piece, score }) => `${piece}\t${Object.is(score, -0) ? '-0' : Number(Math.fround(score).toPrecision(6))}\n`)
    .join('');
  return { model, vocab, numPieces: pieces.length, numLines: text.numLines, tooLong: text.tooLong };
}
