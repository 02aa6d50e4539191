import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { writeIwsltArchive } from '../iwsltArchive.js';
import { createDetokenizer } from '../../src/text/moses/detokenize.js';
import { lowercase } from '../../src/text/moses/normalize.js';
import { createTokenizer } from '../../src/text/moses/tokenize.js';
import { loadConfig } from '../../src/config/loadConfig.js';
import { prepareOptions } from '../../src/config/prepareOptions.js';
import { prepareCorpus } from '../../src/corpus/prepare/prepareCorpus.js';
import { openPreparedCorpus, type PreparedCorpus } from '../../src/corpus/preparedCorpus.js';
import { fetchCorpus } from '../../src/corpus/fetch/fetchCorpus.js';
import { pairOf, readRecipe } from '../../src/corpus/fetch/readRecipe.js';
import { corpusPath } from '../reference.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'coldstart-iwslt14-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const recipe = readRecipe('iwslt14');
const pair = pairOf(recipe);

test(
  'validation and test text equal the published IWSLT14 byte for byte',
  async () => {
    const published = (set: string, language: string): string[] =>
      gunzipSync(readFileSync(corpusPath(`iwslt14-de-en/tok/${set}.${language}.gz`)))
        .toString()
        .split('\n')
        .slice(0, -1);
    const sizes = [887, 1165, 1565, 1433, 1700]; // segments of the five test sets
    const cycles = 20;
    const wanted = {
      de: { test: published('test', 'de'), valid: published('valid', 'de') },
      en: { test: published('test', 'en'), valid: published('valid', 'en') },
    };
    // the training lines between held-out ones are other published lines: what was held out then has passed cleaning
    const order = Array.from({ length: cycles * 23 }, (_, i) =>
      (i + 1) % 23 === 0 ? (i + 1) / 23 - 1 : cycles + i - Math.floor(i / 23),
    );
    const sides = Object.fromEntries(
      (['de', 'en'] as const).map((language) => {
        const rawOf = rawText(language);
        return [
          language,
          { train: order.map((i) => rawOf(wanted[language].valid[i])), test: wanted[language].test.map(rawOf) },
        ];
      }),
    ) as Record<'de' | 'en', { train: string[]; test: string[] }>;
    const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0));
    const tests = sizes.map((size, i) => ({
      de: sides.de.test.slice(starts[i], starts[i] + size),
      en: sides.en.test.slice(starts[i], starts[i] + size),
    }));
    const archive = writeIwsltArchive(folder, { de: sides.de.train, en: sides.en.train }, tests);
    await fetchCorpus(recipe, pair, { dir: join(folder, 'corpora'), fromLocal: archive });
    const corpus = await prepared();

    for (const language of ['de', 'en'] as const) {
      const side = language === 'de' ? 'src' : 'trg';
      const found = corpus.text('test', side);
      const different = found.flatMap((line, i) => (line === wanted[language].test[i] ? [] : [i + 1]));
      assert.equal(found.length, 6750);
      assert.deepEqual(different, [], language);
      assert.deepEqual(corpus.text('valid', side), wanted[language].valid.slice(0, cycles));
      const dataset = corpus.dataset('train');
      const vocabulary = corpus.pipeline[side === 'src' ? 'srcVocabulary' : 'trgVocabulary'];
      assert.deepEqual(
        dataset
          .pairs(Array.from({ length: dataset.length }, (_, row) => row))
          .map((pair) => vocabulary.decode(pair[side]).join(' ').replaceAll('@@ ', '')),
        order.filter((_, i) => (i + 1) % 23 !== 0).map((i) => wanted[language].valid[i]),
      );
    }
    await corpus.close();
  },
);

/** The corpus by the recipe's settings. */
async function prepared(): Promise<PreparedCorpus> {
  const config = join(folder, 'config.yaml');
  writeFileSync(config, 'recipe: { name: iwslt14, dir: corpora }\ncorpus.dir: prepared\n');
  const options = prepareOptions(loadConfig(config));
  await prepareCorpus(options, { workers: 1 });
  return openPreparedCorpus(options.outDir);
}

/**
 * Returns a function that gives, for a published line, a text that the tokeniser turns into that line. The raw side of
 * the published text is not available: running text is tried first, then the unchanged tokens, tokens with apostrophes
 * closed up, and with capitals before full stops. The published text has no capitals, but "Art." is in Moses' German
 * list of abbreviations and "art." is not.
 */
function rawText(language: string): (line: string) => string {
  const tokenize = createTokenizer(language);
  const detokenize = createDetokenizer(language);
  return (line) => {
    const resolved = [
      ['&apos;', "'"],
      ['&quot;', '"'],
      ['&#124;', '|'],
      ['&lt;', '<'],
      ['&gt;', '>'],
      ['&#91;', '['],
      ['&#93;', ']'],
      ['&amp;', '&'],
    ].reduce((text, [from, to]) => text.replaceAll(from, to), line);
    const capital = resolved.replace(/(?<= )\p{Ll}(?=[^ ]*\. )/gu, (letter) => letter.toUpperCase());
    const candidates = [detokenize(line), resolved, resolved.replace(/ '/g, "'"), capital];
    return candidates.find((raw) => lowercase(tokenize(raw)) === line) ?? candidates[0];
  };
}
