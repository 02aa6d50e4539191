import type { Params } from '../backend/autodiff/valueAndGradients.js';
import type { Batch } from '../data/batch.js';
import { flattened, nodesOfProcesses, sumOverProcesses } from '../parallel/sharedTensors.js';
import { allGatherJson, type World } from '../parallel/world.js';
import {
  addSums,
  meanNorm,
  nodeGradients,
  readSums,
  type BatchSums,
  type UpdateGradients,
  type UpdateOptions,
} from './trainUpdate.js';

/**
 * `updateGradients` of an update whose batches the processes share out. Bit for bit the same as in one process, whatever their number: sums
 * run over the tree of the batches (sumTree.ts), and each process adds up one part of all elements.
 *
 * @param numBatches of the whole update
 * @param wantsToStop whether this process was asked to stop
 * @returns `stop`: whether any process was
 */
export async function sharedUpdateGradients(
  world: World,
  params: Params,
  numBatches: number,
  batchOf: (microBatch: number) => Batch,
  options: UpdateOptions,
  wantsToStop: boolean,
): Promise<UpdateGradients & { readonly stop: boolean }> {
  const sums: BatchSums[] = [];
  const values: Float32Array[] = [];
  for (const node of nodesOfProcesses(world, numBatches)[world.rank]) {
    const own = nodeGradients(params, node, batchOf, options);
    sums.push(...(await readSums(own.losses))[0]);
    values.push(flattened(own.gradients));
  }
  const all = await allGatherJson(world, { stop: wantsToStop, sums });
  const total = addSums(all.flatMap((own) => own.sums));
  const gradients = await sumOverProcesses(world, numBatches, values, params);
  return {
    ...total,
    gradients,
    gradNormL2: await meanNorm(gradients, total.trgTokens),
    stop: all.some(({ stop }) => stop),
  };
}
