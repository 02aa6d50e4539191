import { join } from 'node:path';
import { shellWord } from '../format.js';
import { DataError, UsageError } from '../errors.js';
import { readSafetensors } from '../storage/safetensors.js';
import { isThere } from '../storage/isThere.js';

export interface ForeignTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The file of a folder's weights. @throws UsageError for weights in another form, with how to convert them */
export function weightsFile(folder: string): string {
  const path = join(folder, 'model.safetensors');
  if (isThere(path)) return path;
  const save = (options: string): string =>
    `python -c 'import sys; from transformers import AutoModelForSeq2SeqLM as M; M.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[2]${options})' ${shellWord(folder)} ${shellWord(`${folder}-safetensors`)}`;
  if (isThere(join(folder, 'model.safetensors.index.json')))
    throw new UsageError(
      `the weights in ${folder} are divided into several files, expected one model.safetensors. Write them again with: ${save(', max_shard_size="100GB"')}`,
    );
  if (isThere(join(folder, 'pytorch_model.bin')))
    throw new UsageError(
      `${folder} has its weights in pytorch_model.bin, a pickle: reading one runs whatever code is in it, so it is not read. Where you trust the file, convert it with PyTorch: ${save('')}, then copy the tokenizer's files next to the new weights`,
    );
  throw new UsageError(
    `${folder} has no model.safetensors. Name a folder with a model of Hugging Face's transformers.`,
  );
}

/** Tensors by name, each taken once: what nobody takes is a part of the model that nothing here knows. */
export class ForeignWeights {
  private constructor(
    private readonly path: string,
    private readonly tensors: Map<string, ForeignTensor>,
  ) {}

  /** @throws DataError for a file that is not one, or holds numbers that are not finite */
  static read(path: string): ForeignWeights {
    const tensors = new Map<string, ForeignTensor>();
    for (const [name, { dtype, shape, data }] of readSafetensors(path, { halves: true }).tensors) {
      if (dtype !== 'F32') throw new DataError(`${path}: tensor "${name}" is ${dtype}, expected 16- or 32-bit floats.`);
      const wrong = data.findIndex((value) => !Number.isFinite(value));
      if (wrong >= 0) throw new DataError(`${path}: tensor "${name}" holds ${data[wrong]} at ${wrong}.`);
      tensors.set(name, { shape, data: data as Float32Array });
    }
    return new ForeignWeights(path, tensors);
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  /** Without taking it. */
  get(name: string): ForeignTensor | undefined {
    return this.tensors.get(name);
  }

  /** @throws DataError if it is not there, or has another shape */
  take(name: string, shape?: readonly number[]): ForeignTensor {
    const found = this.tensors.get(name);
    if (found === undefined) throw new DataError(`${this.path} has no tensor "${name}", which config.json calls for.`);
    if (shape !== undefined) this.checkShape(name, found, shape);
    this.tensors.delete(name);
    return found;
  }

  /** @throws DataError if it has another shape */
  checkShape(name: string, found: ForeignTensor, shape: readonly number[]): void {
    if (String(found.shape) !== String(shape))
      throw new DataError(
        `${this.path}: tensor "${name}" has shape [${found.shape}], config.json and the other tensors call for [${shape}].`,
      );
  }

  drop(name: string): void {
    this.tensors.delete(name);
  }

  /** @throws DataError if something is left */
  finish(): void {
    const [left] = this.tensors.keys();
    if (left !== undefined)
      throw new DataError(`${this.path} holds a tensor "${left}" that a model of its config.json does not have.`);
  }
}
