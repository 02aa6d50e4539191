import { readTextFile } from '../../storage/textFile.js';
import { firstOrdinaryId, unkId } from '../specialIds.js';
import { maxTokenizerBytes, TokenizerJson } from '../subwords/tokenizerJson.js';
import { specialTokens, type Vocabulary } from '../vocabulary.js';
import { addUnits, toObject, type TokenizerParts } from './format.js';

/** The part of the file that is read; `TokenizerJson.read` has checked it. */
interface GivenFile {
  readonly normalizer?: object | null;
  readonly pre_tokenizer?: object | null;
  readonly decoder?: object | null;
  readonly added_tokens?: readonly { readonly content: string; readonly special?: boolean }[];
  readonly model: {
    readonly unk_token?: string | null;
    readonly unk_id?: number | null;
    readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[];
  };
}

/**
 * The tokenizer.json that a corpus was segmented with, under the ids of the corpus's vocabulary.
 *
 * It splits text as before. Its unknown token becomes the vocabulary's; tokens that the vocabulary lacks, its special
 * tokens among them, get ids behind it.
 *
 * @throws DataError if the file is no tokenizer.json
 */
export function renumberedTokenizer(path: string, vocabulary: Vocabulary): TokenizerParts {
  TokenizerJson.read(path);
  const {
    normalizer = null,
    pre_tokenizer = null,
    decoder = null,
    added_tokens: added = [],
    model,
  } = JSON.parse(readTextFile(path, 'tokenizer', maxTokenizerBytes)) as GivenFile;
  const unknown = unknownTokenOf(model);
  const special = new Set(added.filter((token) => token.special).map(({ content }) => content));
  const ids = new Map(vocabulary.tokens.map((token, id) => [token, id]));
  for (const token of special) if ((ids.get(token) ?? 0) >= firstOrdinaryId) ids.delete(token); // no text of the corpus became it
  const own = (
    Array.isArray(model.vocab) ? model.vocab.map(([token]) => token as string) : Object.keys(model.vocab)
  ).filter((token) => token !== unknown);
  const numExtra = addUnits(ids, vocabulary, [...own, ...added.map(({ content }) => content)]);
  return {
    normalizer,
    pre_tokenizer,
    decoder,
    numExtra,
    model: Array.isArray(model.vocab)
      ? { ...model, unk_id: unkId, vocab: scored(ids, model.vocab) }
      : { ...model, ...(unknown !== undefined && { unk_token: specialTokens[unkId] }), vocab: toObject(ids) },
    addedTokens: added
      .filter(({ content }) => !specialTokens.includes(content))
      .map((token) => ({ ...token, id: ids.get(token.content)! })),
  };
}

function unknownTokenOf({ unk_token: token, unk_id: id, vocab }: GivenFile['model']): string | undefined {
  return Array.isArray(vocab) ? (vocab as readonly (readonly [string, number])[])[id ?? -1]?.[0] : (token ?? undefined);
}

/**
 * Pieces in the order of their ids, with their scores. Pieces without a score are as improbable as the rarest piece,
 * and likelier than unknown.
 */
function scored(ids: ReadonlyMap<string, number>, pieces: readonly (readonly [string, number])[]): [string, number][] {
  const scores = new Map(pieces);
  const least = pieces.reduce((lowest, [, score]) => Math.min(lowest, score), 0);
  return [...ids]
    .sort(([, a], [, b]) => a - b)
    .map(([piece, id]) => [piece, id < firstOrdinaryId ? 0 : (scores.get(piece) ?? least)]);
}
