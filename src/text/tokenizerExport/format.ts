import { specialTokens, type Vocabulary } from '../vocabulary.js';

/** A tokenizer.json as Hugging Face's tokenizers reads it, as far as it is written here. */
export interface TokenizerFile {
  readonly version: '1.0';
  readonly truncation: null;
  readonly padding: null;
  readonly added_tokens: readonly object[];
  readonly normalizer: object | null;
  readonly pre_tokenizer: object | null;
  readonly post_processor: object;
  readonly decoder: object | null;
  readonly model: object;
}

/** The part that differs between the ways of segmenting. */
export interface TokenizerParts extends Pick<TokenizerFile, 'normalizer' | 'pre_tokenizer' | 'decoder' | 'model'> {
  /**
   * Units with ids from the vocabulary's size on: merges pass through them or a model has them, but the vocabulary does
   * not.
   */
  readonly numExtra: number;
  /** Tokens that are found in text before the model splits it, besides the vocabulary's special ones. */
  readonly addedTokens?: readonly object[];
}

const [bos, pad, eos, unk] = specialTokens;

/**
 * The whole file: the special tokens under the vocabulary's ids, and `</s>` after every sentence, as models here are
 * trained.
 */
export function tokenizerFile(parts: TokenizerParts): TokenizerFile {
  const { normalizer, pre_tokenizer, decoder, model, addedTokens = [] } = parts;
  const eosId = specialTokens.indexOf(eos);
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [
      ...specialTokens.map((content, id) => ({
        id,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      })),
      ...addedTokens,
    ],
    normalizer,
    pre_tokenizer,
    post_processor: {
      type: 'TemplateProcessing',
      single: [sequence('A', 0), specialToken(eos, 0)],
      pair: [sequence('A', 0), specialToken(eos, 0), sequence('B', 1), specialToken(eos, 1)],
      special_tokens: { [eos]: { id: eos, ids: [eosId], tokens: [eos] } },
    },
    decoder,
    model,
  };
}

const sequence = (id: string, typeId: number): object => ({ Sequence: { id, type_id: typeId } });
const specialToken = (id: string, typeId: number): object => ({ SpecialToken: { id, type_id: typeId } });

/** tokenizer_config.json: further settings for Transformers and Transformers.js. */
export const tokenizerConfig = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  bos_token: bos,
  pad_token: pad,
  eos_token: eos,
  unk_token: unk,
  clean_up_tokenization_spaces: false,
  model_input_names: ['input_ids', 'attention_mask'],
} as const;

/** special_tokens_map.json. */
export const specialTokensMap = { bos_token: bos, pad_token: pad, eos_token: eos, unk_token: unk } as const;

/** Ids of a vocabulary's tokens under other names; the special ones keep theirs. */
export function idsByName(vocabulary: Vocabulary, nameOf: (token: string) => string): Map<string, number> {
  return new Map(vocabulary.tokens.map((token, id) => [id < specialTokens.length ? token : nameOf(token), id]));
}

/** Gives every unit without an id a new one after the vocabulary. @returns the number of new ids */
export function addUnits(ids: Map<string, number>, vocabulary: Vocabulary, units: Iterable<string>): number {
  let next = vocabulary.size;
  for (const unit of units) if (!ids.has(unit)) ids.set(unit, next++);
  return next - vocabulary.size;
}

/** As a JSON object, also with the key `__proto__`. */
export const toObject = (ids: ReadonlyMap<string, number>): object => Object.fromEntries(ids);

/** Cuts at spaces and drops them. A pattern of type String would keep them in @huggingface/tokenizers 0.2. */
export const splitAtSpaces = { type: 'Split', pattern: { Regex: ' ' }, behavior: 'Removed', invert: false } as const;
