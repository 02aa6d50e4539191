import { UsageError } from '../../errors.js';
import { shellWord } from '../../format.js';
import type { PairFiles } from '../../text/linePairs.js';
import { formatByName } from './pairFormat.js';

/** The languages of two files, as far as they are known. */
export interface PairLanguages {
  readonly srcLang?: string;
  readonly trgLang?: string;
}

/**
 * Refuses files whose names show another format than one sentence per line: every line of them would be taken for a
 * sentence.
 *
 * @param setting the beginning of the settings that name the files, for messages: `corpus.train.`
 * @throws UsageError with the command that makes such files
 */
export function checkSentencePerLine(files: PairFiles, { srcLang, trgLang }: PairLanguages, setting?: string): void {
  for (const side of ['src', 'trg'] as const) {
    const path = files[side];
    const format = formatByName(path);
    if (format === 'moses') continue;
    const found = setting === undefined ? `${path} is` : `${setting}${side} is ${path},`;
    if (format === undefined)
      throw new UsageError(
        `${found} not a text file with one sentence per line. Write the sentences of each language to a text file, or both to a .tsv file for "coldstart corpus extract".`,
      );
    const holdsBoth = format === 'tmx' || format === 'tsv';
    const input = holdsBoth
      ? `--input ${shellWord(path)}`
      : `--src ${shellWord(files.src)} --trg ${shellWord(files.trg)}`;
    throw new UsageError(
      `${found} a file of the format ${format}, expected text with one sentence per line. Extract the sentences first: npx coldstart corpus extract ${input} --out-src corpus.${language(srcLang, 'de')} --out-trg corpus.${language(trgLang, 'en')} (the endings are the languages' codes).`,
    );
  }
}

/** A language's code, or an example; `src` and `trg` are the defaults of the settings and name no language. */
function language(code: string | undefined, example: string): string {
  return code === undefined || code === 'src' || code === 'trg' ? example : code;
}
