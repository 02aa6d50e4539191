import { Tokenizer } from '@huggingface/tokenizers';
import { DataError } from '../../errors.js';
import { readTextFile } from '../../storage/textFile.js';
import { withinTime } from '../boundedTime.js';
import { CharsMap } from '../sentencepiece/charsMap.js';
import { specialTokens } from '../vocabulary.js';
import { checkTokenizerForm } from './tokenizerForm.js';
import { treatUnknownAsRust, type LibraryModel } from './tokenizerModel.js';
import { createPreTokenizer, type PreTokenizerConfig } from './tokenizerSplits.js';

export const maxTokenizerBytes = 256 * 2 ** 20;
const unknownToken = specialTokens[3];

/** A normaliser of the library, and its parts. */
interface LibraryNormalizer {
  readonly config: { readonly type: string; readonly precompiled_charsmap?: string };
  readonly normalizers?: readonly LibraryNormalizer[];
  normalize(text: string): string;
}

/** Lets SentencePiece's rules for characters be those of the file: the library has NFKC in their place. */
function applyCharsMaps(normalizer: LibraryNormalizer | null, path: string): void {
  normalizer?.normalizers?.forEach((each) => applyCharsMaps(each, path));
  if (normalizer?.config.type !== 'Precompiled') return;
  const map = CharsMap.read(Buffer.from(normalizer.config.precompiled_charsmap ?? '', 'base64'), path);
  normalizer.normalize = (text) => map.replaceGraphemes(text);
}

/**
 * A tokenizer.json file of Hugging Face's tokenizers, through @huggingface/tokenizers: its normaliser, model and
 * decoder. Words are cut, SentencePiece's rules for characters applied and unknown text is treated as the Rust library
 * does it.
 *
 * The tokenizer_config.json next to it is not read, and no special tokens are put around a line.
 */
export class TokenizerJson {
  /** Tokens without text: the file's special tokens, and its unknown token. */
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
    const missing = checkTokenizerForm(json);
    if (missing !== undefined) throw junk(missing);
    try {
      const { pre_tokenizer: words, ...rest } = json as { pre_tokenizer?: PreTokenizerConfig | null };
      const parts = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };
      const given = Object.entries(rest).filter(([, part]) => part !== null);
      const library = new Tokenizer({ ...parts, ...Object.fromEntries(given) } as never, {});
      if (words) {
        const cut = createPreTokenizer(words);
        library.pre_tokenizer = ((text: string, { section_index: section }: { section_index: number }) =>
          cut(text, section)) as never;
      }
      applyCharsMaps(library.normalizer as LibraryNormalizer | null, path);
      treatUnknownAsRust(library.model as unknown as LibraryModel);
      const tokenizer = new TokenizerJson(path, library);
      tokenizer.segment('a'); // some faults show only on use
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
    return withinTime(this.path, line, () => this.tokenizer.tokenize(line)).map((token: string) => {
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
    if (line === '' && !withSpecialTokens) return [];
    const { ids, tokens } = withinTime(this.path, line, () =>
      this.tokenizer.encode(line, { add_special_tokens: withSpecialTokens }),
    );
    const lacking = ids.findIndex((id: number | undefined) => id === undefined);
    if (lacking >= 0)
      throw new DataError(
        `${this.path} has no id for ${JSON.stringify(tokens[lacking])} of ${JSON.stringify(line.slice(0, 80))}, and no unknown token.`,
      );
    return ids;
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
    const textTokens = tokens.filter((token) => token === unknownToken || !this.special.has(token));
    if (textTokens.length === 0) return '';
    const text = decoder
      ? withinTime(this.path, textTokens.join(' '), () => decoder.decode([...textTokens]))
      : textTokens.join(' ');
    const suffix = this.tokenizer.model?.end_of_word_suffix;
    return suffix ? text.replaceAll(suffix, ' ').trimEnd() : text;
  }
}
