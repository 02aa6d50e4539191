import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../errors.js';
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
  for (const name of Object.keys(manifest.outputs)) if (!name.endsWith('.bin')) checkFile(folder, name, manifest);
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
      // held-out ids are few, and opened late: another program may have prepared the folder again meanwhile
      if (split !== 'train') for (const name of datasetFiles(manifest, split)) checkFile(folder, name, manifest);
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
    text: (split, side) => readHeldOut(folder, split, `${split}.${side}.txt`, manifest),
    rawText(split, side) {
      const raw = `${split}.${side}.raw.txt`;
      return readHeldOut(folder, split, existsSync(join(folder, raw)) ? raw : `${split}.${side}.txt`, manifest);
    },
    async close() {
      for (const dataset of open.values()) dataset.close();
      await pipeline.close();
    },
  };
}

/**
 * Vocabularies, codes, models and held-out text are read whole, so that all of their bytes are compared with what was written. Ids have
 * checksums in their own files, which are compared block by block when they are read.
 *
 * @throws DataError if the file is not what was prepared
 */
function checkFile(folder: string, name: string, { outputs }: PrepareManifest): Buffer {
  const path = join(folder, name);
  const recorded = Object.hasOwn(outputs, name) ? outputs[name] : undefined;
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new DataError(`${path} cannot be read: ${(cause as Error).message}. ${again}`, { cause });
  }
  if (recorded === undefined) throw new DataError(`${path} is not in the manifest of ${folder}. ${again}`);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== recorded.sha256)
    throw new DataError(
      `${path} is not what "coldstart corpus prepare" wrote: SHA-256 ${sha256}, expected ${recorded.sha256}. ${again}`,
    );
  return bytes;
}

const again = 'It was changed, or prepared again meanwhile: run "coldstart corpus prepare" with --force.';

function readHeldOut(folder: string, split: SplitName, name: string, manifest: PrepareManifest): string[] {
  const path = join(folder, name);
  if (!existsSync(path))
    throw new DataError(
      `${folder} has no ${split} set. Name its files in the configuration and re-run "coldstart corpus prepare".`,
    );
  return checkFile(folder, name, manifest).toString('utf8').replace(/\n$/, '').split('\n');
}
