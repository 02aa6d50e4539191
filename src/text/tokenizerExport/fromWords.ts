import type { Vocabulary } from '../vocabulary.js';
import { idsByName, splitAtSpaces, toObject, type TokenizerParts } from './format.js';

/**
 * A tokenizer of text whose tokens are separated by spaces already.
 *
 * @param joiner how units are marked that the next one continues; `▁`: SentencePiece's mark before words; empty: whole
 * words
 */
export function wordTokenizer(vocabulary: Vocabulary, joiner: string): TokenizerParts {
  return {
    normalizer: null,
    pre_tokenizer: splitAtSpaces,
    decoder:
      joiner === ''
        ? null
        : joiner === '\u2581'
          ? { type: 'Metaspace', replacement: joiner, prepend_scheme: 'always', split: true }
          : joinerDecoder(joiner),
    model: { type: 'WordLevel', vocab: toObject(idsByName(vocabulary, (token) => token)), unk_token: '<unk>' },
    numExtra: 0,
  };
}

/** A space after every token that does not end in the joiner, then no joiners; the last space is taken off again. */
function joinerDecoder(joiner: string): object {
  const mark = joiner.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
  return {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { Regex: `(?<!${mark})$` }, content: ' ' },
      { type: 'Replace', pattern: { Regex: `${mark}$` }, content: '' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 0, stop: 1 },
    ],
  };
}
