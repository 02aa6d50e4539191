import { createHash } from 'node:crypto';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import type { Batch } from '../data/batch.js';
import type { Batches, EpochBatches } from '../data/batches.js';
import type { ModelConfig } from '../model/config.js';
import { ColdstartError } from '../errors.js';
import { endWork, requireSame, StoppedByOther } from '../parallel/agree.js';
import { receiveTensors, sendTensors, shardOf, shardsOf } from '../parallel/sharedTensors.js';
import { broadcastJson, type World } from '../parallel/world.js';
import type { UpdateRule } from './applyUpdate.js';
import type { Multipliers } from './multipliers.js';
import { disposeOptimizerState, type OptimizerState } from './optimizer.js';
import { optimizers, type OptimizerChoice } from './optimizers.js';
import {
  applySharedUpdate,
  collectState,
  firstNonFiniteGradient,
  sharedUpdateGradients,
  type SharedGradients,
} from './sharedUpdate.js';
import type { TrainOptions } from './trainOptions.js';
import { isFiniteStep, type UpdateOptions } from './trainUpdate.js';
import { validationLoss } from './validationLoss.js';

/** What the leader has its followers do next. */
type Order = 'update' | 'validate' | 'save' | 'end';
const orders: readonly Order[] = ['update', 'validate', 'save', 'end'];

/** Where training starts, for those who have no files. */
interface Start {
  readonly options: TrainOptions<{ readonly optimizer: string }>;
  readonly multipliers?: Multipliers;
  readonly update: number;
  readonly epoch: number;
  readonly batchesDone: number;
  readonly step: number;
  readonly slots: readonly string[];
}

/** The leader's part of training in several processes: before each of its steps it has the followers do the same. */
export class Team {
  /** Whether the followers wait for an order. */
  private isAwaited = false;

  constructor(private readonly world: World) {}

  /**
   * Sends everybody where training starts.
   * @param state of all parameters; it is taken over
   * @returns the state of this process's shard
   */
  async start(start: Omit<Start, 'slots' | 'step'>, params: Params, state: OptimizerState): Promise<OptimizerState> {
    const { world } = this;
    await broadcastJson<Start>(world, {
      ...start,
      step: state.step,
      slots: [...state.slots.keys()],
    });
    await sendTensors(world, params);
    await compareParams(world, params);
    const slots = new Map<string, Params>();
    try {
      for (const [slot, tensors] of state.slots) {
        await sendTensors(world, tensors);
        slots.set(slot, takeShard(world, tensors));
      }
    } catch (error) {
      slots.forEach(disposeParams);
      throw error;
    }
    this.isAwaited = true;
    return { step: state.step, slots };
  }

  /** The gradients of an update, whose batches all processes share out. */
  async update(
    params: Params,
    batches: readonly Batch[],
    options: UpdateOptions,
    wantsToStop: boolean,
  ): Promise<SharedGradients> {
    await this.send('update');
    return sharedUpdateGradients(this.world, params, batches.length, (i) => batches[i], options, wantsToStop);
  }

  /** Has everybody move its shard. @param state of this process's shard */
  async apply(
    rule: UpdateRule,
    step: SharedGradients,
    params: Params,
    state: OptimizerState,
  ): ReturnType<typeof applySharedUpdate> {
    const moved = await applySharedUpdate(this.world, rule, step, params, state);
    this.isAwaited = true;
    return moved;
  }

  /** The first gradient that is not finite, of an update that `isFiniteStep` refuses. */
  async firstNonFinite(step: SharedGradients): Promise<string | undefined> {
    const first = await firstNonFiniteGradient(this.world, step);
    this.isAwaited = true;
    return first;
  }

  /** The state of all parameters, which the caller disposes. @param state of this process's shard */
  async collect(params: Params, state: OptimizerState): Promise<OptimizerState> {
    await this.send('save');
    const collected = (await collectState(this.world, params, state))!;
    this.isAwaited = true;
    return collected;
  }

  /**
   * Has everybody validate.
   * @param work the leader's part: `validationLoss`, and `evaluate` if it gives a finite loss
   * @throws ColdstartError code PROCESSES_DIFFER if a process does not have the leader's parameters
   */
  async validate<T>(params: Params, work: () => Promise<T>): Promise<T> {
    await this.send('validate');
    await compareParams(this.world, params);
    try {
      const result = await work();
      this.isAwaited = true;
      return result;
    } catch (error) {
      this.isAwaited = isEverybodys(error);
      throw error;
    }
  }

  /** Ends the followers' part; does nothing where they do not wait for an order, after the leader has failed. */
  async end(): Promise<void> {
    if (!this.isAwaited) return;
    await this.send('end');
    endWork(this.world);
  }

  private send(order: Order): Promise<void> {
    this.isAwaited = false;
    return this.world.broadcast(Uint8Array.of(orders.indexOf(order)), 0);
  }
}

export interface FollowTask {
  readonly world: World;
  readonly config: ModelConfig;
  readonly trainBatches: Batches;
  readonly validBatches: EpochBatches;
  /** The leader's `evaluate`, of which this process does its share. */
  readonly evaluate?: (params: Params, signal?: AbortSignal) => Promise<unknown>;
  readonly optimizers?: OptimizerChoice;
  /** Asks all processes to stop after the update under way. */
  readonly signal?: AbortSignal;
}

/**
 * A follower's part of training: computes its share of every update, moves its shard of the parameters, and writes
 * nothing.
 */
export async function follow(task: FollowTask): Promise<void> {
  const { world, config, trainBatches, optimizers: table = optimizers, signal } = task;
  const start = await broadcastJson<Start>(world, undefined);
  const { options } = start;
  const optimizer = table.create(options);
  let { update, epoch, batchesDone } = start;
  let params: Params = await receiveTensors(world);
  const slots = new Map<string, Params>();
  let state: OptimizerState = { step: start.step, slots };
  try {
    await compareParams(world, params);
    for (const slot of start.slots) slots.set(slot, takeShard(world, await receiveTensors(world)));
    let epochBatches = trainBatches.epochBatches(epoch);
    for (;;) {
      const order = await nextOrder(world);
      if (order === 'end') return;
      if (order === 'validate') {
        await validateAlong(task, params, options);
        continue;
      }
      if (order === 'save') {
        await collectState(world, params, state);
        continue;
      }
      const numBatches = Math.min(options.updateFreq, epochBatches.length - batchesDone);
      const { labelSmoothing, seed, precision } = options;
      const step = await sharedUpdateGradients(
        world,
        params,
        numBatches,
        (i) => epochBatches.batch(batchesDone + i),
        { config, labelSmoothing, seed, update, precision },
        signal?.aborted === true,
      );
      // the leader sees the same numbers and ends training
      if (!isFiniteStep(step)) {
        try {
          await firstNonFiniteGradient(world, step);
        } finally {
          disposeParams(step.gradients);
        }
        continue;
      }
      const rule = { optimizer, options, multipliers: start.multipliers, update };
      ({ params, state } = await applySharedUpdate(world, rule, step, params, state));
      update++;
      batchesDone += numBatches;
      if (batchesDone === epochBatches.length) {
        epochBatches = trainBatches.epochBatches(++epoch);
        batchesDone = 0;
      }
    }
  } finally {
    disposeParams(params);
    disposeOptimizerState(state);
  }
}

/** A follower's share of a validation. */
async function validateAlong(
  { world, config, validBatches, evaluate, signal }: FollowTask,
  params: Params,
  { labelSmoothing }: { readonly labelSmoothing: number },
): Promise<void> {
  await compareParams(world, params);
  const losses = await validationLoss(params, validBatches, { config, labelSmoothing, signal, world });
  // otherwise the leader has ended training, or will
  if (losses === undefined || !Number.isFinite(losses.loss)) return;
  try {
    await evaluate?.(params, signal);
  } catch (error) {
    // what fails on all processes is the leader's to report
    if (!(isEverybodys(error) || signal?.aborted)) throw error;
  }
}

/** Whether all processes that validate fail so; see `shareOut`. */
function isEverybodys(error: unknown): boolean {
  return error instanceof ColdstartError || error instanceof StoppedByOther;
}

/** This process's shard of tensors, which are disposed. */
function takeShard(world: World, tensors: Params): Params {
  const own = shardOf(tensors, shardsOf(tensors, world.size)[world.rank]);
  disposeParams(tensors);
  return own;
}

async function nextOrder(world: World): Promise<Order> {
  const order = new Uint8Array(1);
  await world.broadcast(order, 0);
  return orders[order[0]];
}

async function compareParams(world: World, params: Params): Promise<void> {
  const hash = createHash('sha256');
  for (const tensor of params.values()) hash.update(new Uint8Array((tensor.dataSync() as Float32Array).slice().buffer));
  await requireSame(world, hash.digest('hex'), 'parameters');
}
