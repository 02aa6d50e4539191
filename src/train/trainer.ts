import { existsSync, mkdirSync, renameSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { tidy } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/params.js';
import type { Batch } from '../data/batch.js';
import type { Batches, EpochBatches } from '../data/batches.js';
import type { ModelConfig } from '../model/config.js';
import { translationLoss } from '../model/loss.js';
import { ColdstartError } from '../errors.js';
import { toOptimizerState, toTensors, writeCheckpoint, type Checkpoint } from './checkpoint.js';
import { clipScale } from './clip.js';
import { DivergenceError, firstNonFinite } from './divergence.js';
import { createOptimizer, disposeOptimizerState, type OptimizerOptions, type OptimizerState } from './optimizer.js';
import { emptyInterval, startPosition, type TrainPosition } from './position.js';
import { learningRate, type ScheduleOptions } from './schedule.js';
import { updateGradients, type UpdateGradients } from './trainUpdate.js';

export type TrainOptions = OptimizerOptions & ScheduleOptions & {
  /** Seeds data order and dropout. */
  readonly seed: number;
  readonly labelSmoothing: number;
  /** Batches whose gradients one update adds up. */
  readonly updateFreq: number;
  /** Bound on the global L2 norm of the gradient of the mean loss; 0 does not clip. */
  readonly clipNorm: number;
  /** Training stops after this many epochs or `maxUpdates`, whatever comes first; 0: no such limit. */
  readonly maxEpochs: number;
  /** Updates between validations; 0 validates at the end of each epoch. Always validates at the end. */
  readonly validateEveryUpdates: number;
  /** Updates between checkpoints to resume from, besides those at each epoch's end. */
  readonly saveEveryUpdates: number;
  /** How many epochs' parameters are kept for averaging. */
  readonly keepEpochs: number;
  /** Updates between log entries. */
  readonly logEveryUpdates: number;
  /** Stops after this many validations without a new best; 0 never does. */
  readonly patience: number;
  /** What makes a checkpoint the best: lowest validation loss, or highest value of this key of `evaluate`. */
  readonly bestBy: 'loss' | 'bleu';
};

/** A line of log.jsonl and what the progress display shows. */
export type TrainEvent =
  | { readonly event: 'train'; readonly update: number; readonly epoch: number; readonly loss: number; readonly nll: number; readonly perplexity: number; readonly lr: number;
      readonly gradNormL2: number; readonly clippedShare: number; readonly trgTokens: number; readonly trgTokensPerSecond: number; readonly seconds: number }
  | { readonly event: 'valid'; readonly update: number; readonly epoch: number; readonly loss: number; readonly nll: number; readonly perplexity: number;
      readonly bleu?: number; readonly best: boolean; readonly seconds: number }
  | { readonly event: 'checkpoint'; readonly update: number; readonly epoch: number; readonly path: string }
  | { readonly event: 'epoch'; readonly update: number; readonly epoch: number; readonly seconds: number }
  | { readonly event: 'diverged'; readonly update: number; readonly epoch: number; readonly loss: number; readonly tensor: string };

export interface TrainTask {
  readonly config: ModelConfig;
  readonly options: TrainOptions;
  /** Initial parameters; the trainer takes them over and disposes them. Not used when resuming. */
  readonly params: Params;
  readonly trainBatches: Batches;
  /** Batches for validation loss. */
  readonly validBatches: EpochBatches;
  /** Checkpoints go to `checkpoints/` below it. */
  readonly runDir: string;
  /** A training checkpoint to go on from. */
  readonly resumeFrom?: Checkpoint;
  /** Scores by decoding, run after each validation loss. */
  readonly evaluate?: (params: Params) => Promise<{ bleu: number }>;
  /** When aborted, training saves after the update under way and returns. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: TrainEvent) => void;
  /** Called after every update, for a progress display. */
  readonly onUpdate?: (progress: { update: number; epoch: number; loss: number; perplexity: number; lr: number; gradNormL2: number; trgTokens: number; seconds: number }) => void;
}

export interface TrainResult {
  readonly status: 'finished' | 'interrupted';
  readonly position: TrainPosition;
  /** Final parameters, owned by the caller. */
  readonly params: Params;
}

/** The folder and names of a run's checkpoints. */
export const checkpointPaths = (runDir: string) => ({
  folder: join(runDir, 'checkpoints'),
  last: join(runDir, 'checkpoints', 'last.safetensors'),
  previous: join(runDir, 'checkpoints', 'previous.safetensors'),
  best: join(runDir, 'checkpoints', 'best.safetensors'),
  epoch: (epoch: number) => join(runDir, 'checkpoints', `epoch-${String(epoch).padStart(4, '0')}.safetensors`),
});

/** Paths of the kept epoch checkpoints, oldest first. */
export function epochCheckpoints(runDir: string): string[] {
  const { folder } = checkpointPaths(runDir);
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => /^epoch-\d{4,}\.safetensors$/.test(name)).sort().map((name) => join(folder, name));
}

/**
 * Trains until `maxUpdates`, `maxEpochs`, patience or the signal ends it.
 *
 * The path of the data, every update: `nextBatches` → `updateGradients` (translationLoss and its gradient) →
 * `optimizer.update`. A resumed run goes on bit for bit as the unbroken one on the same backend.
 *
 * @throws DivergenceError when the loss or a gradient is not finite
 */
export async function train(task: TrainTask): Promise<TrainResult> {
  return new Trainer(task).run();
}

class Trainer {
  private readonly optimizer;
  private readonly paths;
  private params: Params;
  private state: OptimizerState;
  private position: TrainPosition;
  private epochBatches: EpochBatches;
  private lastSavedUpdate = -1;
  private stopEarly = false;

  constructor(private readonly task: TrainTask) {
    const { options, params, resumeFrom } = task;
    this.optimizer = createOptimizer(options);
    this.paths = checkpointPaths(task.runDir);
    mkdirSync(this.paths.folder, { recursive: true });
    if (resumeFrom === undefined) {
      this.params = params;
      this.state = this.optimizer.init(params);
      this.position = startPosition(options.seed);
    } else {
      const { training } = resumeFrom;
      if (training === undefined) throw new ColdstartError('CHECKPOINT', `checkpoint ${resumeFrom.path} holds parameters only: training cannot be resumed from it. Use checkpoints/last.safetensors.`);
      if (training.position.seed !== options.seed) throw new ColdstartError('CHECKPOINT', `checkpoint ${resumeFrom.path} was trained with seed ${training.position.seed}, the configuration says ${options.seed}. Resume with the same seed.`);
      disposeParams(params);
      this.params = toTensors(resumeFrom.params);
      this.state = toOptimizerState(training);
      this.position = training.position;
      this.lastSavedUpdate = this.position.update;
    }
    this.epochBatches = task.trainBatches.epochBatches(this.position.epoch);
  }

  async run(): Promise<TrainResult> {
    const { options, signal } = this.task;
    while (!this.isFinished()) {
      await yieldToEvents(); // lets signals and timers in
      if (signal?.aborted) {
        this.saveLast();
        return { status: 'interrupted', position: this.position, params: this.releaseState() };
      }
      this.trainOneUpdate();
      const { update } = this.position;
      if (update % options.logEveryUpdates === 0) this.logInterval();
      const epochEnded = this.position.batchesDone === this.epochBatches.length;
      if (epochEnded) this.endEpoch();
      const validationDue = options.validateEveryUpdates > 0 ? update % options.validateEveryUpdates === 0 : epochEnded;
      if (validationDue || this.isFinished()) await this.validate();
      if (epochEnded || (options.saveEveryUpdates > 0 && update % options.saveEveryUpdates === 0)) this.saveLast();
    }
    if (this.position.interval.updates > 0) this.logInterval();
    this.saveLast();
    return { status: 'finished', position: this.position, params: this.releaseState() };
  }

  private isFinished(): boolean {
    const { maxUpdates, maxEpochs } = this.task.options;
    const { update, epoch } = this.position;
    return this.stopEarly || (maxUpdates > 0 && update >= maxUpdates) || (maxEpochs > 0 && epoch > maxEpochs);
  }

  /** The batches of the next update: `updateFreq` of them, fewer at the end of an epoch. */
  private nextBatches(): Batch[] {
    const { batchesDone } = this.position;
    const end = Math.min(batchesDone + this.task.options.updateFreq, this.epochBatches.length);
    return Array.from({ length: end - batchesDone }, (_, i) => this.epochBatches.batch(batchesDone + i));
  }

  private trainOneUpdate(): void {
    const { config, options, onUpdate } = this.task;
    const started = performance.now();
    const { update, epoch } = this.position;
    const batches = this.nextBatches();
    const lr = learningRate(options, update);
    const step = updateGradients(this.params, batches, { config, labelSmoothing: options.labelSmoothing, seed: options.seed, update });
    if (!Number.isFinite(step.lossSum) || !Number.isFinite(step.gradNormL2)) this.diverged(step);

    const scale = clipScale(step.gradNormL2, options.clipNorm);
    const next = this.optimizer.update(step.gradients, this.state, this.params, { lr, gradientScale: scale / step.trgTokens });
    disposeParams(step.gradients);
    disposeParams(this.params);
    disposeOptimizerState(this.state);
    this.params = next.params;
    this.state = next.state;

    const seconds = (performance.now() - started) / 1000;
    const { interval } = this.position;
    this.position = {
      ...this.position,
      update: update + 1,
      batchesDone: this.position.batchesDone + batches.length,
      trgTokens: this.position.trgTokens + step.trgTokens,
      seconds: this.position.seconds + seconds,
      interval: {
        updates: interval.updates + 1,
        lossSum: interval.lossSum + step.lossSum,
        nllSum: interval.nllSum + step.nllSum,
        trgTokens: interval.trgTokens + step.trgTokens,
        srcTokens: interval.srcTokens + step.srcTokens,
        gradNormSum: interval.gradNormSum + step.gradNormL2,
        clipped: interval.clipped + (scale < 1 ? 1 : 0),
        seconds: interval.seconds + seconds,
      },
    };
    onUpdate?.({
      update: update + 1, epoch, loss: step.lossSum / step.trgTokens, perplexity: Math.exp(step.nllSum / step.trgTokens),
      lr, gradNormL2: step.gradNormL2, trgTokens: step.trgTokens, seconds,
    });
  }

  private diverged(step: UpdateGradients): never {
    const { update, epoch } = this.position;
    const tensor = firstNonFinite([{ what: 'parameter', tensors: this.params }, { what: 'gradient of', tensors: step.gradients }]) ?? 'loss';
    disposeParams(step.gradients);
    disposeParams(this.releaseState());
    const loss = step.lossSum / step.trgTokens;
    this.emit({ event: 'diverged', update: update + 1, epoch, loss, tensor });
    throw new DivergenceError(update + 1, loss, tensor, this.lastSavedUpdate > 0 ? this.paths.last : undefined);
  }

  private logInterval(): void {
    const { update, epoch, interval, seconds } = this.position;
    const nll = interval.nllSum / interval.trgTokens;
    this.emit({
      event: 'train', update, epoch, loss: interval.lossSum / interval.trgTokens, nll, perplexity: Math.exp(nll),
      lr: learningRate(this.task.options, update - 1), gradNormL2: interval.gradNormSum / interval.updates,
      clippedShare: interval.clipped / interval.updates, trgTokens: interval.trgTokens,
      trgTokensPerSecond: interval.trgTokens / interval.seconds, seconds,
    });
    this.position = { ...this.position, interval: emptyInterval };
  }

  private endEpoch(): void {
    const { config, options, runDir } = this.task;
    const { epoch, update, seconds } = this.position;
    this.emit({ event: 'epoch', update, epoch, seconds });
    if (options.keepEpochs > 0) {
      writeCheckpoint(this.paths.epoch(epoch), config, this.params);
      for (const old of epochCheckpoints(runDir).slice(0, -options.keepEpochs)) unlinkSync(old);
    }
    this.position = { ...this.position, epoch: epoch + 1, batchesDone: 0 };
    this.epochBatches = this.task.trainBatches.epochBatches(epoch + 1);
  }

  private async validate(): Promise<void> {
    const { config, options, evaluate } = this.task;
    const started = performance.now();
    const { loss, nll } = validationLoss(this.params, this.task.validBatches, config, options.labelSmoothing);
    const scores = await evaluate?.(this.params);
    const seconds = this.position.seconds + (performance.now() - started) / 1000;
    const { update, best } = this.position;
    const epoch = this.position.batchesDone === 0 ? this.position.epoch - 1 : this.position.epoch;
    const value = options.bestBy === 'bleu' && scores ? scores.bleu : loss;
    const isBest = best === undefined || (options.bestBy === 'bleu' && scores ? value > best.value : value < best.value);
    this.position = {
      ...this.position, seconds,
      ...(isBest ? { best: { update, epoch, value }, validationsSinceBest: 0 } : { validationsSinceBest: this.position.validationsSinceBest + 1 }),
    };
    this.emit({ event: 'valid', update, epoch, loss, nll, perplexity: Math.exp(nll), ...scores, best: isBest, seconds });
    if (isBest) writeCheckpoint(this.paths.best, config, this.params);
    if (options.patience > 0 && this.position.validationsSinceBest >= options.patience) this.stopEarly = true;
  }

  /** The checkpoint to resume from. The one before it stays until the new one is whole. */
  private saveLast(): void {
    const { update, epoch } = this.position;
    if (this.lastSavedUpdate === update) return;
    if (existsSync(this.paths.last)) renameSync(this.paths.last, this.paths.previous);
    writeCheckpoint(this.paths.last, this.task.config, this.params, { state: this.state, position: this.position });
    this.lastSavedUpdate = update;
    this.emit({ event: 'checkpoint', update, epoch, path: this.paths.last });
  }

  private releaseState(): Params {
    disposeOptimizerState(this.state);
    return this.params;
  }

  private emit(event: TrainEvent): void {
    this.task.onEvent?.(event);
  }
}

/** Mean label-smoothed loss and negative log-likelihood per target token, in nats, without dropout. */
export function validationLoss(params: Params, batches: EpochBatches, config: ModelConfig, labelSmoothing: number): { loss: number; nll: number } {
  let lossSum = 0;
  let nllSum = 0;
  let trgTokens = 0;
  for (let i = 0; i < batches.length; i++) {
    const batch = batches.batch(i);
    tidy(() => {
      const loss = translationLoss(params, batch, { config, labelSmoothing });
      lossSum += loss.lossSum.dataSync()[0];
      nllSum += loss.nllSum.dataSync()[0];
    });
    trgTokens += batch.trgTokens;
  }
  return { loss: lossSum / trgTokens, nll: nllSum / trgTokens };
}
