import { defaultJoiner as joiner } from '../subwords/joiner.js';
import { DataError } from '../../errors.js';
import { endOfWord, type BpeCodes } from '../subwords/bpeCodes.js';
import type { Vocabulary } from '../vocabulary.js';
import { addUnits, idsByName, splitAtSpaces, toObject, type TokenizerParts } from './format.js';

/**
 * A tokenizer that merges as subword-nmt does: `er@@` of the vocabulary is its `er`, and `er` its `er</w>`.
 *
 * Units that merges pass through but the vocabulary lacks get ids behind it: the format wants an id for every part of a
 * merge.
 *
 * @throws DataError for codes of version 0.1, whose end of word is a separate unit
 */
export function bpeTokenizer(codes: BpeCodes, vocabulary: Vocabulary, name: string): TokenizerParts {
  if (!codes.endOfWordAttached)
    throw new DataError(
      `${name} holds codes of version 0.1, where the end of a word is a separate unit; a tokenizer.json cannot express that. Learn the codes again with "coldstart corpus learn-bpe".`,
    );
  const ids = idsByName(vocabulary, (token) =>
    token.endsWith(joiner) && token !== joiner ? token.slice(0, -joiner.length) : token + endOfWord,
  );
  const merges = [...codes.ranks].sort(([, a], [, b]) => a - b).map(([pair]) => pair.split(' ') as [string, string]);
  const numExtra = addUnits(
    ids,
    vocabulary,
    merges.flatMap(([left, right]) => [left, right, left + right]),
  );
  return {
    normalizer: null,
    pre_tokenizer: splitAtSpaces,
    decoder: { type: 'BPEDecoder', suffix: endOfWord },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: endOfWord,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: toObject(ids),
      merges: merges.map(([left, right]) => `${left} ${right}`),
    },
    numExtra,
  };
}
