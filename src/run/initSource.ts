import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { tensor } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { withPlaces } from '../config/loadConfig.js';
import type { Config } from '../config/schema.js';
import { textFolderNear } from './textFolder.js';
import { DataError, UsageError } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { initParams } from '../model/init.js';
import { vocabularyTensors } from '../model/parameters.js';
import { fileIdentity } from '../storage/checksum.js';
import { isThere } from '../storage/isThere.js';
import type { StoredTensor } from '../storage/safetensors.js';
import { readVocabularies, type Side } from '../text/textPipeline.js';
import { unkId } from '../text/specialIds.js';
import type { Vocabulary } from '../text/vocabulary.js';
import { readCheckpoint, toTensors, type Checkpoint } from '../train/checkpoint.js';
import { chooseCheckpoint } from './chooseCheckpoint.js';
import type { InitSourceRecord, TokenMatch } from './initSourceRecord.js';
import { runPaths } from './runFolder.js';

/** Parameters of another run to start from (`init.from`). */
export interface InitSource {
  readonly record: InitSourceRecord;
  /** The first parameters of the new model; the caller disposes them. */
  draw(): Params;
}

/** What determines the model's function besides its parameters and vocabularies. Dropout may differ. */
const sameSettings = [
  'dModel',
  'dFf',
  'numHeads',
  'numEncoderLayers',
  'numDecoderLayers',
  'sharing',
  'residual',
  'layerNormEps',
] as const satisfies readonly (keyof ModelConfig)[];

/**
 * Opens the run or checkpoint that `init.from` names, and compares it with the model to start.
 *
 * @param model of the run that begins
 * @param vocabularies of its corpus
 * @returns undefined if the configuration names none
 * @throws UsageError naming the setting in which the models differ; DataError, CheckpointError if a file cannot be used
 */
export async function openInitSource(
  config: Config,
  model: ModelConfig,
  { srcVocabulary, trgVocabulary }: { readonly srcVocabulary: Vocabulary; readonly trgVocabulary: Vocabulary },
): Promise<InitSource | undefined> {
  const { from } = config.init;
  if (from === undefined) return undefined;
  const { path, textFolder } = withPlaces(config, () => locate(from));
  const identity = await fileIdentity(path);
  const checkpoint = readCheckpoint(path);
  withPlaces(config, () => checkSameModel(checkpoint, model));
  if (textFolder === undefined)
    throw new UsageError(
      `no vocabularies were found near ${path} (init.from), so its rows cannot be matched with tokens. Name the folder of the run that made it, or put its text folder next to it.`,
    );
  const own = readVocabularies(textFolder);
  for (const [side, size] of [
    ['src', checkpoint.config.srcVocabSize],
    ['trg', checkpoint.config.trgVocabSize],
  ] as const)
    if (own[side].size !== size)
      throw new DataError(
        `the ${side} vocabulary in ${textFolder} has ${own[side].size} entries, ${path} has rows for ${size}. ` +
          'The folder belongs to another model: put the checkpoint next to its own text folder.',
      );
  const rows = { src: sourceRows(own.src, srcVocabulary), trg: sourceRows(own.trg, trgVocabulary) };
  const { training, params } = checkpoint;
  return {
    record: {
      checkpoint: resolve(path),
      ...identity,
      ...(training && { update: training.position.update }),
      vocabularies: { src: countTokens(own.src, srcVocabulary), trg: countTokens(own.trg, trgVocabulary) },
    },
    draw: () => takeOver(params, rows, model, config),
  };
}

function locate(from: string): { path: string; textFolder: string | undefined } {
  if (!isThere(from))
    throw new UsageError(
      `init.from is ${from}, and nothing is there. Name the folder of a run, or a checkpoint (.safetensors).`,
    );
  if (!statSync(from).isDirectory()) return { path: from, textFolder: textFolderNear(from) };
  if (!isThere(runPaths(from).config))
    throw new UsageError(
      `init.from is ${from}, a folder without a run (no config.yaml). Name the folder of a run, or a checkpoint (.safetensors).`,
    );
  const { path } = chooseCheckpoint(from, { checkpoint: 'best', averageLast: 1 });
  return { path, textFolder: runPaths(from).text };
}

/** @throws UsageError naming the first setting that differs */
function checkSameModel({ path, config }: Checkpoint, model: ModelConfig): void {
  const valueOf = (of: ModelConfig, key: (typeof sameSettings)[number]): unknown =>
    of[key] ?? (key === 'residual' ? 'post-ln' : undefined);
  for (const key of sameSettings) {
    const [found, expected] = [valueOf(config, key), valueOf(model, key)];
    if (found !== expected)
      throw new UsageError(
        `model.${key} is ${String(expected)}, but the model to start from (init.from: ${path}) has ${String(found)}. ` +
          `Parameters fit only a model of the same settings: set model.${key} to ${String(found)}, or leave out init.from.`,
      );
  }
}

/** For each id of the new vocabulary the row of its token in the source's; -1: it has none. */
function sourceRows(source: Vocabulary, target: Vocabulary): Int32Array {
  return Int32Array.from(target.tokens, (token, id) => {
    if (id <= unkId) return id;
    return source.has(token) ? source.idOf(token) : -1;
  });
}

function countTokens(source: Vocabulary, target: Vocabulary): TokenMatch {
  const special = unkId + 1;
  const kept = target.tokens.slice(special).filter((token) => source.has(token)).length;
  return { kept, drawn: target.size - special - kept, dropped: source.size - special - kept };
}

/** The source's parameters; of matrices with a row for each token, those rows whose token the new vocabulary has. */
function takeOver(
  params: ReadonlyMap<string, StoredTensor>,
  rows: Readonly<Record<Side, Int32Array>>,
  model: ModelConfig,
  config: Config,
): Params {
  const result = toTensors(params);
  const isNew = rows.src.includes(-1) || rows.trg.includes(-1);
  const drawn = isNew ? initParams(model, { method: config.init.method, seed: config.seed }) : undefined;
  for (const [name, side] of vocabularyTensors) {
    const { data } = params.get(name) ?? {};
    if (data === undefined) continue;
    const values =
      drawn?.get(name)!.dataSync<'float32'>().slice() ?? new Float32Array(rows[side].length * model.dModel);
    rows[side].forEach((row, id) => {
      if (row >= 0) values.set(data.subarray(row * model.dModel, (row + 1) * model.dModel), id * model.dModel);
    });
    result.get(name)!.dispose();
    result.set(name, tensor(values, [rows[side].length, model.dModel], 'float32'));
  }
  if (drawn) disposeParams(drawn);
  return result;
}

/** @throws DataError if a run that began from one checkpoint would resume from another */
export function checkSameSource(record: InitSourceRecord, begun: InitSourceRecord | undefined): void {
  if (begun !== undefined && begun.sha256 !== record.sha256)
    throw new DataError(
      `${record.checkpoint} has changed since the run began from it: SHA-256 ${record.sha256}, expected ${begun.sha256}. Restore it from a copy, or start the run again in another folder.`,
    );
}
