import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../errors.js';
import { readTextFile } from '../storage/textFile.js';
import { Dataset } from '../data/dataset.js';
import { datasetFiles, readPrepareManifest, type PrepareManifest, type SplitName } from './prepare/manifest.js';
import { openTextPipeline, type TextPipeline } from '../text/textPipeline.js';

/** A folder written by `prepareCorpus`, open for training and scoring. */
export interface PreparedCorpus {
  readonly folder: string;
  readonly manifest: PrepareManifest;
  readonly pipeline: TextPipeline;
  /** @throws DataError if the corpus has no such split */
  dataset(split: SplitName): Dataset;
  has(split: SplitName): boolean;
  /** Lines of a held-out split in words, as the model's output is scored, in dataset order. */
  text(split: 'valid' | 'test', side: 'src' | 'trg'): string[];
  /** The same as the user gave them, where words were separated on the way; else `text`. */
  rawText(split: 'valid' | 'test', side: 'src' | 'trg'): string[];
  close(): Promise<void>;
}

/**
 * Opens a prepared corpus; datasets are opened when first asked for, and ids checked against their checksums when read.
 *
 * @throws DataError saying what to re-run if the folder is not a prepared corpus or its parts do not fit together
 */
export async function openPreparedCorpus(folder: string): Promise<PreparedCorpus> {
  const manifest = readPrepareManifest(folder);
  if (!manifest)
    throw new DataError(`${folder} holds no prepared corpus (no manifest.json). Run "coldstart corpus prepare" first.`);
  const pipeline = await openTextPipeline(folder);
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
      const dataset = Dataset.open(datasetFiles(manifest, split).map((name) => join(folder, name)));
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
    text: (split, side) => readHeldOut(folder, split, `${split}.${side}.txt`),
    rawText(split, side) {
      const raw = `${split}.${side}.raw.txt`;
      return readHeldOut(folder, split, existsSync(join(folder, raw)) ? raw : `${split}.${side}.txt`);
    },
    async close() {
      for (const dataset of open.values()) dataset.close();
      await pipeline.close();
    },
  };
}

function readHeldOut(folder: string, split: SplitName, name: string): string[] {
  const path = join(folder, name);
  if (!existsSync(path))
    throw new DataError(
      `${folder} has no ${split} set. Name its files in the configuration and re-run "coldstart corpus prepare".`,
    );
  return readTextFile(path, `${split} text`).replace(/\n$/, '').split('\n');
}
