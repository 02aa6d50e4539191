import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { flatten } from '../../config/loadConfig.js';
import { schema } from '../../config/schema.js';
import { learnStage } from '../../corpus/prepare/learnSubwords.js';
import { UsageError } from '../../errors.js';
import { optionalInteger, optionalPath, type Section } from '../../field.js';
import { jsonCount, jsonObject } from '../../storage/jsonFile.js';
import { readTextFile } from '../../storage/textFile.js';
import { openTextPipeline, saveTextPipeline } from '../textPipeline.js';
import { Vocabulary } from '../vocabulary.js';
import { bpe } from './methods/bpe.js';
import { none } from './methods/none.js';
import { openSegmenter, subwordFiles } from './segmenter.js';
import { subwordMethod } from './subwordMethod.js';
import { subwordMethods, subwordTable } from './subwordMethods.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-subwords-'));
after(() => rmSync(folder, { recursive: true }));

const fields = {
  stems: optionalPath('List of stems, for stems.'),
  stemLength: optionalInteger('Letters of a stem to learn, for stems.', { min: 1 }),
} as const satisfies Section;

interface StemFile {
  readonly method: 'stems';
  readonly stems: string;
  readonly stemLength: number;
}

/** Cuts words behind a known stem, which is marked by "+". */
const stems = subwordMethod<typeof fields, StemFile, { method: 'stems'; learn: { length: number } }>({
  fields,
  onlyWith: {},
  ask: ({ stems: path, stemLength }, { missing }) =>
    path === undefined
      ? { method: 'stems', learn: { length: stemLength ?? missing('stemLength') } }
      : { method: 'stems', stems: path, stemLength: stemLength ?? missing('stemLength') },
  files: { stems: (path) => readTextFile(path, 'list of stems') },
  save: ({ method, stemLength }) => ({ method, stemLength }),
  load: (saved, path) => ({ ...(saved as StemFile), stems: path('stems') }),
  savedShape: jsonObject({ stemLength: jsonCount }),
  open({ stems: path, stemLength }) {
    const known = new Set(readTextFile(path, 'list of stems').split('\n'));
    const cut = (word: string): string[] =>
      word.length > stemLength && known.has(word.slice(0, stemLength))
        ? [`${word.slice(0, stemLength)}+`, word.slice(stemLength)]
        : [word];
    return {
      segment: (lines) => lines.map((line) => line.split(' ').flatMap(cut)),
      join: (tokens) => tokens.join(' ').replaceAll('+ ', ''),
      close: async () => {},
    };
  },
  learning: {
    async learn({ length }, { sides, counts, write, progress }) {
      const heads = new Map<string, number>();
      for (const [word, count] of await counts(sides))
        heads.set(word.slice(0, length), (heads.get(word.slice(0, length)) ?? 0) + count);
      const frequent = [...heads].filter(([head, count]) => head.length === length && count > 1).map(([head]) => head);
      write('stems', frequent.join('\n'));
      progress(frequent.length, frequent.length, 'stems');
      return { stems: frequent.length };
    },
    learnt: ({ learn }, _, path) => ({ method: 'stems', stems: path('stems'), stemLength: learn.length }),
  },
});
const withStems = subwordTable({ none, bpe, stems });
const group = {
  name: (key: string) => `corpus.subwords.${key}`,
  missing: (key: string): never => {
    throw new UsageError(`corpus.subwords.${key} is not set.`);
  },
};

describe('a table of subword methods', () => {
  test('makes the settings of both sides, and names the files', () => {
    assert.deepEqual(subwordMethods.names, ['none', 'bpe', 'sentencepiece', 'huggingface']);
    assert.deepEqual(Object.keys(schema.corpus.subwords), ['method', ...Object.keys(subwordMethods.fields)]);
    assert.deepEqual(Object.keys(schema.corpus.trgSubwords), Object.keys(schema.corpus.subwords));
    assert.equal(schema.corpus.trgSubwords.method.accepts, `one of same, ${subwordMethods.names.join(', ')}`);
    const paths = flatten(subwordMethods.fields).filter(([, { isPath }]) => isPath);
    assert.deepEqual(
      paths.map(([key]) => key),
      subwordMethods.files,
    );
  });

  test('two methods with one setting are a mistake that shows at once; an unknown one is refused by name', () => {
    assert.throws(() => subwordTable({ bpe, other: bpe }), /two subword methods have the setting merges/);
    assert.throws(
      () => subwordMethods.method('stems'),
      new UsageError('subwords.method is "stems", expected one of none, bpe, sentencepiece, huggingface.'),
    );
    assert.throws(() => subwordMethods.method('toString'), UsageError);
  });
});

describe('a new subword method is one file and one line of the table', () => {
  test('it is asked for by settings, learns, segments, is saved next to a model, and opens there', async () => {
    const { ask, learning } = withStems.method('stems');
    assert.throws(() => ask({} as never, group), /corpus\.subwords\.stemLength is not set/);
    const asked = ask({ stemLength: 4 } as never, group) as { method: 'stems'; learn: { length: number } };
    const counts = join(folder, 'counts');
    const countsOf = { src: 'walking 2\nwalked 1\nsee 5\n', trg: 'talking 1\n' };
    for (const side of ['src', 'trg'] as const) writeFileSync(`${counts}.${side}.counts`, countsOf[side]);
    const words = { name: 'counts.train' } as never;
    const stage = learnStage('learn', words, ['src', 'trg'], asked, withStems);
    assert.deepEqual(stage.settings, { method: 'stems', length: 4, sides: ['src', 'trg'] });
    const shown: unknown[] = [];
    const report = await stage.run({
      folder,
      result: () => ({ folder, report: { parts: ['counts'] } }) as never,
      eachPart: () => Promise.reject(new Error('there are no parts')),
      progress: (...progress) => shown.push(progress),
    });
    assert.deepEqual([report, shown], [{ stems: 1 }, [[1, 1, 'stems']]]);
    assert.equal(readFileSync(join(folder, 'stems'), 'utf8'), 'walk');

    const options = learning!.learnt(asked, 'src', (name) => join(folder, name));
    assert.deepEqual(subwordFiles(options, withStems), { stems: join(folder, 'stems') });
    const segmenter = await openSegmenter(options, withStems);
    assert.deepEqual(await segmenter.segment(['i walked', 'we see']), [
      ['i', 'walk+', 'ed'],
      ['we', 'see'],
    ]);

    const text = join(folder, 'text');
    const vocabulary = Vocabulary.fromCounts(new Map([...'i walk+ ed we see'.split(' ')].map((unit) => [unit, 1])));
    const both = <T>(value: T): { src: T; trg: T } => ({ src: value, trg: value });
    const parts = { subwords: both(options), vocabularies: both(vocabulary), preprocessing: both([]) };
    saveTextPipeline(text, parts, withStems);
    rmSync(join(folder, 'stems'));
    const pipeline = await openTextPipeline(text, undefined, withStems);
    const [ids] = await pipeline.encodeTargets(['we walked']);
    assert.equal(ids.includes(3), false); // nothing is unknown
    assert.equal(pipeline.decodeTarget(ids), 'we walked');
    await pipeline.close();
  });

  test('without the line it is refused by name, also where it was saved', async () => {
    await assert.rejects(
      openTextPipeline(join(folder, 'text')),
      /text\.json: src\.method is "stems", expected one of "none", "bpe", "sentencepiece", "huggingface"/,
    );
  });
});
