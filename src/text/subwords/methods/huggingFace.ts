import { optionalPath, type Section } from '../../../field.js';
import { jsonObject } from '../../../storage/jsonFile.js';
import { readTextFile } from '../../../storage/textFile.js';
import { mapWithinTime } from '../../boundedTime.js';
import { renumberedTokenizer } from '../../tokenizerExport/fromTokenizerJson.js';
import { subwordMethod } from '../subwordMethod.js';
import { TokenizerJson } from '../tokenizerJson.js';

const fields = {
  tokenizer: optionalPath("tokenizer.json of Hugging Face's tokenizers, for huggingface."),
} as const satisfies Section;

/** A tokenizer.json file of Hugging Face's tokenizers, by its path. */
export interface HuggingFaceFile {
  readonly method: 'huggingface';
  readonly tokenizer: string;
}

export const huggingface = subwordMethod<typeof fields, HuggingFaceFile>({
  fields,
  ask: ({ tokenizer }, { missing }) => ({ method: 'huggingface', tokenizer: tokenizer ?? missing('tokenizer') }),
  files: { tokenizer: (path) => readTextFile(path, 'tokenizer') },
  save: ({ method }) => ({ method }),
  load: (_, path) => ({ method: 'huggingface', tokenizer: path('tokenizer') }),
  savedShape: jsonObject({}),
  open({ tokenizer: path }) {
    const tokenizer = TokenizerJson.read(path);
    return {
      segment: (lines) => mapWithinTime(path, lines, (line) => tokenizer.segment(line)),
      join: (tokens) => tokenizer.join(tokens),
      close: async () => {},
    };
  },
  tokenizerJson: ({ tokenizer }, vocabulary) => renumberedTokenizer(tokenizer, vocabulary),
});
