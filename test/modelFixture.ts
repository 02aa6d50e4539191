import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import { makeBatch, type Batch, type IdPair } from '../src/data/batch.js';
import type { ModelConfig, ResidualScheme, Sharing } from '../src/model/config.js';
import { readSafetensors, type StoredTensor } from '../src/storage/safetensors.js';
import { referencePath } from './reference.js';

const folder = referencePath('model');

export const fixtureModelNames = ['tied', 'decoder-tied', 'trained-reverse'] as const;
/**
 * Models with reference numbers of forward pass and gradients; the first three have those of optimisers and decoding
 * too.
 */
export const forwardFixtureNames = [...fixtureModelNames, 'pre-ln'] as const;
export type FixtureModelName = (typeof forwardFixtureNames)[number];

/** Any JSON file of the fixtures. */
export function readModelFixture<T>(path: string): T {
  return JSON.parse(readFileSync(join(folder, path), 'utf8')) as T;
}

/** Any safetensors file of the fixtures. */
export function readFixtureTensors(path: string): Map<string, StoredTensor> {
  return readSafetensors(join(folder, path)).tensors;
}

export interface FixtureModel {
  readonly config: ModelConfig;
  readonly labelSmoothing: number;
  /** Names and shapes in the stored order. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly batch: Batch;
}

/** Configuration and batch of one of the fixtures' models; it has no dropout. */
export function readFixtureModel(name: FixtureModelName): FixtureModel {
  const stored = readModelFixture<{
    vocab: number;
    d_model: number;
    ffn: number;
    heads: number;
    enc_layers: number;
    dec_layers: number;
    sharing: Sharing;
    residual?: ResidualScheme;
    ln_eps: number;
    label_smoothing: number;
    parameters: Record<string, number[]>;
  }>(`${name}/config.json`);
  const config: ModelConfig = {
    srcVocabSize: stored.vocab,
    trgVocabSize: stored.vocab,
    dModel: stored.d_model,
    dFf: stored.ffn,
    numHeads: stored.heads,
    numEncoderLayers: stored.enc_layers,
    numDecoderLayers: stored.dec_layers,
    sharing: stored.sharing,
    ...(stored.residual && { residual: stored.residual }),
    layerNormEps: stored.ln_eps,
    dropout: 0,
    attentionDropout: 0,
    reluDropout: 0,
  };
  const { pairs } = readModelFixture<{ pairs: FixturePair[] }>(`${name}/batch.json`);
  return {
    config,
    labelSmoothing: stored.label_smoothing,
    shapes: new Map(Object.entries(stored.parameters)),
    batch: fixtureBatch(pairs),
  };
}

/** A sentence pair as the fixtures write it. */
export interface FixturePair {
  readonly src: number[];
  readonly tgt: number[];
}

export function fixtureBatch(pairs: readonly FixturePair[]): Batch {
  return makeBatch(pairs.map(({ src, tgt }): IdPair => ({ src, trg: tgt })));
}

/** The model's weights as tensors on the current backend, in the stored order; the caller disposes them. */
export function fixtureParams(name: FixtureModelName): Map<string, Tensor> {
  const params = new Map<string, Tensor>();
  const stored = readFixtureTensors(`${name}/weights.safetensors`);
  for (const parameterName of readFixtureModel(name).shapes.keys()) {
    const { data, shape } = stored.get(parameterName)!;
    params.set(parameterName, tensor(data as Float32Array, [...shape], 'float32'));
  }
  return params;
}
