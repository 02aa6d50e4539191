import { reshape, slice, tensor, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { normBlock } from '../backend/ops/normBlocks.js';
import { nodesWithin, shareOf, sumOverTree, type TreeNode } from './sumTree.js';
import { broadcastJson, type World } from './world.js';

/** Elements that are exchanged at a time: MPI counts with 32 bits, and buffers should stay small next to the model. */
const elementsAtOnce = 2 ** 22;
/** Bytes that are broadcast at a time; MPI counts them with 32 bits. */
const bytesAtOnce = 2 ** 28;

/** The largest nodes of the tree over `numTerms` terms that each process computes, in the order of ranks. */
export function nodesOfProcesses(world: Pick<World, 'size'>, numTerms: number): TreeNode[][] {
  return Array.from({ length: world.size }, (_, rank) => {
    const { lo, hi } = shareOf(numTerms, rank, world.size);
    return nodesWithin(numTerms, lo, hi);
  });
}

/**
 * The parts of all elements of some tensors that processes take care of, in the order of ranks; the tensors' elements
 * are numbered in their order. They are of nearly the same size, and consist of whole blocks (`normBlock`), so that
 * kernels compute the same bits with a part of a tensor as with all of it. The first has at least one block, others may
 * have none.
 */
export function shardsOf(tensors: Params, numProcesses: number): TreeNode[] {
  const sizes = [...tensors.values()].map(({ size }) => size);
  const length = sizes.reduce((sum, size) => sum + size, 0);
  const starts = Array.from({ length: numProcesses + 1 }, (_, rank) =>
    nextBlock(sizes, shareOf(length, rank, numProcesses).lo),
  );
  return starts.slice(1).map((hi, rank) => ({ lo: starts[rank], hi }));
}

/** Where the first block begins that does not begin before an element. */
function nextBlock(sizes: readonly number[], element: number): number {
  let first = 0;
  for (const size of sizes) {
    if (element <= first) return first;
    if (element < first + size) return first + Math.min(size, Math.ceil((element - first) / normBlock) * normBlock);
    first += size;
  }
  return first;
}

/** Where a shard has a part of a tensor: its elements from `from` to below `to`. */
interface Part {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

function partsOf(tensors: Params, { lo, hi }: TreeNode): Part[] {
  let first = 0;
  return [...tensors].flatMap(([name, { size }]) => {
    const [from, to] = [Math.max(lo - first, 0), Math.min(hi - first, size)];
    first += size;
    return from < to ? [{ name, from, to }] : [];
  });
}

/** A shard's part of each tensor, as vectors; tensors without such a part are left out. The caller owns them. */
export function shardOf(tensors: Params, shard: TreeNode): Map<string, Tensor> {
  return new Map(
    partsOf(tensors, shard).map(({ name, from, to }) => {
      const whole = tensors.get(name)!;
      return [name, tidy(() => slice(reshape(whole, [whole.size]), from, to - from))];
    }),
  );
}

/** A shard's values as `shardOf` gives them. @param like names and shapes of the whole tensors */
export function shardTensors(values: Float32Array, like: Params, shard: TreeNode): Map<string, Tensor> {
  return shaped(
    values,
    partsOf(like, shard).map(({ name, from, to }) => [name, [to - from]]),
  );
}

/**
 * This process's shard of the sum over the tree of all processes' terms: bit for bit that of one process, whatever
 * their number. A process receives its part of the elements of every node, and adds them up in the tree's order.
 *
 * @param ownNodes the sums over this process's `nodesOfProcesses`
 */
export async function sumOfShard(
  world: World,
  numTerms: number,
  ownNodes: readonly Float32Array[],
  shards: readonly TreeNode[],
): Promise<Float32Array> {
  const nodesOf = nodesOfProcesses(world, numTerms);
  const nodes = nodesOf.flat();
  const own = shards[world.rank];
  const result = new Float32Array(own.hi - own.lo);
  for (const parts of roundsOf(shards)) {
    const { lo, hi } = parts[world.rank];
    const length = hi - lo;
    const send = joined(parts.flatMap((part) => ownNodes.map((values) => values.subarray(part.lo, part.hi))));
    const received = new Float32Array(nodes.length * length);
    await world.exchange(
      send,
      parts.map((part) => (part.hi - part.lo) * ownNodes.length),
      received,
      nodesOf.map((theirs) => theirs.length * length),
    );
    const termOf = new Map(nodes.map((node, i) => [keyOf(node), received.subarray(i * length, (i + 1) * length)]));
    const sum = sumOverTree({ lo: 0, hi: numTerms }, (node) => termOf.get(keyOf(node)), addTo);
    result.set(sum, lo - own.lo);
  }
  return result;
}

/** Everybody's shards, one after the other. @param all receives them */
export async function gatherShards(
  world: World,
  own: Float32Array,
  shards: readonly TreeNode[],
  all: Float32Array,
): Promise<void> {
  const first = shards[world.rank].lo;
  for (const parts of roundsOf(shards)) {
    const { lo, hi } = parts[world.rank];
    const everybody = await world.allGather(bytesOf(own.subarray(lo - first, hi - first)));
    everybody.forEach((bytes, rank) => all.set(floatsOf(bytes), parts[rank].lo));
  }
}

/** Everybody's shards, one after the other, on the leader; undefined elsewhere. */
async function gatherAtLeader(
  world: World,
  own: Float32Array,
  shards: readonly TreeNode[],
): Promise<Float32Array | undefined> {
  const isLeader = world.rank === 0;
  const first = shards[world.rank].lo;
  const all = new Float32Array(isLeader ? shards[shards.length - 1].hi : 0);
  const nothing = shards.map(() => 0);
  for (const parts of roundsOf(shards)) {
    const { lo, hi } = parts[world.rank];
    const lengths = parts.map((part) => part.hi - part.lo);
    const received = new Float32Array(isLeader ? lengths.reduce((sum, length) => sum + length, 0) : 0);
    await world.exchange(
      own.subarray(lo - first, hi - first),
      nothing.map((_, rank) => (rank === 0 ? hi - lo : 0)),
      received,
      isLeader ? lengths : nothing,
    );
    let at = 0;
    if (isLeader) parts.forEach((part, rank) => all.set(received.subarray(at, (at += lengths[rank])), part.lo));
  }
  return isLeader ? all : undefined;
}

/**
 * Tensors of which each process has its shard, whole on the leader, which disposes them; undefined elsewhere.
 * @param own this process's shard of them, which stays the caller's
 * @param like names and shapes of the whole tensors
 */
export async function collectShards(world: World, own: Params, like: Params): Promise<Map<string, Tensor> | undefined> {
  const all = await gatherAtLeader(world, valuesOf(own), shardsOf(like, world.size));
  return all && shaped(all, shapesOf(like));
}

/** The part of each shard that is exchanged at a time. */
function roundsOf(shards: readonly TreeNode[]): TreeNode[][] {
  const atOnce = Math.ceil(elementsAtOnce / shards.length);
  const longest = Math.max(...shards.map(({ lo, hi }) => hi - lo));
  return Array.from({ length: Math.ceil(longest / atOnce) }, (_, round) =>
    shards.map(({ lo, hi }) => ({
      lo: Math.min(hi, lo + round * atOnce),
      hi: Math.min(hi, lo + (round + 1) * atOnce),
    })),
  );
}

/**
 * The sum over the tree of all processes' terms, on every process.
 *
 * @param ownNodes the sums over this process's `nodesOfProcesses`; they are used up
 * @param like names and shapes of the tensors
 * @returns tensors of the caller
 */
export async function sumOverProcesses(
  world: World,
  numTerms: number,
  ownNodes: readonly Float32Array[],
  like: Params,
): Promise<Map<string, Tensor>> {
  const shards = shardsOf(like, world.size);
  const own = await sumOfShard(world, numTerms, ownNodes, shards);
  const all = ownNodes[0] ?? new Float32Array(numElements(shapesOf(like)));
  await gatherShards(world, own, shards, all);
  return shaped(all, shapesOf(like));
}

/** Bytes of JavaScript's own buffers while a process takes part in an update or in `sumOverProcesses`, at most. */
export function sumBytes(numProcesses: number, numTerms: number, numElements: number): number {
  const nodesOf = nodesOfProcesses({ size: numProcesses }, numTerms);
  const ownNodes = Math.max(...nodesOf.map((nodes) => nodes.length));
  const atOnce = Math.min(numElements, elementsAtOnce);
  // own sums and everybody's shards, and the own shard: its sum, and its moved parameters
  const whole = (ownNodes + 1 + 2 / numProcesses) * numElements;
  // sent, received, and everybody's part
  return 4 * (whole + atOnce * (ownNodes + nodesOf.flat().length / numProcesses + 1));
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

/** All values in the order of the tensors, which are disposed. */
export function flattened(tensors: Params): Float32Array {
  try {
    return valuesOf(tensors);
  } finally {
    disposeParams(tensors);
  }
}

const valuesOf = (tensors: Params): Float32Array =>
  joined([...tensors.values()].map((one) => one.dataSync() as Float32Array));

/** A tensor without its values. */
type NamedShape = readonly [name: string, shape: readonly number[]];

const shapesOf = (tensors: Params): NamedShape[] => [...tensors].map(([name, { shape }]) => [name, shape]);
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const numElements = (shapes: readonly NamedShape[]): number =>
  shapes.reduce((count, [, shape]) => count + sizeOf(shape), 0);

/** Tensors of other values in the place of these, which are disposed. */
export function replaced(tensors: Params, values: Float32Array): Map<string, Tensor> {
  const shapes = shapesOf(tensors);
  disposeParams(tensors);
  return shaped(values, shapes);
}

/** The tensors whose values these are, one after the other. */
function shaped(values: Float32Array, shapes: readonly NamedShape[]): Map<string, Tensor> {
  let at = 0;
  return new Map(
    shapes.map(([name, shape]) => {
      const size = sizeOf(shape);
      const own = tensor(values.slice(at, at + size), [...shape]);
      at += size;
      return [name, own];
    }),
  );
}

/** Sends the leader's tensors to all. */
export async function sendTensors(world: World, tensors: Params): Promise<void> {
  await broadcastJson(world, shapesOf(tensors));
  await broadcastFloats(world, valuesOf(tensors));
}

/** The tensors that the leader sends; the caller owns them. */
export async function receiveTensors(world: World): Promise<Map<string, Tensor>> {
  const shapes = await broadcastJson<NamedShape[]>(world, undefined);
  const values = new Float32Array(numElements(shapes));
  await broadcastFloats(world, values);
  return shaped(values, shapes);
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const floatsOf = (bytes: Uint8Array): Float32Array =>
  new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);

async function broadcastFloats(world: World, values: Float32Array): Promise<void> {
  const bytes = bytesOf(values);
  for (let start = 0; start < bytes.length; start += bytesAtOnce)
    await world.broadcast(bytes.subarray(start, start + bytesAtOnce), 0);
}
