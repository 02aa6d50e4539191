import { join } from 'node:path';
import { DataError } from '../errors.js';
import { readRecorded } from '../storage/recordedFiles.js';
import { Dataset } from '../data/dataset.js';
import {
  datasetFiles,
  manifestVersion,
  readPrepareManifest,
  type PrepareManifest,
  type SplitName,
} from './prepare/manifest.js';
import { openTextPipeline, type TextPipeline } from '../text/textPipeline.js';
import { isThere } from '../storage/isThere.js';

/** A folder written by `prepareCorpus`, open for training and scoring. */
export interface PreparedCorpus {
  readonly folder: string;
  readonly manifest: PrepareManifest;
  readonly pipeline: TextPipeline;
  /** @throws DataError if the corpus has no such split */
  dataset(split: SplitName): Dataset;
  /** Whether the corpus has this split. */
  has(split: SplitName): boolean;
  /** Lines of a held-out split in words, the form in which the model's output is scored, in dataset order. */
  text(split: 'valid' | 'test', side: 'src' | 'trg'): string[];
  /** The same lines as the user gave them, if preparing separated words; otherwise `text`. */
  rawText(split: 'valid' | 'test', side: 'src' | 'trg'): string[];
  /** Closes the datasets and the text pipeline. */
  close(): Promise<void>;
}

/**
 * Opens a prepared corpus; datasets are opened on first use, and ids checked against their checksums when read.
 *
 * @param prepare the command that makes it, for messages
 * @throws DataError saying what to re-run if the folder is not a prepared corpus or its parts do not fit together
 */
export async function openPreparedCorpus(
  folder: string,
  prepare = 'coldstart corpus prepare',
): Promise<PreparedCorpus> {
  const manifest = readPrepareManifest(folder);
  if (!manifest) throw new DataError(`${folder} holds no prepared corpus (no manifest.json). Run "${prepare}" first.`);
  if (manifest.version !== manifestVersion)
    throw new DataError(
      `${folder} was prepared by another version of coldstart (format ${manifest.version}, expected ${manifestVersion}). Run "${prepare}" with --force.`,
    );
  for (const [split, { pairs }] of Object.entries(manifest.splits))
    if (pairs === 0)
      throw new DataError(
        `the ${split} set of ${folder} has no sentence pairs. Name files with sentences as corpus.${split} in the configuration, or remove that setting, and run "${prepare}" with --force.`,
      );
  const recorded = Object.entries(manifest.outputs).filter(([name]) => !name.endsWith('.bin'));
  const pipeline = await openTextPipeline(folder, {
    sha256: Object.fromEntries(recorded.map(([name, { sha256 }]) => [name, sha256])),
    ...prepared,
  });
  const { srcVocabulary, trgVocabulary } = pipeline;
  const { src, trg } = manifest.vocabularySizes;
  if (srcVocabulary.size !== src || trgVocabulary.size !== trg) {
    await pipeline.close();
    throw new DataError(
      `${join(folder, 'manifest.json')} says that the vocabularies have ${src} and ${trg} entries, they have ${srcVocabulary.size} and ${trgVocabulary.size}. ${prepared.advice}`,
    );
  }
  const open = new Map<SplitName, Dataset>();
  return {
    folder,
    manifest,
    pipeline,
    has: (split) => manifest.splits[split] !== undefined,
    dataset(split) {
      const already = open.get(split);
      if (already) return already;
      if (!manifest.splits[split])
        throw new DataError(
          `${folder} has no ${split} set. Name its files in the configuration and re-run "coldstart corpus prepare".`,
        );
      // held-out ids are small, and opened late: another process may have prepared the folder again meanwhile
      if (split !== 'train') for (const name of datasetFiles(manifest, split)) checkFile(folder, name, manifest);
      const dataset = Dataset.open(datasetFiles(manifest, split).map((name) => join(folder, name)));
      const headers = dataset.headersSha256();
      for (const name of datasetFiles(manifest, split)) {
        const { headerSha256 } = manifest.outputs[name]; // older manifests lack it
        const path = join(folder, name);
        if (headerSha256 !== undefined && headers.get(path) !== headerSha256) {
          dataset.close();
          throw new DataError(
            `${path} is not what "coldstart corpus prepare" wrote: its header has SHA-256 ${headers.get(path)}, expected ${headerSha256}. ${prepared.advice}`,
          );
        }
      }
      const { srcVocabSize, trgVocabSize } = dataset.header;
      if (srcVocabSize !== pipeline.srcVocabulary.size || trgVocabSize !== pipeline.trgVocabulary.size) {
        dataset.close();
        throw new DataError(
          `${dataset.path} was made with vocabularies of ${srcVocabSize} and ${trgVocabSize} entries, ${folder} holds vocabularies of ${pipeline.srcVocabulary.size} and ${pipeline.trgVocabulary.size}. Re-run "coldstart corpus prepare".`,
        );
      }
      open.set(split, dataset);
      return dataset;
    },
    text: (split, side) => readHeldOut(folder, split, `${split}.${side}.txt`, manifest),
    rawText(split, side) {
      const raw = `${split}.${side}.raw.txt`;
      return readHeldOut(folder, split, isThere(join(folder, raw)) ? raw : `${split}.${side}.txt`, manifest);
    },
    async close() {
      for (const dataset of open.values()) dataset.close();
      await pipeline.close();
    },
  };
}

const prepared = {
  writer: '"coldstart corpus prepare"',
  advice: 'It was changed, or prepared again meanwhile: run "coldstart corpus prepare" with --force.',
};

/**
 * Held-out text and ids are small: all their bytes are compared with the checksums.
 *
 * @throws DataError if the file has changed since it was prepared
 */
function checkFile(folder: string, name: string, { outputs }: PrepareManifest): Buffer {
  if (!Object.hasOwn(outputs, name))
    throw new DataError(`${join(folder, name)} is not in the manifest of ${folder}. ${prepared.advice}`);
  return readRecorded(folder, name, { sha256: { [name]: outputs[name].sha256 }, ...prepared });
}

function readHeldOut(folder: string, split: SplitName, name: string, manifest: PrepareManifest): string[] {
  const path = join(folder, name);
  if (!isThere(path))
    throw new DataError(
      `${folder} has no ${split} set. Name its files in the configuration and re-run "coldstart corpus prepare".`,
    );
  return checkFile(folder, name, manifest).toString('utf8').replace(/\n$/, '').split('\n');
}
