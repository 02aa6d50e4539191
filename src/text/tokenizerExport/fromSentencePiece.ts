import { DataError } from '../../errors.js';
import { firstOrdinaryId, unkId } from '../specialIds.js';
import { spaceMark } from '../subwords/pieceDecoder.js';
import type { SentencePieceInfo } from '../subwords/sentencePieceModel.js';
import type { Vocabulary } from '../vocabulary.js';
import { addUnits, idsByName, toObject, type TokenizerParts } from './format.js';

/**
 * A tokenizer that segments as the model does, with the vocabulary's ids.
 *
 * Pieces that the vocabulary lacks, because no text of the training set became them, get ids behind it. Bpe models
 * become the merges that their ranks imply.
 *
 * @throws DataError for models that a tokenizer.json cannot represent: of words or characters, with bytes or symbols
 * kept whole
 */
export function sentencePieceTokenizer(model: SentencePieceInfo, vocabulary: Vocabulary, name: string): TokenizerParts {
  const { modelType } = model;
  if (modelType !== 'unigram' && modelType !== 'bpe') throw unsupported(name, `is a model of ${modelType}s`);
  if (model.byteFallback) throw unsupported(name, 'spells unknown characters as bytes');
  if (model.types.includes('userDefined'))
    throw unsupported(
      name,
      `keeps symbols whole (${JSON.stringify(model.pieces[model.types.indexOf('userDefined')])})`,
    );
  if (model.spaceAsSuffix) throw unsupported(name, 'marks the ends of words');
  if (model.denormalizer.length > 0) throw unsupported(name, 'changes decoded text by its own rules');
  if (!model.normalizer.escapeSpaces) throw unsupported(name, 'does not mark spaces');
  const shared = { normalizer: normalizerOf(model), pre_tokenizer: metaspace(model), decoder: metaspace(model) };
  const pieces = model.pieces.flatMap((piece, id) =>
    model.types[id] === 'normal' ? [{ piece, score: model.scores[id] }] : [],
  );
  if (!pieces.some(({ piece }) => vocabulary.has(piece)))
    throw new DataError(`${name} and the vocabulary have no piece in common. Were they made for each other?`);
  return { ...shared, ...(modelType === 'unigram' ? unigram : bpe)(pieces, vocabulary) };
}

function unsupported(name: string, why: string): DataError {
  return new DataError(
    `${name} ${why}; a tokenizer.json that gives the same pieces cannot be written for it. Use the .model file itself.`,
  );
}

const metaspace = ({ normalizer }: SentencePieceInfo): object => ({
  type: 'Metaspace',
  replacement: spaceMark,
  prepend_scheme: normalizer.addDummyPrefix ? 'always' : 'never',
  split: false,
});

/** The model's own rules for characters, then its rules for spaces. */
function normalizerOf({ normalizer }: SentencePieceInfo): object | null {
  const { charsMap, removeExtraSpaces } = normalizer;
  const steps: object[] = [];
  if (charsMap.length > 0)
    steps.push({ type: 'Precompiled', precompiled_charsmap: Buffer.from(charsMap).toString('base64') });
  if (removeExtraSpaces)
    steps.push(
      { type: 'Replace', pattern: { Regex: '^ +| +$' }, content: '' },
      { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' },
    );
  return steps.length === 0 ? null : { type: 'Sequence', normalizers: steps };
}

interface ScoredPiece {
  readonly piece: string;
  readonly score: number;
}

function unigram(pieces: readonly ScoredPiece[], vocabulary: Vocabulary): Pick<TokenizerParts, 'model' | 'numExtra'> {
  const scores = new Map(pieces.map(({ piece, score }) => [piece, score]));
  // characters that no piece covers are in vocabularies as themselves: as improbable as the rarest piece, and likelier
  // than unknown
  const leastScore = pieces.reduce((least, { score }) => Math.min(least, score), 0);
  const known = vocabulary.tokens.map((token, id): [string, number] => [
    token,
    id < firstOrdinaryId ? 0 : (scores.get(token) ?? leastScore),
  ]);
  const extra = pieces
    .filter(({ piece }) => !vocabulary.has(piece))
    .map(({ piece, score }): [string, number] => [piece, score]);
  return {
    model: { type: 'Unigram', unk_id: unkId, vocab: [...known, ...extra], byte_fallback: false },
    numExtra: extra.length,
  };
}

function bpe(pieces: readonly ScoredPiece[], vocabulary: Vocabulary): Pick<TokenizerParts, 'model' | 'numExtra'> {
  const ids = idsByName(vocabulary, (token) => token);
  const numExtra = addUnits(
    ids,
    vocabulary,
    pieces.map(({ piece }) => piece),
  );
  const isPiece = new Set(pieces.map(({ piece }) => piece));
  const merges: string[] = [];
  for (const { piece } of [...pieces].sort((a, b) => b.score - a.score)) {
    const characters = Array.from(piece);
    for (let cut = 1; cut < characters.length; cut++) {
      const left = characters.slice(0, cut).join('');
      const right = characters.slice(cut).join('');
      if (isPiece.has(left) && isPiece.has(right)) merges.push(`${left} ${right}`);
    }
  }
  return {
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: false,
      ignore_merges: false,
      vocab: toObject(ids),
      merges,
    },
    numExtra,
  };
}
