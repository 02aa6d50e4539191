import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import type { Batch } from '../data/batch.js';
import { nodesWithin, shareOf, sumOverTree, type TreeNode } from '../parallel/sumTree.js';
import { allGatherJson, type World } from '../parallel/world.js';
import {
  addSums,
  meanNorm,
  nodeGradients,
  type BatchSums,
  type UpdateGradients,
  type UpdateOptions,
} from './trainUpdate.js';

/** Elements that are exchanged at a time: MPI counts with 32 bits, and buffers should stay small next to the model. */
const elementsAtOnce = 2 ** 22;

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
  const nodesOf = Array.from({ length: world.size }, (_, rank) => {
    const { lo, hi } = shareOf(numBatches, rank, world.size);
    return nodesWithin(numBatches, lo, hi);
  });
  const sums: BatchSums[] = [];
  const values: Float32Array[] = [];
  for (const node of nodesOf[world.rank]) {
    const own = nodeGradients(params, node, batchOf, options);
    sums.push(...own.sums);
    values.push(flattened(own.gradients));
    disposeParams(own.gradients);
  }
  const all = await allGatherJson(world, { stop: wantsToStop, sums: sums.map(numbersOf) });
  const total = addSums(all.flatMap((own) => own.sums.map(sumsOf)));
  const length = [...params.values()].reduce((count, { size }) => count + size, 0);
  const summed = await sumOverProcesses(world, numBatches, nodesOf, values, length);
  const gradients = shaped(
    summed,
    [...params].map(([name, { shape, size }]) => ({ name, shape, size })),
  );
  return {
    ...total,
    gradients,
    gradNormL2: meanNorm(gradients, total.trgTokens),
    stop: all.some(({ stop }) => stop),
  };
}

/**
 * The sum over the tree of all processes' nodes, on every process. A process receives its part of the elements of every node, adds them
 * up in the tree's order, and sends the sum to all.
 */
async function sumOverProcesses(
  world: World,
  numTerms: number,
  nodesOf: readonly (readonly TreeNode[])[],
  values: readonly Float32Array[],
  length: number,
): Promise<Float32Array> {
  const { rank, size } = world;
  const result = new Float32Array(length);
  const nodes = nodesOf.flat();
  for (let start = 0; start < length; start += elementsAtOnce) {
    const end = Math.min(start + elementsAtOnce, length);
    const parts = Array.from({ length: size }, (_, r) => shareOf(end - start, r, size)).map(({ lo, hi }) => ({
      lo: start + lo,
      hi: start + hi,
    }));
    const own = parts[rank];
    const partLength = own.hi - own.lo;
    const send = joined(parts.flatMap(({ lo, hi }) => values.map((value) => value.subarray(lo, hi))));
    const received = new Float32Array(nodes.length * partLength);
    await world.exchange(
      send,
      parts.map(({ lo, hi }) => (hi - lo) * values.length),
      received,
      nodesOf.map((theirs) => theirs.length * partLength),
    );
    const termOf = new Map(
      nodes.map((node, i) => [keyOf(node), received.subarray(i * partLength, (i + 1) * partLength)]),
    );
    const sum = sumOverTree({ lo: 0, hi: numTerms }, (node) => termOf.get(keyOf(node)), addTo);
    const everybody = await world.allGather(new Uint8Array(sum.buffer, sum.byteOffset, sum.byteLength));
    everybody.forEach((bytes, r) =>
      result.set(new Float32Array(aligned(bytes).buffer, 0, bytes.length / 4), parts[r].lo),
    );
  }
  return result;
}

const keyOf = ({ lo, hi }: TreeNode): string => `${lo}-${hi}`;

/** Each addition is rounded to float32, as the kernel that adds gradients in one process does. */
function addTo(total: Float32Array, more: Float32Array): Float32Array {
  for (let i = 0; i < total.length; i++) total[i] += more[i];
  return total;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((count, part) => count + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A copy whose buffer holds nothing else. */
const aligned = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes);

/** All values in the order of the parameters. */
export function flattened(tensors: Params): Float32Array {
  return joined([...tensors.values()].map((one) => one.dataSync() as Float32Array));
}

/** A tensor without its values. */
export interface NamedShape {
  readonly name: string;
  readonly shape: number[];
  /** Elements. */
  readonly size: number;
}

/** The tensors whose values these are, one after the other. */
export function shaped(values: Float32Array, like: readonly NamedShape[]): Map<string, Tensor> {
  let at = 0;
  return new Map(
    like.map(({ name, shape, size }) => {
      const own = tensor(values.slice(at, at + size), shape);
      at += size;
      return [name, own];
    }),
  );
}

/** The numbers of a batch; JSON keeps every bit of a finite one, and null becomes NaN. */
type Numbers = readonly [lossSum: number | null, nllSum: number | null, srcTokens: number, trgTokens: number];
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
const numbersOf = ({ lossSum, nllSum, srcTokens, trgTokens }: BatchSums): Numbers => [
  finite(lossSum),
  finite(nllSum),
  srcTokens,
  trgTokens,
];
const sumsOf = ([lossSum, nllSum, srcTokens, trgTokens]: Numbers): BatchSums => ({
  lossSum: lossSum ?? NaN,
  nllSum: nllSum ?? NaN,
  srcTokens,
  trgTokens,
});
