import type { Params } from '../backend/autodiff/valueAndGradients.js';
import { readValues } from '../backend/readValues.js';
import type { ModelConfig } from '../model/config.js';
import type { StoredTensor } from '../storage/safetensorsBytes.js';
import type { Checkpoint } from './checkpointBytes.js';
import { checkpointNames, keptName } from './checkpointNames.js';
import type { CheckpointStore, KeptAt, TrainingState } from './checkpointStore.js';

/** Keeps checkpoints in memory, as plain arrays: for programs without files. `checkpointBytes` makes a file of one. */
export class MemoryStore implements CheckpointStore {
  /** By the name that a file has in `checkpoints/` of a run's folder. */
  readonly checkpoints = new Map<string, Checkpoint>();
  readonly last = checkpointNames.last;
  private readonly kept: string[] = [];

  open(): void {}

  previous(): string | undefined {
    const { previous } = checkpointNames;
    return this.checkpoints.has(previous) ? previous : undefined;
  }

  async saveLast(config: ModelConfig, { params, state, position }: TrainingState, again = false): Promise<void> {
    const slots = new Map<string, ReadonlyMap<string, StoredTensor>>();
    for (const [slot, tensors] of state.slots) slots.set(slot, await stored(tensors));
    const training = { optimizerStep: state.step, slots, position };
    const checkpoint = { path: this.last, config, params: await stored(params), training };
    if (!again) this.copy(this.last, checkpointNames.previous);
    this.checkpoints.set(this.last, checkpoint);
  }

  async saveBest(config: ModelConfig, params: Params, atEnd: boolean): Promise<void> {
    const { best, bestBeforeEnd } = checkpointNames;
    const checkpoint = { path: best, config, params: await stored(params) };
    if (atEnd) this.copy(best, bestBeforeEnd);
    this.checkpoints.set(best, checkpoint);
  }

  restoreBestBeforeEnd(): void {
    const { best, bestBeforeEnd } = checkpointNames;
    this.copy(bestBeforeEnd, best);
    this.checkpoints.delete(bestBeforeEnd);
  }

  forgetBestBeforeEnd(): void {
    this.checkpoints.delete(checkpointNames.bestBeforeEnd);
  }

  async keep(config: ModelConfig, params: Params, at: KeptAt, count: number): Promise<void> {
    const name = keptName(at);
    this.checkpoints.set(name, { path: name, config, params: await stored(params) });
    if (!this.kept.includes(name)) this.kept.push(name);
    for (const old of this.kept.splice(0, this.kept.length - count)) this.checkpoints.delete(old);
  }

  private copy(name: string, to: string): void {
    const checkpoint = this.checkpoints.get(name);
    if (checkpoint !== undefined) this.checkpoints.set(to, { ...checkpoint, path: to });
  }
}

async function stored(tensors: Params): Promise<Map<string, StoredTensor>> {
  const values = await readValues([...tensors.values()]);
  return new Map(
    [...tensors].map(([name, { shape }], i) => [name, { dtype: 'F32', shape: [...shape], data: values[i] }]),
  );
}
