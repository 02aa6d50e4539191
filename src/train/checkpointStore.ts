import type { Params } from '../backend/autodiff/valueAndGradients.js';
import type { ModelConfig } from '../model/config.js';
import type { OptimizerState } from './optimizer.js';
import type { TrainPosition } from './position.js';

/** What a checkpoint to resume from holds besides the model's configuration. */
export interface TrainingState {
  readonly params: Params;
  readonly state: OptimizerState;
  readonly position: TrainPosition;
}

/**
 * Where the training loop keeps its checkpoints: the folder of a run (folderStore.ts), or whatever a program brings.
 */
export interface CheckpointStore {
  /** Prepares the store, before anything else is asked of it. */
  open(): void;
  /** The checkpoint to resume from, for messages. */
  readonly last: string;
  /** The one before it, if there is one. */
  previous(): string | undefined;
  /** @param again replaces a checkpoint of the same update, and keeps the previous one */
  saveLast(config: ModelConfig, training: TrainingState, again?: boolean): Promise<void> | void;
  /**
   * The parameters of the best validation. @param atEnd only the end of the run called for it: the best before it is
   * kept too
   */
  saveBest(config: ModelConfig, params: Params, atEnd: boolean): Promise<void> | void;
  /** Undoes the last `saveBest` with `atEnd`, if nothing was saved as the best since. */
  restoreBestBeforeEnd(): void;
  /** Removes what could be undone so, when training starts from the beginning. */
  forgetBestBeforeEnd(): void;
  /** Keeps parameters for averaging, and of those kept before only the newest. @param count of them */
  keep(config: ModelConfig, params: Params, at: KeptAt, count: number): Promise<void> | void;
}

/** The end of an epoch, or a number of updates. */
export type KeptAt = { readonly epoch: number } | { readonly update: number };
