/** Scripts of languages that are not written in Latin letters, as Unicode names them. */
const scripts: Readonly<Record<string, readonly string[]>> = {
  ...all('Cyrillic', 'ru uk bg be mk kk ky mn tg'), ...all('Arabic', 'ar fa ur ps ug'), ...all('Devanagari', 'hi mr ne sa'), ...all('Hebrew', 'he yi'),
  ...all('Ethiopic', 'am ti'), sr: ['Cyrillic', 'Latin'], el: ['Greek'], th: ['Thai'], lo: ['Lao'], km: ['Khmer'], my: ['Myanmar'], ka: ['Georgian'],
  hy: ['Armenian'], bn: ['Bengali'], ta: ['Tamil'], te: ['Telugu'], kn: ['Kannada'], ml: ['Malayalam'], gu: ['Gujarati'], pa: ['Gurmukhi'], si: ['Sinhala'],
  zh: ['Han'], ja: ['Han', 'Hiragana', 'Katakana'], ko: ['Hangul', 'Han'],
};

function all(script: string, languages: string): Record<string, string[]> {
  return Object.fromEntries(languages.split(' ').map((language) => [language, [script]]));
}

/**
 * A function that gives the share of a line's letters that are not of the language's script; 0 without letters. Languages that
 * are not listed are taken to be written in Latin letters.
 */
export function foreignLetters(language: string): (line: string) => number {
  const names = scripts[language] ?? ['Latin'];
  const foreign = new RegExp(`[\\p{L}--[${names.map((name) => `\\p{Script=${name}}`).join('')}]]`, 'gv');
  return (line) => {
    const found = line.match(foreign)?.length ?? 0;
    return found === 0 ? 0 : found / line.match(/\p{L}/gu)!.length;
  };
}
