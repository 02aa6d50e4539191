import { div, memory, type Scalar } from '@tensorflow/tfjs-core';
import { counted } from '../counted.js';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import type { Precision } from '../backend/precisions.js';
import { readValues } from '../backend/readValues.js';
import { measureMatmulGflops, startedPrograms } from '../backend/select.js';
import { gradInitParts, type Batch } from '../data/batch.js';
import { eosId, firstOrdinaryId } from '../text/specialIds.js';
import { Random } from '../random/xoshiro.js';
import { ColdstartError } from '../errors.js';
import { beamFields, decodeBatchFields } from '../decode/decodeOptions.js';
import { translate } from '../decode/translate.js';
import { benchGradInit, type GradInitBench } from './benchGradInit.js';
import { architectures, type ArchitectureName, type ModelConfig } from '../model/config.js';
import { initParams } from '../model/init.js';
import { translationLoss } from '../model/loss.js';
import { numParameters, withUnmovedOutputProjection } from '../model/parameters.js';
import { trainingFlops } from '../model/trainingFlops.js';
import { disposeOptimizerState } from '../train/optimizer.js';
import { createOptimizer } from '../train/optimizers.js';
import { updateGradients } from '../train/trainUpdate.js';

/** The workload: a synthetic batch of equally long pairs, with the usual vocabulary and dropout of the architecture. */
export interface BenchmarkTask {
  readonly arch: ArchitectureName;
  readonly numSentences: number;
  /** Tokens of every source and target, the end mark included. */
  readonly length: number;
  /** Timed repetitions, after one or two untimed ones. */
  readonly repeats: number;
  /** Of training's matrix products. */
  readonly precision?: Precision;
}

/** Vocabularies: Multi30k, IWSLT14 and WMT14 with joint subwords. */
const vocabSizes: Readonly<Record<ArchitectureName, number>> = { tiny: 9800, iwslt: 10000, base: 32768 };
const dropouts: Readonly<Record<ArchitectureName, number>> = { tiny: 0.3, iwslt: 0.3, base: 0.1 };

/** The model that is measured. */
export function benchmarkModel(arch: ArchitectureName): ModelConfig {
  const vocabSize = vocabSizes[arch];
  return {
    ...architectures[arch],
    srcVocabSize: vocabSize,
    trgVocabSize: vocabSize,
    sharing: 'tied',
    layerNormEps: 1e-5,
    dropout: dropouts[arch],
    attentionDropout: 0,
    reluDropout: 0,
  };
}

/** Random tokens, no pads. */
export function benchmarkBatch({ arch, numSentences, length }: BenchmarkTask): Batch {
  const random = new Random(1);
  const size = numSentences * length;
  const ids = (): Int32Array =>
    Int32Array.from({ length: size }, () => firstOrdinaryId + random.below(vocabSizes[arch] - firstOrdinaryId));
  return {
    indices: Int32Array.from({ length: numSentences }, (_, row) => row),
    numSentences,
    srcLength: length,
    trgLength: length,
    src: ids(),
    trgIn: ids(),
    trgOut: ids(),
    srcTokens: size,
    trgTokens: size,
  };
}

export interface TrainBenchmark {
  readonly targetTokensPerSecond: number;
  readonly secondsPerStep: number;
  /** Processor time of all threads: steadier than wall time when other programs run. */
  readonly cpuSecondsPerStep: number;
  readonly gflops: number;
  /** Measured rate of plain matrix products on the backend, and the share of it that the step reached. */
  readonly matmulGflops: number;
  readonly shareOfMatmul: number;
  /** Of the GPU, where one computes. Small models spend their time on starting them. */
  readonly programsPerStep?: number;
}

/** Untimed updates, which compile code and allocate memory. As many as the PyTorch peer's. */
const warmupSteps = 2;

/**
 * Waits for the update on backends that compute asynchronously and in order. Reads the last of the smallest parameters,
 * since the trainer copies none to JavaScript.
 */
export async function awaitUpdate(params: Params): Promise<void> {
  await readValues([[...params.values()].reduce((least, tensor) => (tensor.size <= least.size ? tensor : least))]);
}

/**
 * Whole training steps as the trainer takes them: loss, gradients with dropout, norm, Adam. @returns medians @throws
 * ColdstartError code LEAK
 */
export async function benchmarkTraining(task: BenchmarkTask): Promise<TrainBenchmark> {
  const config = benchmarkModel(task.arch);
  const batch = benchmarkBatch(task);
  const optimizer = createOptimizer({ optimizer: 'adam' });
  let params: Params = initParams(config, { method: 'fairseq', seed: 1 });
  let state = optimizer.init(params);
  let update = 0;
  const step = async (): Promise<void> => {
    const { gradients, trgTokens } = await updateGradients(params, [batch], {
      config,
      labelSmoothing: 0.1,
      seed: 1,
      update: update++,
      precision: task.precision ?? 'fp32',
    });
    ({ params, state } = optimizer.update(gradients, state, params, { lr: 5e-4, gradientScale: 1 / trgTokens }));
    await awaitUpdate(params);
  };
  for (let i = 0; i < warmupSteps; i++) await step();
  const tensors = memory().numTensors;
  const programsBefore = await startedPrograms();
  const times = await timed(task.repeats, step);
  const programs = await startedPrograms();
  const secondsPerStep = median(times.map(({ seconds }) => seconds));
  const cpuSecondsPerStep = median(times.map(({ cpuSeconds }) => cpuSeconds));
  if (memory().numTensors !== tensors)
    throw new ColdstartError(
      'LEAK',
      `${counted(memory().numTensors - tensors, 'tensor')} leaked in ${counted(task.repeats, 'step')}.`,
    );
  disposeParams(params);
  disposeOptimizerState(state);
  const matmulGflops = measureMatmulGflops();
  const gflops = trainingFlops(config, batch) / secondsPerStep / 1e9;
  return {
    targetTokensPerSecond: batch.trgTokens / secondsPerStep,
    secondsPerStep,
    cpuSecondsPerStep,
    gflops,
    matmulGflops,
    shareOfMatmul: gflops / matmulGflops,
    ...(programs !== undefined && { programsPerStep: (programs - programsBefore!) / times.length }),
  };
}

/** GradInit's iterations by branch, and the saving from building no second-order graph where none is needed. */
export async function benchmarkGradInit(task: BenchmarkTask): Promise<GradInitBench> {
  const config = benchmarkModel(task.arch);
  const params = initParams(config, { method: 'fairseq', seed: 1 });
  const loss = (p: Params, batch: Batch): Scalar =>
    div(translationLoss(p, batch, { config, labelSmoothing: 0.1 }).lossSum, batch.trgTokens);
  try {
    return await benchGradInit({
      params,
      loss,
      ...gradInitParts(endWithEos(benchmarkBatch(task))),
      algorithm: 'adam',
      repeats: task.repeats,
      stepLoss: (moved, current, batch) => loss(withUnmovedOutputProjection(moved, current), batch),
    });
  } finally {
    disposeParams(params);
  }
}

export interface TranslateBenchmark {
  readonly sentencesPerSecond: number;
  readonly targetTokensPerSecond: number;
  readonly seconds: number;
}

/**
 * Beam search with random parameters, which end sentences late: `length` tokens out for `length` tokens in. @returns
 * medians
 */
export async function benchmarkTranslation(task: BenchmarkTask, beamSize: number): Promise<TranslateBenchmark> {
  const config = benchmarkModel(task.arch);
  const params = initParams(config, { method: 'fairseq', seed: 1 });
  const { src } = endWithEos(benchmarkBatch(task));
  const sources = Array.from({ length: task.numSentences }, (_, row) =>
    src.slice(row * task.length, (row + 1) * task.length),
  );
  const seconds: number[] = [];
  let tokens = 0;
  for (let i = 0; i <= task.repeats; i++) {
    const started = performance.now();
    const { hypotheses } = await translate(params, config, sources, {
      beamSize,
      lengthPenalty: beamFields.lengthPenalty.default,
      maxLenA: 1,
      maxLenB: 0,
      maxTokens: decodeBatchFields.maxTokens.default,
      maxSentences: decodeBatchFields.maxSentences.default,
    });
    seconds.push((performance.now() - started) / 1000);
    tokens = hypotheses.reduce((total, [best]) => total + best.tokens.length, 0);
  }
  disposeParams(params);
  const typical = median(seconds.slice(1));
  return { sentencesPerSecond: task.numSentences / typical, targetTokensPerSecond: tokens / typical, seconds: typical };
}

export function benchmarkParameters(arch: ArchitectureName): number {
  return numParameters(benchmarkModel(arch));
}

function endWithEos(batch: Batch): Batch {
  for (let row = 0; row < batch.numSentences; row++) {
    batch.src[(row + 1) * batch.srcLength - 1] = eosId;
    batch.trgOut[(row + 1) * batch.trgLength - 1] = eosId;
  }
  return batch;
}

async function timed(repeats: number, run: () => Promise<void>): Promise<{ seconds: number; cpuSeconds: number }[]> {
  const times: { seconds: number; cpuSeconds: number }[] = [];
  for (let i = 0; i < repeats; i++) {
    const started = performance.now();
    const startedCpu = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(startedCpu);
    times.push({ seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 });
  }
  return times;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
