import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import type { Batch } from '../data/batch.js';
import {
  collectShards,
  flattened,
  gatherShards,
  nodesOfProcesses,
  replaced,
  shardOf,
  shardsOf,
  shardTensors,
  sumOfShard,
} from '../parallel/sharedTensors.js';
import { allGatherJson, type World } from '../parallel/world.js';
import { applyUpdate, type UpdateRule } from './applyUpdate.js';
import { firstNonFinite } from './divergence.js';
import { disposeOptimizerState, type OptimizerState } from './optimizer.js';
import {
  addSums,
  meanNorm,
  nodeGradients,
  readSums,
  type BatchSums,
  type UpdateGradients,
  type UpdateOptions,
} from './trainUpdate.js';

/*
 * An update that several processes make together. The optimiser's state is stored once: each process keeps that of its
 * shard of all elements (`shardsOf`), adds up the gradients of its shard, moves its parameters, and sends them to all.
 * A shard consists of whole blocks of `squaredNorms`, so that every number is bit for bit that of one process.
 */

/** `UpdateGradients` of this process's shard: sums and norm are those of the whole update. */
export interface SharedGradients extends UpdateGradients {
  /** Whether any process was asked to stop. */
  readonly stop: boolean;
}

/**
 * The gradients of an update whose batches the processes share out. Sums run over the tree of the batches (sumTree.ts).
 *
 * @param numBatches of the whole update
 * @param wantsToStop whether this process was asked to stop
 */
export async function sharedUpdateGradients(
  world: World,
  params: Params,
  numBatches: number,
  batchOf: (microBatch: number) => Batch,
  options: UpdateOptions,
  wantsToStop: boolean,
): Promise<SharedGradients> {
  const sums: BatchSums[] = [];
  const values: Float32Array[] = [];
  for (const node of nodesOfProcesses(world, numBatches)[world.rank]) {
    const own = await nodeGradients(params, node, batchOf, options);
    const reading = readSums(own.losses);
    values.push(flattened(own.gradients));
    sums.push(...(await reading).sums);
  }
  const shards = shardsOf(params, world.size);
  const sum = await sumOfShard(world, numBatches, values, shards);
  const gradients = shardTensors(sum, params, shards[world.rank]);
  try {
    const { norms: ownNorms } = await readSums([], gradients);
    const all = await allGatherJson(world, { stop: wantsToStop, sums, norms: ownNorms });
    const total = addSums(all.flatMap((own) => own.sums));
    const norms = all.flatMap((own) => own.norms);
    return {
      ...total,
      gradients,
      gradNormL2: meanNorm(norms, total.trgTokens),
      stop: all.some(({ stop }) => stop),
    };
  } catch (error) {
    disposeParams(gradients);
    throw error;
  }
}

/**
 * `applyUpdate` in several processes: each moves its shard, and all get all parameters. Where it fails, only `params`
 * are left.
 * @param state of this process's shard
 */
export async function applySharedUpdate(
  world: World,
  rule: UpdateRule,
  step: SharedGradients,
  params: Params,
  state: OptimizerState,
): Promise<ReturnType<typeof applyUpdate>> {
  const shards = shardsOf(params, world.size);
  const moved = applyUpdate(rule, step, shardOf(params, shards[world.rank]), state);
  try {
    const all = new Float32Array(shards[shards.length - 1].hi);
    await gatherShards(world, flattened(moved.params), shards, all);
    return { ...moved, params: replaced(params, all) };
  } catch (error) {
    disposeOptimizerState(moved.state);
    throw error;
  }
}

/**
 * An optimiser's state on the leader, from that of all shards, which stay; undefined elsewhere. @param params all of
 * them
 */
export async function collectState(
  world: World,
  params: Params,
  { step, slots }: OptimizerState,
): Promise<OptimizerState | undefined> {
  const collected = new Map<string, Params>();
  try {
    for (const [slot, own] of slots) {
      const whole = await collectShards(world, own, params);
      if (whole) collected.set(slot, whole);
    }
  } catch (error) {
    collected.forEach(disposeParams);
    throw error;
  }
  return world.rank === 0 ? { step, slots: collected } : undefined;
}

/** The first gradient, in the order of parameters, that is not finite; all processes get the same answer. */
export async function firstNonFiniteGradient(
  world: World,
  { gradients }: SharedGradients,
): Promise<string | undefined> {
  const found = await allGatherJson(world, (await firstNonFinite([{ what: 'gradient of', tensors: gradients }])) ?? '');
  return found.find((tensor) => tensor !== '');
}
