import { Tokenizer } from '@huggingface/tokenizers';
import { DataError } from '../../errors.js';
import { readTextFile } from '../../storage/textFile.js';
import { specialTokens } from '../vocabulary.js';

export const maxTokenizerBytes = 256 * 2 ** 20;
const unknownToken = specialTokens[3];

/**
 * A tokenizer.json file of Hugging Face's tokenizers, through @huggingface/tokenizers: its normaliser, words, model and decoder.
 *
 * What stands in tokenizer_config.json beside it is not read, and no special tokens are put around a line.
 */
export class TokenizerJson {
  /** Tokens that stand for no text: what the file calls special, and its unknown token. */
  private readonly special: ReadonlySet<string>;

  private constructor(
    private readonly path: string,
    private readonly tokenizer: Tokenizer,
  ) {
    const { added_tokens: added } = tokenizer as unknown as {
      added_tokens: readonly { content: string; special: boolean }[];
    };
    this.special = new Set([
      ...added.filter((token) => token.special).map((token) => token.content),
      ...[tokenizer.model?.unk_token].filter((token) => typeof token === 'string'),
    ]);
  }

  /** @throws DataError if the file cannot be read, is not JSON or describes no tokenizer that the library knows */
  static read(path: string): TokenizerJson {
    const junk = (why: string, cause?: unknown): DataError =>
      new DataError(`${path} is not a tokenizer.json of Hugging Face's tokenizers: ${why}.`, { cause });
    let json: unknown;
    try {
      json = JSON.parse(readTextFile(path, 'tokenizer', maxTokenizerBytes));
    } catch (cause) {
      if (cause instanceof DataError) throw cause;
      throw junk(`it is not JSON (${(cause as Error).message})`, cause);
    }
    const missing = checkForm(json);
    if (missing !== undefined) throw junk(missing);
    try {
      const tokenizer = new TokenizerJson(
        path,
        new Tokenizer(
          {
            normalizer: null,
            pre_tokenizer: null,
            post_processor: null,
            decoder: null,
            added_tokens: [],
            ...(json as object),
          },
          {},
        ),
      );
      tokenizer.segment('a'); // some junk shows only when it is used
      return tokenizer;
    } catch (cause) {
      throw junk((cause as Error).message.replace(/\.$/, ''), cause);
    }
  }

  /**
   * Tokens of a line. Special and unknown ones come as `<unk>`; a character that no piece covers may come as itself.
   *
   * @throws DataError for a token with white space, which no vocabulary file can hold
   */
  segment(line: string): string[] {
    return this.tokenizer.tokenize(line).map((token: string) => {
      if (this.special.has(token)) return unknownToken;
      if (/\s/u.test(token))
        throw new DataError(
          `${this.path} makes the token ${JSON.stringify(token)} of ${JSON.stringify(line.slice(0, 80))}. Vocabularies hold no tokens with white space: normalise the text first, or use another tokenizer.`,
        );
      return token;
    });
  }

  /** Ids of a line in the file's own numbering, with the special tokens that the file puts around it if asked for. */
  encode(line: string, { withSpecialTokens = false } = {}): number[] {
    return line === '' && !withSpecialTokens
      ? []
      : this.tokenizer.encode(line, { add_special_tokens: withSpecialTokens }).ids;
  }

  /** The token of an id. @throws DataError for an id that the file does not have */
  tokenOf(id: number): string {
    const token = this.tokenizer.id_to_token(id);
    if (token === undefined) throw new DataError(`${id} is no id of ${this.path}.`);
    return token;
  }

  /** The text of tokens, as the file's decoder makes it; special tokens, `<unk>` apart, left out. */
  join(tokens: readonly string[]): string {
    const { decoder } = this.tokenizer;
    const said = tokens.filter((token) => token === unknownToken || !this.special.has(token));
    if (said.length === 0) return '';
    const text = decoder ? decoder.decode([...said]) : said.join(' ');
    const suffix = this.tokenizer.model?.end_of_word_suffix;
    return suffix ? text.replaceAll(suffix, ' ').trimEnd() : text;
  }
}

/** Why this is no tokenizer, if it is none: what the library itself does not check. */
function checkForm(json: unknown): string | undefined {
  const { model, added_tokens: added = [] } = (json ?? {}) as {
    model?: Record<string, unknown>;
    added_tokens?: unknown;
  };
  if (typeof model !== 'object' || model === null) return 'it has no "model"';
  const { vocab, merges } = model;
  if (typeof vocab !== 'object' || vocab === null) return 'its model has no "vocab"';
  const isScored = (entry: unknown): boolean =>
    Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number';
  if (
    Array.isArray(vocab)
      ? !vocab.every(isScored) || vocab.length === 0
      : !Object.values(vocab).every((id) => isId(id, maxId))
  )
    return 'its "vocab" holds something else than tokens with ids or scores';
  const isMerge = (entry: unknown): boolean =>
    typeof entry === 'string'
      ? entry.includes(' ')
      : Array.isArray(entry) && entry.length === 2 && entry.every((part) => typeof part === 'string');
  if ((merges !== undefined || model.type === 'BPE') && !(Array.isArray(merges) && merges.every(isMerge)))
    return 'its "merges" are not pairs';
  const isToken = (entry: { content?: unknown; id?: unknown } | null): boolean =>
    typeof entry?.content === 'string' && entry.content !== '' && isId(entry.id, maxId);
  if (!Array.isArray(added) || !added.every(isToken)) return 'its "added_tokens" are not tokens with ids';
  return undefined;
}

/** Ids index arrays: larger ones than any vocabulary's would only take memory. */
const maxId = 2 ** 24;
const isId = (value: unknown, most: number): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
