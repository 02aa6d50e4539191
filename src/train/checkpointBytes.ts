import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import type { ModelConfig } from '../model/config.js';
import { safetensorsBytes, type StoredTensor } from '../storage/safetensorsBytes.js';
import type { OptimizerState } from './optimizer.js';
import type { TrainPosition } from './position.js';

/** Tensors of an optimiser's slot are stored next to the parameters as `slot:parameter`. */
export const slotSeparator = ':';
export const formatVersion = 1;

/** A checkpoint as read from a file: plain arrays, no tensors. */
export interface Checkpoint {
  readonly path: string;
  readonly config: ModelConfig;
  readonly params: ReadonlyMap<string, StoredTensor>;
  /** The state for resuming training; absent in checkpoints with only parameters. */
  readonly training?: {
    readonly optimizerStep: number;
    readonly slots: ReadonlyMap<string, ReadonlyMap<string, StoredTensor>>;
    readonly position: TrainPosition;
  };
}

/** The settings in a checkpoint's header. */
export interface CheckpointMetadata {
  readonly version: number;
  readonly config: ModelConfig;
  readonly optimizerStep?: number;
  readonly slotNames?: readonly string[];
  readonly position?: TrainPosition;
}

/** Stored arrays as tensors on the current backend; the caller disposes them. */
export function toTensors(arrays: ReadonlyMap<string, StoredTensor>): Map<string, Tensor> {
  return new Map(
    [...arrays].map(([name, { data, shape }]) => [name, tensor(data as Float32Array, [...shape], 'float32')]),
  );
}

/** The optimiser's state as tensors on the current backend. */
export function toOptimizerState(training: NonNullable<Checkpoint['training']>): OptimizerState {
  return {
    step: training.optimizerStep,
    slots: new Map([...training.slots].map(([slot, arrays]) => [slot, toTensors(arrays)])),
  };
}

/** SHA-256 of bytes in parts, 32 bytes. Node has a faster one than random/sha256.ts. */
export type Sha256 = (parts: Iterable<Uint8Array>) => Uint8Array;

/**
 * A checkpoint's file, as parts of which each follows the one before: one safetensors file whose metadata holds the
 * settings, and a SHA-256 over names, shapes, values and settings.
 *
 * @param training left out for checkpoints that are only decoded, averaged or exported
 */
export function checkpointBytes({ config, params, training }: Omit<Checkpoint, 'path'>, sha256: Sha256): Uint8Array[] {
  const tensors = new Map(params);
  for (const [slot, values] of training?.slots ?? [])
    for (const [name, value] of values) tensors.set(slot + slotSeparator + name, value);
  const metadata: CheckpointMetadata = {
    version: formatVersion,
    config,
    ...(training && {
      optimizerStep: training.optimizerStep,
      slotNames: [...training.slots.keys()],
      position: training.position,
    }),
  };
  const text = JSON.stringify(metadata);
  return safetensorsBytes(tensors, { format: 'pt', coldstart: text, sha256: digest(tensors, text, sha256) });
}

/** SHA-256 over settings, names, shapes and values, in hexadecimal. */
export function digest(tensors: ReadonlyMap<string, StoredTensor>, metadata: string, sha256: Sha256): string {
  const encoder = new TextEncoder();
  const parts = [encoder.encode(metadata)];
  for (const [name, { shape, data }] of tensors)
    parts.push(
      encoder.encode(`\n${name} [${shape}]\n`),
      new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
    );
  return Array.from(sha256(parts), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
