import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { tarArchive } from './archives.js';

export const testSets = ['TED.dev2010', 'TEDX.dev2012', 'TED.tst2010', 'TED.tst2011', 'TED.tst2012'];

export type Sides = { readonly de: readonly string[]; readonly en: readonly string[] };

/**
 * `de-en.tgz` with the files of the real one. @param train lines of train.tags @param tests segments of each test set
 * @returns its path
 */
export function writeIwsltArchive(folder: string, train: Sides, tests: readonly Sides[]): string {
  const entries = [
    { name: 'de-en/', type: '5' },
    { name: 'de-en/README', content: 'WIT3' },
  ];
  for (const language of ['de', 'en'] as const) {
    entries.push({
      name: `de-en/train.tags.de-en.${language}`,
      content: train[language].map((line) => `${line}\n`).join(''),
    });
    testSets.forEach((set, i) => {
      const segments = tests[i][language].map((text, j) => `<seg id="${j + 1}"> ${text} </seg>\n`).join('');
      entries.push({
        name: `de-en/IWSLT14.${set}.de-en.${language}.xml`,
        content: `<?xml version="1.0" encoding="UTF-8"?>\n<mteval>\n<srcset setid="iwslt2014-${set}" srclang="german">\n<doc docid="69" genre="lectures">\n<title>Not in the test set</title>\n${segments}</doc>\n</srcset>\n</mteval>\n`,
      });
    });
  }
  const path = join(folder, 'de-en.tgz');
  writeFileSync(path, gzipSync(tarArchive(entries)));
  return path;
}
