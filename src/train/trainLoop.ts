import { nextTurn } from '../backend/nextTurn.js';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { checkPrecision } from '../backend/precision.js';
import type { Batch } from '../data/batch.js';
import type { Batches, EpochBatches } from '../data/batches.js';
import type { ModelConfig } from '../model/config.js';
import { UsageError } from '../errors.js';
import { toOptimizerState, toTensors, type Checkpoint } from './checkpointBytes.js';
import type { CheckpointStore, KeptAt } from './checkpointStore.js';
import { applyUpdate, type UpdateRule } from './applyUpdate.js';
import { DivergenceError, firstNonFinite } from './divergence.js';
import { disposeOptimizerState, type OptimizerState } from './optimizer.js';
import { optimizers, type OptimizerChoice, type OptimizerOptions } from './optimizers.js';
import {
  emptyInterval,
  endedPosition,
  isAtLimit,
  resumedPosition,
  startPosition,
  type TrainPosition,
} from './position.js';
import { checkResumable, checkSameData } from './resume.js';
import { learningRate } from './schedule.js';
import { checkTrainOptions, type TrainOptions } from './trainOptions.js';
import type { Multipliers } from './multipliers.js';
import { isRatioSampled, updateRatios } from './updateRatios.js';
import type { Team } from './team.js';
import type { SharedGradients } from './sharedUpdate.js';
import { isFiniteStep, updateGradients, type UpdateOptions } from './trainUpdate.js';
import { StoppedByOther } from '../parallel/agree.js';
import type { World } from '../parallel/world.js';
import { validationLoss } from './validationLoss.js';

/** A line of log.jsonl, also shown by the progress display. */
export type TrainEvent =
  | {
      readonly event: 'train';
      readonly update: number;
      readonly epoch: number;
      readonly loss: number;
      readonly nll: number;
      readonly perplexity: number;
      readonly lr: number;
      readonly gradNormL2: number;
      readonly clippedShare: number;
      readonly trgTokens: number;
      readonly trgTokensPerSecond: number;
      readonly seconds: number;
    }
  | {
      readonly event: 'valid';
      readonly update: number;
      readonly epoch: number;
      readonly loss: number;
      readonly nll: number;
      readonly perplexity: number;
      readonly bleu?: number;
      readonly samples?: readonly ValidSample[];
      readonly best: boolean;
      /** Requested only by the end of the run; it does not count if the run is prolonged. */
      readonly atEnd?: true;
      readonly seconds: number;
    }
  | { readonly event: 'checkpoint'; readonly update: number; readonly epoch: number; readonly path: string }
  | { readonly event: 'epoch'; readonly update: number; readonly epoch: number; readonly seconds: number }
  /** L2 norm of the update by that of the tensor before it, in the order of the parameters; null where that is 0. */
  | {
      readonly event: 'updateRatios';
      readonly update: number;
      readonly epoch: number;
      readonly ratios: readonly (number | null)[];
    }
  | {
      readonly event: 'diverged';
      readonly update: number;
      readonly epoch: number;
      /** As text, since JSON cannot represent NaN and Infinity. */
      readonly loss: string;
      readonly tensor: string;
    };

/** A validation sentence as the model translates it at this point of training. */
export interface ValidSample {
  readonly src: string;
  readonly ref: string;
  readonly hyp: string;
}

/** What decoding the validation set gives; all of it is logged. */
export interface Evaluation {
  readonly bleu: number;
  readonly samples?: readonly ValidSample[];
}

/** The model, batches, options and checkpoints of `trainLoop`. */
export interface LoopTask<O extends { readonly optimizer: string } = OptimizerOptions> {
  readonly config: ModelConfig;
  readonly options: TrainOptions<O>;
  /** Initial parameters; the trainer takes them over and disposes them. Not used when resuming. */
  readonly params: Params;
  readonly trainBatches: Batches;
  /** Batches for validation loss. */
  readonly validBatches: EpochBatches;
  readonly store: CheckpointStore;
  /** A training checkpoint to resume from. */
  readonly resumeFrom?: Checkpoint;
  /** Optimisers that `options.optimizer` may name. Default: those of optimizers.ts. */
  readonly optimizers?: OptimizerChoice;
  /** Tensors that train as s V. Default: none. */
  readonly multipliers?: Multipliers;
  /** Updates in which `updateRatios` are sampled. Default: none. */
  readonly ratioUpdates?: number;
  /**
   * Also validate at the end of the first epoch, independent of `validateEveryUpdates`: ways of starting are compared
   * there.
   */
  readonly validateFirstEpoch?: boolean;
  /**
   * Scores by decoding, run after each validation loss. Once `signal` is aborted its result is not used and it may
   * reject.
   */
  readonly evaluate?: (params: Params, signal?: AbortSignal) => Promise<Evaluation>;
  /** Sees the parameters after each validation. */
  readonly onValidation?: (params: Params, update: number) => void;
  /**
   * The processes that share out the batches of every update; this one leads, and the others `follow`. Default: this
   * one alone.
   */
  readonly world?: World;
  /** This process's part in leading them. */
  readonly team?: Team;
  /** Called when another process was asked to stop; `signal` should then be aborted. */
  readonly onStopAsked?: () => void;
  /**
   * When aborted, training saves after the update under way (a validation under way is broken off, and done when
   * resumed) and returns.
   */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: TrainEvent) => void;
  /** Called after every update, for a progress display. */
  readonly onUpdate?: (progress: {
    update: number;
    epoch: number;
    loss: number;
    perplexity: number;
    lr: number;
    gradNormL2: number;
    trgTokens: number;
    seconds: number;
  }) => void;
}

/** The end of training: parameters, position, and how training ended. */
export interface TrainResult {
  readonly status: 'finished' | 'interrupted';
  readonly position: TrainPosition;
  /** Final parameters, owned by the caller. */
  readonly params: Params;
}

/**
 * Trains until `maxUpdates`, `maxEpochs`, patience or the signal ends it.
 *
 * The path of the data, every update: `nextBatches` → `updateGradients` (translationLoss and its gradient) →
 * `optimizer.update`. A resumed run continues bit for bit like the unbroken one on the same backend, and one that is
 * resumed with later limits as if it had had these from the start.
 *
 * @throws DivergenceError when the loss, a gradient or a parameter is not finite
 * @throws UsageError when the options contradict themselves, ColdstartError when `resumeFrom` belongs to another run
 */
export async function trainLoop<O extends { readonly optimizer: string }>(task: LoopTask<O>): Promise<TrainResult> {
  let trainer: Trainer;
  try {
    trainer = new Trainer(task);
  } catch (error) {
    disposeParams(task.params);
    throw error;
  }
  return trainer.run();
}

class Trainer {
  private readonly optimizer;
  private params: Params;
  /** With several processes: of this one's shard. */
  private state: OptimizerState;
  /** Replaced, never changed, so that a saved position can be recognised. */
  private position: TrainPosition;
  private epochBatches: EpochBatches;
  private savedPosition?: TrainPosition;
  private lastLoss = NaN;
  private stopAsked = false;

  constructor(private readonly task: LoopTask<{ readonly optimizer: string }>) {
    const { options, params, resumeFrom, optimizers: table = optimizers } = task;
    checkTrainOptions(options, table);
    checkPrecision(options.precision);
    if (options.bestBy === 'bleu' && task.evaluate === undefined)
      throw new UsageError(
        'train.bestBy is "bleu", but the run does not decode its validation set. Use "loss", or give it one.',
      );
    this.optimizer = table.create(options);
    task.store.open();
    if (resumeFrom === undefined) {
      this.epochBatches = task.trainBatches.epochBatches(1);
      this.position = startPosition(options, this.epochBatches.length);
      this.params = params;
      this.state = this.optimizer.init(params);
    } else {
      const training = checkResumable(resumeFrom, task.config, options, this.optimizer);
      this.epochBatches = task.trainBatches.epochBatches(training.position.epoch);
      checkSameData(resumeFrom, training.position, this.epochBatches);
      this.position = resumedPosition(training.position, options);
      this.savedPosition = training.position;
      this.params = toTensors(resumeFrom.params);
      this.state = training.optimizerStep > 0 ? toOptimizerState(training) : this.optimizer.init(this.params);
      disposeParams(params);
    }
  }

  async run(): Promise<TrainResult> {
    try {
      const status = await this.withTeam(() => this.untilFinished());
      disposeOptimizerState(this.state);
      return { status, position: this.position, params: this.params };
    } catch (error) {
      disposeOptimizerState(this.state);
      disposeParams(this.params);
      throw error;
    }
  }

  private async withTeam<T>(work: () => Promise<T>): Promise<T> {
    const { team } = this.task;
    if (team === undefined) return work();
    const { options, multipliers } = this.task;
    const { update, epoch, batchesDone } = this.position;
    const start = { options, multipliers, update, epoch, batchesDone };
    this.state = await team.start(start, this.params, this.state);
    let result: T;
    try {
      result = await work();
    } catch (error) {
      await team.end();
      throw error;
    }
    await team.end();
    return result;
  }

  private async untilFinished(): Promise<TrainResult['status']> {
    const { options } = this.task;
    await this.takeBackEnd();
    for (;;) {
      await nextTurn(); // lets signals and timers in
      if (this.position.validationDue && !this.isStopping) await this.validate();
      if (this.isFinished()) break;
      if (this.isStopping) {
        await this.saveLast();
        return 'interrupted';
      }
      if (this.isSaveDue()) await this.saveLast();
      await this.trainOneUpdate();
      const { update, epoch, batchesDone, epochBatches } = this.position;
      if (update % options.logEveryUpdates === 0) this.logInterval();
      const epochEnded = batchesDone === epochBatches;
      if (epochEnded) await this.endEpoch();
      if (options.keepEveryUpdates > 0 && update % options.keepEveryUpdates === 0) await this.keepParams({ update });
      const due = options.validateEveryUpdates > 0 ? update % options.validateEveryUpdates === 0 : epochEnded;
      const firstEpochEnded = this.task.validateFirstEpoch === true && epochEnded && epoch === 1;
      if (due || firstEpochEnded) this.position = { ...this.position, validationDue: true };
      else if (this.isAtLimit()) this.position = { ...endedPosition(this.position), validationDue: true };
    }
    this.position = endedPosition(this.position);
    if (this.position.interval.updates > 0) this.logInterval();
    await this.saveLast();
    return 'finished';
  }

  /**
   * Where a run is resumed that may train further: its files as they were before its end, or before it was killed
   * there.
   */
  private async takeBackEnd(): Promise<void> {
    const { store } = this.task;
    const { savedPosition: saved, position } = this;
    if (saved === undefined) store.forgetBestBeforeEnd(); // of an earlier training in this folder
    if (saved === undefined || position.beforeEnd !== undefined) return;
    // in this order: a kill between the two is made up for the next time
    if (saved.beforeEnd !== undefined) {
      await this.store(true);
      this.savedPosition = position;
    }
    store.restoreBestBeforeEnd();
  }

  /** Stores what training resumes from. @param again see `CheckpointStore.saveLast` */
  private async store(again = false): Promise<void> {
    const { config, store, team } = this.task;
    const { params, state, position } = this;
    const collected = await team?.collect(params, state);
    try {
      await store.saveLast(config, { params, state: collected ?? state, position }, again);
    } finally {
      if (collected) disposeOptimizerState(collected);
    }
  }

  private isAtLimit(): boolean {
    return isAtLimit(this.position, this.task.options);
  }

  private isFinished(): boolean {
    return this.isAtLimit() && !this.position.validationDue;
  }

  private isSaveDue(): boolean {
    const { saveEveryUpdates } = this.task.options;
    const { update, batchesDone } = this.position;
    return update > 0 && (batchesDone === 0 || (saveEveryUpdates > 0 && update % saveEveryUpdates === 0));
  }

  /** The batches of the next update: `updateFreq` of them, fewer at the end of an epoch. */
  private nextBatches(): Batch[] {
    const { batchesDone } = this.position;
    const end = Math.min(batchesDone + this.task.options.updateFreq, this.epochBatches.length);
    return Array.from({ length: end - batchesDone }, (_, i) => this.epochBatches.batch(batchesDone + i));
  }

  /** Of one update; where several processes train, each computes its share. */
  private async gradients(batches: readonly Batch[], options: UpdateOptions): Promise<SharedGradients> {
    const { team } = this.task;
    if (team === undefined) return { ...(await updateGradients(this.params, batches, options)), stop: false };
    const { signal } = this.task;
    const step = await team.update(this.params, batches, options, signal?.aborted === true);
    if (step.stop) this.stopToo();
    return step;
  }

  private async apply(rule: UpdateRule, step: SharedGradients): Promise<ReturnType<typeof applyUpdate>> {
    const { team } = this.task;
    const { params, state } = this;
    return team ? team.apply(rule, step, params, state) : applyUpdate(rule, step, params, state);
  }

  /** Any process was asked to stop, and all do. */
  private stopToo(): void {
    this.stopAsked = true;
    if (!this.task.signal?.aborted) this.task.onStopAsked?.();
  }

  private get isStopping(): boolean {
    return this.stopAsked || this.task.signal?.aborted === true;
  }

  private async trainOneUpdate(): Promise<void> {
    const { config, options, onUpdate } = this.task;
    const started = performance.now();
    const { update, epoch } = this.position;
    const batches = this.nextBatches();
    const lr = learningRate(options, update);
    const { labelSmoothing, seed, precision } = options;
    const step = await this.gradients(batches, { config, labelSmoothing, seed, update, precision });
    this.lastLoss = step.lossSum / step.trgTokens;
    if (!isFiniteStep(step)) await this.divergedIn(step);

    // the optimiser uses up the parameters it moves
    const before = isRatioSampled(update + 1, this.task.ratioUpdates)
      ? new Map([...this.params].map(([name, tensor]) => [name, tensor.clone()]))
      : undefined;
    const { multipliers } = this.task;
    const rule = { optimizer: this.optimizer, options, multipliers, update };
    let scale: number;
    let ratios: Awaited<ReturnType<typeof updateRatios>> | undefined;
    try {
      ({ scale, params: this.params, state: this.state } = await this.apply(rule, step));
      ratios = before && (await updateRatios(before, this.params));
    } finally {
      if (before) disposeParams(before);
    }

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
    if (ratios) this.emit({ event: 'updateRatios', update: update + 1, epoch, ratios });
    onUpdate?.({
      update: update + 1,
      epoch,
      loss: this.lastLoss,
      perplexity: Math.exp(step.nllSum / step.trgTokens),
      lr,
      gradNormL2: step.gradNormL2,
      trgTokens: step.trgTokens,
      seconds,
    });
  }

  private async divergedIn(step: SharedGradients): Promise<never> {
    const { team } = this.task;
    let tensor: string;
    try {
      const inGradients = await (team
        ? team.firstNonFinite(step)
        : firstNonFinite([{ what: 'gradient of', tensors: step.gradients }]));
      const inParams = await firstNonFinite([{ what: 'parameter', tensors: this.params }]);
      tensor = inParams ?? inGradients ?? (Number.isFinite(step.lossSum) ? 'gradient norm' : 'loss');
    } finally {
      disposeParams(step.gradients);
    }
    this.diverged(this.position.update + 1, this.position.epoch, this.lastLoss, tensor);
  }

  private diverged(update: number, epoch: number, loss: number, tensor: string): never {
    this.emit({ event: 'diverged', update, epoch, loss: String(loss), tensor });
    throw new DivergenceError(update, loss, tensor, this.lastGoodCheckpoint());
  }

  /** The newest checkpoint from which at least one update succeeded. */
  private lastGoodCheckpoint(): string | undefined {
    const { store } = this.task;
    const saved = this.savedPosition;
    if (saved !== undefined && saved.update < this.position.update) return store.last;
    return saved !== undefined ? store.previous() : undefined;
  }

  private logInterval(): void {
    const { update, epoch, interval, seconds } = this.position;
    const nll = interval.nllSum / interval.trgTokens;
    this.emit({
      event: 'train',
      update,
      epoch,
      loss: interval.lossSum / interval.trgTokens,
      nll,
      perplexity: Math.exp(nll),
      lr: learningRate(this.task.options, update - 1),
      gradNormL2: interval.gradNormSum / interval.updates,
      clippedShare: interval.clipped / interval.updates,
      trgTokens: interval.trgTokens,
      trgTokensPerSecond: interval.trgTokens / interval.seconds,
      seconds,
    });
    this.position = { ...this.position, interval: emptyInterval };
  }

  private async endEpoch(): Promise<void> {
    const { options, trainBatches } = this.task;
    const { epoch, update, seconds } = this.position;
    this.emit({ event: 'epoch', update, epoch, seconds });
    if (options.keepEveryUpdates === 0) await this.keepParams({ epoch });
    this.epochBatches = trainBatches.epochBatches(epoch + 1);
    this.position = { ...this.position, epoch: epoch + 1, batchesDone: 0, epochBatches: this.epochBatches.length };
  }

  /** Keeps the parameters for averaging. */
  private async keepParams(at: KeptAt): Promise<void> {
    const { config, options, store } = this.task;
    if (options.keepEpochs === 0) return;
    await this.requireFiniteParams();
    await store.keep(config, this.params, at, options.keepEpochs);
  }

  /** Validates, unless the signal breaks it off: then it stays due. */
  private async validate(): Promise<void> {
    const { config, options, signal, store, team } = this.task;
    const started = performance.now();
    const { update, best, beforeEnd } = this.position;
    const epoch = this.lastEpoch();
    const measured = await (team ? team.validate(this.params, () => this.measure()) : this.measure());
    if (measured === undefined) return this.stopToo();
    const { loss, nll, scores } = measured;
    if (!Number.isFinite(loss))
      this.diverged(
        update,
        epoch,
        loss,
        (await firstNonFinite([{ what: 'parameter', tensors: this.params }])) ?? 'validation loss',
      );
    if (signal?.aborted) return;

    const seconds = this.position.seconds + (performance.now() - started) / 1000;
    const value = options.bestBy === 'bleu' ? scores!.bleu : loss;
    const isBest = best === undefined || (options.bestBy === 'bleu' ? value > best.value : value < best.value);
    this.position = {
      ...this.position,
      seconds,
      validationDue: false,
      validatedAt: update,
      ...(isBest
        ? { best: { update, epoch, value, by: options.bestBy }, validationsSinceBest: 0 }
        : { validationsSinceBest: this.position.validationsSinceBest + 1 }),
    };
    this.emit({
      event: 'valid',
      update,
      epoch,
      loss,
      nll,
      perplexity: Math.exp(nll),
      ...scores,
      best: isBest,
      ...(beforeEnd && { atEnd: true }),
      seconds,
    });
    this.task.onValidation?.(this.params, update);
    if (isBest) await store.saveBest(config, this.params, beforeEnd !== undefined);
  }

  /**
   * The losses of the validation set, and if they are finite its scores; undefined if any process was asked to stop.
   */
  private async measure(): Promise<{ loss: number; nll: number; scores?: Evaluation } | undefined> {
    const { config, options, validBatches, evaluate, signal, world } = this.task;
    const { labelSmoothing } = options;
    const losses = await validationLoss(this.params, validBatches, { config, labelSmoothing, signal, world });
    if (losses === undefined || !Number.isFinite(losses.loss)) return losses;
    try {
      return { ...losses, scores: await evaluate?.(this.params, signal) };
    } catch (error) {
      if (error instanceof StoppedByOther) return undefined;
      if (signal?.aborted) return losses;
      throw error;
    }
  }

  /** The epoch that the last update belonged to. */
  private lastEpoch(): number {
    const { epoch, batchesDone } = this.position;
    return batchesDone === 0 ? Math.max(epoch - 1, 1) : epoch;
  }

  /** The checkpoint to resume from. */
  private async saveLast(): Promise<void> {
    if (this.savedPosition === this.position) return;
    const { update } = this.position;
    await this.requireFiniteParams();
    await this.store();
    this.savedPosition = this.position;
    this.emit({ event: 'checkpoint', update, epoch: this.lastEpoch(), path: this.task.store.last });
  }

  /**
   * Finite gradients can still move parameters out of float32's range; such parameters must not replace a good
   * checkpoint.
   */
  private async requireFiniteParams(): Promise<void> {
    const tensor = await firstNonFinite([{ what: 'parameter', tensors: this.params }]);
    if (tensor !== undefined) this.diverged(this.position.update, this.lastEpoch(), this.lastLoss, tensor);
  }

  private emit(event: TrainEvent): void {
    this.task.onEvent?.(event);
  }
}
