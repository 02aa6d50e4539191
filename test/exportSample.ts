import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { defaultConfig } from '../src/config/loadConfig.js';
import type { ExportedModel, ExportedTensor } from '../src/export/exportedModel.js';
import type { ModelConfig } from '../src/model/config.js';
import { parameterShapes } from '../src/model/parameters.js';
import { Random } from '../src/random/xoshiro.js';
import { saveTextPipeline, type TextPipelineParts } from '../src/text/textPipeline.js';
import { Vocabulary } from '../src/text/vocabulary.js';
import { writeStoredParams } from '../src/train/checkpoint.js';

const joint = 'ein 9\nhaus 8\nda@@ 7\ns 6\na 5\nhouse 4\nth@@ 3\ne 2\n';
const sources = 'ein 9\nhaus 8\nda@@ 7\ns 6\n';
const targets = 'a 5\nhouse 4\nth@@ 3\ne 2\nis 1\n';

/** Text that is cut into tokens already. */
export function sampleText(kind: 'joint' | 'separate'): TextPipelineParts {
  const vocabulary = (side: string, text: string): Vocabulary => Vocabulary.parse(text, side);
  return {
    subwords: { src: { method: 'none', joiner: '@@' }, trg: { method: 'none', joiner: '@@' } },
    vocabularies:
      kind === 'joint'
        ? { src: vocabulary('joint', joint), trg: vocabulary('joint', joint) }
        : { src: vocabulary('src', sources), trg: vocabulary('trg', targets) },
    preprocessing: { src: [], trg: [] },
  };
}

/** Sizes of a model for `sampleText`. */
export function sampleConfig(kind: 'joint' | 'separate', changes: Partial<ModelConfig> = {}): ModelConfig {
  const { src, trg } = sampleText(kind).vocabularies;
  return {
    srcVocabSize: src.size,
    trgVocabSize: trg.size,
    dModel: 8,
    dFf: 12,
    numHeads: 2,
    numEncoderLayers: 2,
    numDecoderLayers: 1,
    sharing: kind === 'joint' ? 'tied' : 'none',
    layerNormEps: 1e-5,
    dropout: 0,
    attentionDropout: 0,
    reluDropout: 0,
    ...changes,
  };
}

/** Parameters that differ from each other everywhere, between -1 and 1. */
export function sampleParameters(config: ModelConfig, seed = 1): Map<string, ExportedTensor> {
  const random = new Random(seed);
  return new Map(
    [...parameterShapes(config)].map(([name, shape]) => [
      name,
      {
        shape,
        data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * random.unit() - 1),
      },
    ]),
  );
}

/** An untrained model as an exporter gets it. */
export function sampleModel(kind: 'joint' | 'separate' = 'joint', changes: Partial<ModelConfig> = {}): ExportedModel {
  const config = sampleConfig(kind, changes);
  return {
    checkpoint: 'none',
    config,
    parameters: sampleParameters(config),
    textFolder: 'none',
    text: sampleText(kind),
    isJoint: kind === 'joint',
    decode: defaultConfig().decode,
  };
}

/** A checkpoint with its text next to it. @returns its path */
export function writeSampleCheckpoint(
  folder: string,
  kind: 'joint' | 'separate' = 'joint',
  changes: Partial<ModelConfig> = {},
): string {
  mkdirSync(folder, { recursive: true });
  saveTextPipeline(join(folder, 'text'), sampleText(kind));
  const config = sampleConfig(kind, changes);
  const path = join(folder, 'model.safetensors');
  writeStoredParams(
    path,
    config,
    new Map([...sampleParameters(config)].map(([name, { shape, data }]) => [name, { dtype: 'F32', shape, data }])),
    true,
  );
  return path;
}
