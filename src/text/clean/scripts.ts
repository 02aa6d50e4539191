import { UsageError } from '../../errors.js';

/** Scripts, as Unicode names them, where a language is written in several or in one that has a code for itself. */
const ofScriptCode: Readonly<Record<string, readonly string[]>> = {
  Hans: ['Han'],
  Hant: ['Han'],
  Jpan: ['Han', 'Hiragana', 'Katakana'],
  Kore: ['Hangul', 'Han'],
};
const ofLanguage: Readonly<Record<string, readonly string[]>> = { sr: ['Cyrillic', 'Latin'] };

/** The names of sides without known languages; `src` would be Sardinian. */
const sideNames = ['src', 'trg'];

/**
 * A function that gives the share of a line's letters that are not of the language's script; 0 without letters. Letters
 * that several scripts share, such as the Japanese ー, are of each of them.
 *
 * @param language code, with or without a region: zh, zh-CN, pt_br
 * @throws UsageError for a code of no known language
 */
export function foreignLetters(language: string): (line: string) => number {
  const names = scriptsOf(language).map((name) => `\\p{Script_Extensions=${name}}`);
  const foreign = new RegExp(
    `[\\p{L}--[${names.join('')}\\p{Script_Extensions=Common}\\p{Script_Extensions=Inherited}]]`,
    'gv',
  );
  return (line) => {
    const found = line.match(foreign)?.length ?? 0;
    return found === 0 ? 0 : found / line.match(/\p{L}/gu)!.length;
  };
}

function scriptsOf(language: string): readonly string[] {
  const locale = sideNames.includes(language) ? null : localeOf(language);
  const code = locale?.maximize().script;
  if (!locale || code === undefined || languageNames.of(locale.language) === undefined) {
    throw new UsageError(
      `the script of language ${JSON.stringify(language)} is not known. Name the languages of both sides by codes such as de or zh-CN (--src-lang and --trg-lang, in a configuration corpus.srcLang and corpus.trgLang), or leave the rule for scripts out.`,
    );
  }
  return ofLanguage[locale.language] ?? ofScriptCode[code] ?? [code];
}

const languageNames = new Intl.DisplayNames('en', { type: 'language', fallback: 'none' });

function localeOf(language: string): Intl.Locale | null {
  try {
    return new Intl.Locale(language.replaceAll('_', '-'));
  } catch {
    return null; // no code of any language
  }
}
