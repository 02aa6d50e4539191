// Writes src/text/moses/cldrSuppressions.ts from the npm package cldr-segments-full:
//   npm pack cldr-segments-full@46.1.0 && tar xzf cldr-segments-full-46.1.0.tgz
//   node scripts/write-cldr-suppressions.mjs package
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const languages = ['de', 'en', 'es', 'fr', 'it', 'pt', 'ru'];
const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: node scripts/write-cldr-suppressions.mjs FOLDER-OF-THE-PACKAGE');
  process.exit(2);
}
const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** Abbreviations of one word, less the full stop. Those with a full stop inside need no entry: the tokeniser keeps them anyway. */
function words(language) {
  const { segments } = JSON.parse(readFileSync(join(folder, 'segments', language, 'suppressions.json'), 'utf8'));
  const all = segments.segmentations.SentenceBreak.standard.map(({ suppression }) => suppression);
  return [...new Set(all.filter((word) => /^[^. ]+\.$/.test(word)).map((word) => word.slice(0, -1)))].sort();
}

function wrap(list) {
  const lines = [''];
  for (const word of list) {
    if (lines.at(-1).length + word.length > 116) lines.push('');
    lines.push(`${lines.pop()} ${word}`.trim());
  }
  return lines.join('\n    ');
}

writeFileSync(
  new URL('../src/text/moses/cldrSuppressions.ts', import.meta.url),
  `/**
 * Words after which a full stop does not end the sentence, from the Unicode Common Locale Data Repository ${version} (sentence
 * break suppressions of one word, less the full stop), by language. Written by scripts/write-cldr-suppressions.mjs.
 *
 * Copyright © 2004-2024 Unicode, Inc. Used under the Unicode License V3, https://www.unicode.org/license.txt; its copyright and
 * permission notice stands in docs/unicode-license.txt.
 */
export const cldrSuppressions: Readonly<Record<string, string>> = {
${languages.map((language) => `  ${language}: \`\n    ${wrap(words(language))}\`,\n`).join('')}};
`,
);
