/** The built-in corpus: any number of German-English pairs, reproducible by seed. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ColdstartError, DataError } from '../../errors.js';
import { fileIdentity, type FileIdentity } from '../../storage/checksum.js';
import { checkOutputs } from '../../storage/checkOutputs.js';
import { jsonObject, jsonOneOf, jsonRecord, jsonSha256, readJsonFile, writeJsonFile } from '../../storage/jsonFile.js';
import { writeFolderAtomic } from '../../storage/atomicFolder.js';
import { isFreeFolder } from '../../storage/makeFolder.js';
import { TextOutput } from '../../storage/textOutput.js';
import { completed, integer, optionalInteger, required, type Section } from '../../field.js';
import { seedField } from '../../random/seedField.js';
import { Random } from '../../random/xoshiro.js';
import type { Phrase } from './lexicon.js';
import { sampleSentence } from './sentence.js';

/** The fields of `generateCorpus`'s options. Pairs are made in memory. */
export const synthFields = {
  pairs: required(optionalInteger('Pairs of the training set.', { min: 1, max: 10_000_000 })),
  validPairs: integer(500, 'Pairs of the validation set.', { min: 1, max: 10_000_000 }),
  testPairs: integer(500, 'Pairs of the test set.', { min: 1, max: 10_000_000 }),
  seed: seedField,
} as const satisfies Section;

export interface SyntheticCorpusOptions {
  /** Pairs of the training set. */
  readonly pairs: number;
  readonly validPairs?: number;
  readonly testPairs?: number;
  readonly seed: number;
}

export interface SyntheticCorpus {
  /** Made as it is read, so its size costs no memory. */
  readonly train: Iterable<Phrase>;
  readonly valid: readonly Phrase[];
  readonly test: readonly Phrase[];
}

/** Increased whenever the grammar would give other sentences for the same seed. */
const grammarVersion = 1;
/**
 * Streams of random numbers: the sizes of the others change the training set only in that held-out sentences are
 * skipped.
 */
const streams = { train: 0, valid: 1, test: 2 };

/**
 * Sentence pairs from a synchronous grammar, tokenised and true-cased: words, compounds and punctuation separated by
 * spaces, capitals only where a word has them anywhere.
 *
 * Valid and test sentences are all different, and no side of them occurs in another split; training sentences
 * may repeat, as in natural corpora.
 *
 * @throws UsageError for options that cannot be used
 */
export function generateCorpus(options: SyntheticCorpusOptions): SyntheticCorpus {
  const { pairs, validPairs, testPairs, seed } = completed(options, synthFields);
  const heldOut = { de: new Set<string>(), en: new Set<string>() };
  const isNew = ({ de, en }: Phrase): boolean => !heldOut.de.has(de) && !heldOut.en.has(en);
  const hold = (stream: number, size: number): Phrase[] => {
    const random = new Random(seed, stream);
    const held: Phrase[] = [];
    while (held.length < size) {
      const pair = sampleSentence(random);
      if (!isNew(pair)) continue;
      heldOut.de.add(pair.de);
      heldOut.en.add(pair.en);
      held.push(pair);
    }
    return held;
  };
  const valid = hold(streams.valid, validPairs);
  const test = hold(streams.test, testPairs);
  return {
    valid,
    test,
    train: {
      *[Symbol.iterator]() {
        const random = new Random(seed, streams.train);
        for (let made = 0; made < pairs;) {
          const pair = sampleSentence(random);
          if (!isNew(pair)) continue;
          made++;
          yield pair;
        }
      },
    },
  };
}

/** `manifest.json` next to the files. */
export interface SyntheticCorpusManifest extends Required<SyntheticCorpusOptions> {
  readonly format: typeof manifestFormat;
  readonly grammarVersion: number;
  readonly files: Readonly<Record<string, FileIdentity>>;
}

const manifestFormat = 'coldstart built-in corpus';

/**
 * Writes train, valid and test files (`train.de`, `train.en`, ...) and a manifest into a folder that appears whole or
 * not at all. A folder that already holds the same corpus does not change.
 *
 * @throws ColdstartError code FILE_EXISTS if the folder holds anything else
 */
export async function writeSyntheticCorpus(
  outDir: string,
  options: SyntheticCorpusOptions,
): Promise<{ status: 'written' | 'upToDate'; manifest: SyntheticCorpusManifest }> {
  const {
    pairs,
    validPairs = synthFields.validPairs.default,
    testPairs = synthFields.testPairs.default,
    seed,
  } = options;
  const asked = { format: manifestFormat, grammarVersion, pairs, validPairs, testPairs, seed } as const;
  if (!isFreeFolder(outDir)) {
    const made = await readIntactManifest(outDir);
    const same =
      made !== null && Object.entries(asked).every(([name, value]) => made[name as keyof typeof asked] === value);
    if (same) return { status: 'upToDate', manifest: made };
    throw new ColdstartError(
      'FILE_EXISTS',
      `${outDir} is not empty and does not hold this corpus (${pairs} pairs, seed ${seed}). Choose another folder, or remove it first.`,
    );
  }
  checkOutputs([outDir], { kind: 'folder', replace: true });
  const corpus = generateCorpus(options);
  const manifest = await writeFolderAtomic(outDir, async (folder): Promise<SyntheticCorpusManifest> => {
    for (const split of ['train', 'valid', 'test'] as const) writeSides(folder, split, corpus[split]);
    const files: Record<string, FileIdentity> = {};
    for (const name of readdirSync(folder).sort()) files[name] = await fileIdentity(join(folder, name));
    const whole = { ...asked, files };
    writeJsonFile(join(folder, 'manifest.json'), whole);
    return whole;
  });
  return { status: 'written', manifest };
}

function writeSides(folder: string, split: string, pairs: Iterable<Phrase>): void {
  const german = new TextOutput(join(folder, `${split}.de`));
  const english = new TextOutput(join(folder, `${split}.en`));
  for (const { de, en } of pairs) {
    german.line(de);
    english.line(en);
  }
  german.finish();
  english.finish();
}

/** The manifest of a folder whose files are all unchanged; null otherwise. */
async function readIntactManifest(folder: string): Promise<SyntheticCorpusManifest | null> {
  try {
    const manifest = readJsonFile<SyntheticCorpusManifest>(join(folder, 'manifest.json'), {
      what: 'manifest of the built-in corpus',
      shape: jsonObject({
        format: jsonOneOf([manifestFormat]),
        files: jsonRecord(jsonObject({ sha256: jsonSha256 }), /^[\w-]+\.\w+$/),
      }),
      advice: 'Choose another folder.',
    });
    for (const [name, { sha256 }] of Object.entries(manifest.files)) {
      if ((await fileIdentity(join(folder, name))).sha256 !== sha256) return null;
    }
    return manifest;
  } catch (error) {
    if (error instanceof DataError) return null;
    throw error;
  }
}
