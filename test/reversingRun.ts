import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { changeConfig, configToYaml, defaultConfig } from '../src/config/loadConfig.js';
import type { StoredTensor } from '../src/storage/safetensors.js';
import { saveTextPipeline } from '../src/text/textPipeline.js';
import { Vocabulary } from '../src/text/vocabulary.js';
import { writeStoredParams } from '../src/train/checkpoint.js';
import { readFixtureModel, readFixtureTensors } from './modelFixture.js';

/** A word for each ordinary id of the fixture's model; some get special treatment from Moses' tokenizer. */
export const wordOf = (id: number): string => ({ 11: ',', 39: 'hund', 58: '.' })[id] ?? `w${id}`;

/**
 * The files of a run of the fixture model, which was trained to reverse its input. Raw text is tokenised and truecased
 * on the way in, and the other way round on the way out.
 *
 * @param options.words names of the ordinary ids from 4 on; default `wordOf`
 * @param options.change what becomes of each stored parameter
 * @param options.settings of the configuration
 */
export function writeReversingRun(
  runDir: string,
  {
    words = wordOf,
    change = (_name, data) => data,
    settings = {},
    preprocess = true,
  }: {
    words?: (id: number) => string;
    change?: (name: string, data: Float32Array) => Float32Array;
    settings?: Readonly<Record<string, unknown>>;
    preprocess?: boolean;
  } = {},
): string {
  const { config } = readFixtureModel('trained-reverse');
  mkdirSync(join(runDir, 'checkpoints'), { recursive: true });
  const params = [...readFixtureTensors('trained-reverse/weights.safetensors')].map(
    ([name, { dtype, shape, data }]): [string, StoredTensor] => [
      name,
      { dtype, shape, data: change(name, data as Float32Array) } as StoredTensor,
    ],
  );
  writeStoredParams(join(runDir, 'checkpoints/best.safetensors'), config, new Map(params), true);
  const ids = Array.from({ length: config.srcVocabSize - 4 }, (_, i) => i + 4);
  const vocabulary = Vocabulary.parse(ids.map((id) => `${words(id)} ${200 - id}\n`).join(''), 'test');
  const model = join(runDir, 'truecase-model');
  writeFileSync(model, 'hund (5/5)\nw6 (3/3)\n');
  const steps = preprocess
    ? ([
        { step: 'tokenize', language: 'de' },
        { step: 'truecase', model },
      ] as const)
    : [];
  saveTextPipeline(join(runDir, 'text'), {
    subwords: { src: { method: 'none' }, trg: { method: 'none' } },
    vocabularies: { src: vocabulary, trg: vocabulary },
    preprocessing: { src: steps, trg: steps },
  });
  const all = { 'corpus.srcLang': 'de', 'corpus.trgLang': 'nl', 'corpus.dir': 'none', ...settings };
  writeFileSync(join(runDir, 'config.yaml'), configToYaml(changeConfig(defaultConfig(), all, 'test')));
  return runDir;
}
