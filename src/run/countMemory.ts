import { zeros } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { countTensorBytes } from '../backend/native/countingBackend.js';
import { hasKernel } from '../backend/ops/dispatch.js';
import { topLogProbsKernel } from '../backend/ops/kernels.js';
import type { Config } from '../config/schema.js';
import { makeBatch, type IdPair } from '../data/batch.js';
import type { BatchShape } from '../data/batches.js';
import { pairsInMemory } from '../data/pairSource.js';
import { BeamSearch } from '../decode/beamSearch.js';
import type { LearnedInit } from '../initial/learnedInit.js';
import { settingsOf } from '../initial/learnedInits.js';
import type { ModelConfig } from '../model/config.js';
import { parameterShapes } from '../model/parameters.js';
import { eosId, unkId } from '../text/specialIds.js';
import { disposeOptimizerState, type OptimizerState } from '../train/optimizer.js';
import { createOptimizer } from '../train/optimizers.js';
import type { TrainOptions } from '../train/trainOptions.js';
import { nodeGradients, readSums } from '../train/trainUpdate.js';
import { initialParams } from './initialParams.js';
import { beamOptions } from './heldOut.js';

/*
 * Bytes of tensors that the stages of a run hold at most, on the current backend: each stage's code runs once on the
 * counting backend, so this file needs no knowledge of what a model keeps for its backward pass.
 */

/** Updates with batches of this size. */
export function countUpdate(options: TrainOptions, model: ModelConfig, shape: BatchShape): Promise<number> {
  const { labelSmoothing, precision, updateFreq } = options;
  // two batches are counted for all of them, next to the sums that wait for their partners in the tree of more batches
  const keptSums = Math.max(0, Math.floor(Math.log2(updateFreq)) - 1);
  const batches = Array.from({ length: Math.min(updateFreq, 2) }, () => makeBatch(pairsOf(shape)));
  return countTensorBytes(async () => {
    const optimizer = createOptimizer(options);
    let { params, state } = startOf(options, model);
    for (const update of [0, 1]) {
      const kept = Array.from({ length: keptSums }, () => zeroParams(model));
      const all = { lo: 0, hi: batches.length };
      const updateOptions = { config: model, labelSmoothing, seed: 1, update, precision };
      const { gradients, losses } = await nodeGradients(params, all, (i) => batches[i], updateOptions);
      kept.forEach(disposeParams);
      await readSums(losses, gradients);
      ({ params, state } = optimizer.update(gradients, state, params, { lr: 0, gradientScale: 1 }));
    }
    disposeParams(params);
    disposeOptimizerState(state);
  });
}

/** Learning or profiling initial parameters on batches of this size: of the kinds of iterations the largest. */
export async function countInit(
  config: Config,
  method: LearnedInit,
  model: ModelConfig,
  shape: BatchShape,
): Promise<number> {
  const { numSentences, srcLength, trgLength } = shape;
  const maxTokens = numSentences * Math.max(srcLength, trgLength);
  const settings = settingsOf(config, method);
  const batch = { maxTokens, trainTokens: config.train.maxTokens };
  let most = 0;
  // the counting backend reads every norm as 1
  for (const sample of method.samples?.(settings, { iterations: 1, batch }) ?? [settings]) {
    const once = {
      ...config,
      [method.name]: sample,
      train: { ...config.train, maxTokens, maxSentences: undefined },
    };
    const count = await countTensorBytes(async () => {
      const { params } = await initialParams(once, model, pairsInMemory(pairsOf(shape)), {
        draw: () => zeroParams(model),
      });
      disposeParams(params);
    });
    most = Math.max(most, count);
  }
  return most;
}

/** Translating a batch of sources of this length to their maximal lengths, next to what training keeps. */
export async function countDecoding(
  options: TrainOptions,
  model: ModelConfig,
  decode: Config['decode'],
  { numSentences, srcLength }: Pick<BatchShape, 'numSentences' | 'srcLength'>,
): Promise<number> {
  const beam = beamOptions(decode);
  const steps = Math.floor(beam.maxLenA * srcLength + beam.maxLenB);
  const sources = pairsOf({ numSentences, srcLength, trgLength: 1 }).map(({ src }) => Int32Array.from(src));
  const afterSteps = (count: number): Promise<number> =>
    countTensorBytes(async () => {
      const { params, state } = startOf(options, model);
      const search = new BeamSearch([{ params, config: model }], sources, beam);
      for (let i = 0; i < count; i++) await search.step();
      search.dispose();
      disposeParams(params);
      disposeOptimizerState(state);
    }, true);
  // every step adds its keys and values, so two numbers of steps determine the others
  const [few, more] = [Math.min(steps, 4), Math.min(steps, 8)];
  const [first, second] = [await afterSteps(few), await afterSteps(more)];
  const most = more > few ? second + ((second - first) / (more - few)) * (steps - more) : second;
  const logits = hasKernel(topLogProbsKernel) ? 0 : 4 * numSentences * beam.beamSize * model.trgVocabSize;
  return most + logits;
}

function startOf(options: TrainOptions, model: ModelConfig): { params: Params; state: OptimizerState } {
  const params = zeroParams(model);
  return { params, state: createOptimizer(options).init(params) };
}

function zeroParams(model: ModelConfig): Params {
  return new Map([...parameterShapes(model)].map(([name, shape]) => [name, zeros(shape)]));
}

function pairsOf({ numSentences, srcLength, trgLength }: BatchShape): { src: number[]; trg: number[] }[] {
  const ids = (length: number): number[] => [...new Array<number>(length - 1).fill(unkId), eosId];
  const pair = { src: ids(srcLength), trg: ids(trgLength) } satisfies IdPair;
  return new Array<typeof pair>(numSentences).fill(pair);
}
