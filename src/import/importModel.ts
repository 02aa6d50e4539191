import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../errors.js';
import { version } from '../package.js';
import { writeFolderAtomic } from '../storage/atomicFolder.js';
import { checkOutputs } from '../storage/checkOutputs.js';
import { fileIdentity, type FileIdentity } from '../storage/checksum.js';
import { writeJsonFile } from '../storage/jsonFile.js';
import { makeFolder } from '../storage/makeFolder.js';
import { openTextPipeline } from '../text/textPipeline.js';
import { writeStoredParams } from '../train/checkpoint.js';
import { readForeignConfig } from './foreignConfig.js';
import { importedModel, type ForeignKind, type ImportedModel } from './foreignModel.js';
import { writeTextFolder } from './foreignText.js';
import { ForeignWeights, weightsFile } from './foreignWeights.js';

/** import.json: where an imported model came from. */
export interface ImportRecord {
  readonly format: 'coldstart import';
  readonly version: 1;
  readonly program: string;
  readonly kind: ForeignKind;
  readonly weights: FileIdentity;
}

export interface Imported {
  readonly checkpoint: string;
  readonly model: ImportedModel['config'];
  /** What a user has to know. */
  readonly notes: readonly string[];
}

const kinds: readonly ForeignKind[] = ['fsmt', 'marian'];

/**
 * Makes a checkpoint and its text folder of a model of Hugging Face's transformers. The folder appears whole or not at
 * all. Nothing of the source is run: weights are safetensors, whose header and sizes are checked, the rest is JSON and
 * text.
 *
 * @throws UsageError for a model that cannot be held exactly, with the reasons; DataError for files that do not fit
 * together
 */
export async function importModel(folder: string, out: string): Promise<Imported> {
  const foreign = readForeignConfig(folder);
  const kind = kinds.find((each) => each === foreign.model_type);
  if (kind === undefined)
    throw new UsageError(
      `${join(folder, 'config.json')}: model_type is ${JSON.stringify(foreign.model_type)}, expected ${kinds.join(' or ')}: the models of fairseq and of Marian.`,
    );
  checkOutputs([out], { kind: 'folder' });
  const path = weightsFile(folder);
  const { config, parameters } = importedModel(folder, kind, foreign, ForeignWeights.read(path));
  return writeFolderAtomic(out, async (staged) => {
    writeStoredParams(
      join(staged, checkpointName),
      config,
      new Map([...parameters].map(([name, { shape, data }]) => [name, { dtype: 'F32', shape, data }])),
      false,
    );
    const text = join(staged, 'text');
    makeFolder(text);
    const sizes = { src: config.srcVocabSize, trg: config.trgVocabSize };
    const notes = writeTextFolder(folder, text, foreign, sizes);
    rmSync(join(text, 'merges.txt.part'), { force: true });
    await (await openTextPipeline(text)).close(); // a tokenizer that cannot be used is found here, not when it translates
    writeJsonFile(join(staged, 'import.json'), {
      format: 'coldstart import',
      version: 1,
      program: `coldstart ${version}`,
      kind,
      weights: await fileIdentity(path),
    } satisfies ImportRecord);
    return { checkpoint: join(out, checkpointName), model: config, notes };
  });
}

const checkpointName = 'model.safetensors';
