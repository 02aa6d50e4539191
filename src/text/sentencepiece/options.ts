import { choice, flag, integer, optionalInteger, real, required, texts, type Section } from '../../field.js';

/**
 * SentencePiece's normalisation rules. `nmt_nfkc`: NFKC, and control characters dropped and all kinds of white space
 * made spaces; `nfkc`: only NFKC; `identity`: none. The `_cf` forms fold case as well.
 */
export const normalizations = ['nmt_nfkc', 'nfkc', 'nmt_nfkc_cf', 'nfkc_cf', 'identity'] as const;

/** What configurations and library calls may set of learning a SentencePiece model: bounds, default and help. */
export const learnFields = {
  vocabSize: optionalInteger(
    'Pieces to learn from the training set, special ones included, for sentencepiece without a model.',
    { min: 4, max: 1_000_000 },
  ),
  modelType: choice(['unigram', 'bpe'], 'unigram', 'Kind of SentencePiece model to learn.'),
  characterCoverage: real(
    0.9995,
    'Share of the characters of the training set that a learnt SentencePiece model knows.',
    { min: 0.5, max: 1 },
  ),
} as const satisfies Section;

/** The fields of library calls; names and defaults are spm_train's. */
export const sentencePieceFields = {
  ...learnFields,
  vocabSize: required(learnFields.vocabSize),
  normalization: choice(normalizations, 'nmt_nfkc', 'What is done to text before anything else.'),
  userDefinedSymbols: texts('Always one piece each, anywhere in the text.'),
  controlSymbols: texts('Pieces that text never becomes.'),
  byteFallback: flag(false, 'Spell unknown characters as bytes.'),
  softLimit: flag(false, 'Fewer pieces than vocabSize are not an error.'),
  maxLineBytes: integer(4192, 'Longer lines are left out.', { min: 1, unit: 'bytes' }),
  seedPieces: integer(1_000_000, 'Candidates that unigram learning begins with.', { min: 1, unit: 'pieces' }),
  maxPieceLength: integer(16, 'Longest piece.', { min: 1, max: 512, unit: 'characters' }),
  splitByScript: flag(true, 'No piece has letters of two scripts, or letters and punctuation.'),
  splitByNumber: flag(true, 'No piece has digits and other characters.'),
  splitDigits: flag(false, 'Every digit is a separate piece.'),
} as const satisfies Section;
