import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Params } from '../backend/autodiff/valueAndGradients.js';
import { ColdstartError, DataError } from '../errors.js';
import { checkModelConfig, type ModelConfig } from '../model/config.js';
import { parameterShapes } from '../model/parameters.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import { readSafetensors, type StoredTensor } from '../storage/safetensors.js';
import {
  checkpointBytes,
  digest,
  formatVersion,
  slotSeparator,
  toOptimizerState,
  toTensors,
  type Checkpoint,
  type CheckpointMetadata,
  type Sha256,
} from './checkpointBytes.js';
import type { OptimizerState } from './optimizer.js';
import { findWrongField, type TrainPosition } from './position.js';

export { toOptimizerState, toTensors, type Checkpoint };

/**
 * Writes parameters, and for training checkpoints the optimiser's state and the position in the run, as one safetensors
 * file that appears whole or not at all. The metadata holds a SHA-256 over names, shapes, values and settings.
 *
 * @param training left out for checkpoints that are only decoded, averaged or exported
 * @param overwrite false refuses to replace an existing file
 */
export function writeCheckpoint(
  path: string,
  config: ModelConfig,
  params: Params,
  training?: { readonly state: OptimizerState; readonly position: TrainPosition },
  overwrite = true,
): void {
  const checkpoint = {
    config,
    params: stored(params),
    ...(training && {
      training: {
        optimizerStep: training.state.step,
        slots: new Map([...training.state.slots].map(([slot, tensors]) => [slot, stored(tensors)])),
        position: training.position,
      },
    }),
  };
  writeFileAtomic(path, checkpointBytes(checkpoint, nodeSha256), { overwrite });
}

/** Writes a checkpoint of parameters given as plain arrays (averages). */
export function writeStoredParams(
  path: string,
  config: ModelConfig,
  params: ReadonlyMap<string, StoredTensor>,
  overwrite: boolean,
): void {
  writeFileAtomic(path, checkpointBytes({ config, params }, nodeSha256), { overwrite });
}

/**
 * Reads and checks a checkpoint: format, checksum, and that its tensors are those of its model.
 *
 * @throws CheckpointError naming the file and what is wrong with it
 */
export function readCheckpoint(path: string): Checkpoint {
  if (!existsSync(path)) throw new CheckpointError(path, 'there is no such file');
  let tensors: Map<string, StoredTensor>;
  let text: string | undefined;
  let expectedDigest: string | undefined;
  try {
    const file = readSafetensors(path);
    tensors = file.tensors;
    text = file.metadata['coldstart'];
    expectedDigest = file.metadata['sha256'];
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    throw new CheckpointError(path, cause.message.replace(`${path} is`, 'it is').replace(/\.$/, ''), cause);
  }
  if (text === undefined) throw new CheckpointError(path, 'it is a safetensors file, but not one that coldstart wrote');
  if (digest(tensors, text, nodeSha256) !== expectedDigest)
    throw new CheckpointError(path, 'its checksum does not match: it was damaged or changed after it was written');
  const metadata = parseMetadata(path, text);
  if (metadata.config.numEncoderLayers + metadata.config.numDecoderLayers > tensors.size)
    throw new CheckpointError(path, 'its model has more layers than it holds tensors');
  const params = takeTensors(path, tensors, parameterShapes(metadata.config), '');
  const { config, position } = metadata;
  let checkpoint: Checkpoint = { path, config, params };
  if (position !== undefined) {
    const slots = new Map(
      metadata.slotNames!.map((slot) => [
        slot,
        takeTensors(path, tensors, parameterShapes(config), slot + slotSeparator),
      ]),
    );
    checkpoint = { ...checkpoint, training: { optimizerStep: metadata.optimizerStep!, slots, position } };
  }
  const [stranger] = tensors.keys();
  if (stranger !== undefined)
    throw new CheckpointError(path, `it holds a tensor "${stranger}" that its model does not have`);
  return checkpoint;
}

/** Removes the tensors of one set (parameters, or a slot of the optimiser) from those read, and checks them. */
function takeTensors(
  path: string,
  tensors: Map<string, StoredTensor>,
  shapes: ReadonlyMap<string, readonly number[]>,
  prefix: string,
): Map<string, StoredTensor> {
  const taken = new Map<string, StoredTensor>();
  for (const [name, shape] of shapes) {
    const found = tensors.get(prefix + name);
    if (found === undefined || found.dtype !== 'F32' || String(found.shape) !== String(shape)) {
      throw new CheckpointError(
        path,
        `tensor "${prefix}${name}" ${found ? `is ${found.dtype} [${found.shape}]` : 'is missing'}, its model needs F32 [${shape}]`,
      );
    }
    taken.set(name, found);
    tensors.delete(prefix + name);
  }
  return taken;
}

/**
 * The settings in a checkpoint's header. A checksum proves only that a file is whole, not who wrote it, so every value
 * is checked.
 */
function parseMetadata(path: string, text: string): CheckpointMetadata {
  let metadata: CheckpointMetadata;
  try {
    metadata = JSON.parse(text) as CheckpointMetadata;
  } catch (cause) {
    throw new CheckpointError(path, 'its settings are not JSON', cause);
  }
  if (metadata?.version !== formatVersion) {
    throw new CheckpointError(
      path,
      `it has format version ${metadata?.version}, this program reads version ${formatVersion}`,
    );
  }
  const { config, position, optimizerStep, slotNames } = metadata;
  try {
    checkModelConfig((config ?? {}) as ModelConfig);
  } catch (cause) {
    throw new CheckpointError(path, (cause as Error).message.replace(/\.$/, ''), cause);
  }
  if (position !== undefined) {
    const wrong = findWrongField(position);
    if (wrong !== undefined) throw new CheckpointError(path, `its position in the run cannot be: ${wrong}`);
    if (!(Number.isSafeInteger(optimizerStep) && optimizerStep! >= 0))
      throw new CheckpointError(path, `its optimizerStep is ${JSON.stringify(optimizerStep)}`);
    if (!Array.isArray(slotNames) || !slotNames.every((slot) => typeof slot === 'string'))
      throw new CheckpointError(path, 'its optimiser slots have no names');
  }
  return metadata;
}

/** A checkpoint that cannot be used. */
export class CheckpointError extends ColdstartError {
  constructor(
    readonly path: string,
    readonly what: string,
    cause?: unknown,
  ) {
    super('CHECKPOINT', `checkpoint ${path} cannot be used: ${what}.`, { cause });
  }
}

function stored(tensors: Params): Map<string, StoredTensor> {
  return new Map(
    [...tensors].map(([name, value]) => [
      name,
      { dtype: 'F32', shape: value.shape, data: value.dataSync<'float32'>() },
    ]),
  );
}

/** Node's SHA-256. */
export const nodeSha256: Sha256 = (parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
