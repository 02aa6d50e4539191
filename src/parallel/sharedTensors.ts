import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
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
 * The sum over the tree of all processes' terms, on every process: bit for bit that of one process, whatever their number. A process
 * receives its part of the elements of every node, adds them up in the tree's order, and sends the sum to all.
 *
 * @param ownNodes the sums over this process's `nodesOfProcesses`
 * @param like names and shapes of the tensors
 * @returns tensors of the caller
 */
export async function sumOverProcesses(
  world: World,
  numTerms: number,
  ownNodes: readonly Float32Array[],
  like: Params,
): Promise<Map<string, Tensor>> {
  const { rank, size } = world;
  const nodesOf = nodesOfProcesses(world, numTerms);
  const shapes = shapesOf(like);
  const length = numElements(shapes);
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
    const send = joined(parts.flatMap(({ lo, hi }) => ownNodes.map((values) => values.subarray(lo, hi))));
    const received = new Float32Array(nodes.length * partLength);
    await world.exchange(
      send,
      parts.map(({ lo, hi }) => (hi - lo) * ownNodes.length),
      received,
      nodesOf.map((theirs) => theirs.length * partLength),
    );
    const termOf = new Map(
      nodes.map((node, i) => [keyOf(node), received.subarray(i * partLength, (i + 1) * partLength)]),
    );
    const sum = sumOverTree({ lo: 0, hi: numTerms }, (node) => termOf.get(keyOf(node)), addTo);
    const everybody = await world.allGather(new Uint8Array(sum.buffer, sum.byteOffset, sum.byteLength));
    everybody.forEach((bytes, r) =>
      result.set(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4), parts[r].lo),
    );
  }
  return shaped(result, shapes);
}

/** Bytes of JavaScript's own buffers while a process takes part in `sumOverProcesses`, at most. */
export function sumBytes(numProcesses: number, numTerms: number, numElements: number): number {
  const nodesOf = nodesOfProcesses({ size: numProcesses }, numTerms);
  const ownNodes = Math.max(...nodesOf.map((nodes) => nodes.length));
  const atOnce = Math.min(numElements, elementsAtOnce);
  // own sums, and the total: once whole, and once as tensors are made of it
  const whole = (ownNodes + 2) * numElements;
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
  const values = valuesOf(tensors);
  disposeParams(tensors);
  return values;
}

const valuesOf = (tensors: Params): Float32Array =>
  joined([...tensors.values()].map((one) => one.dataSync() as Float32Array));

/** A tensor without its values. */
type NamedShape = readonly [name: string, shape: readonly number[]];

const shapesOf = (tensors: Params): NamedShape[] => [...tensors].map(([name, { shape }]) => [name, shape]);
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const numElements = (shapes: readonly NamedShape[]): number =>
  shapes.reduce((count, [, shape]) => count + sizeOf(shape), 0);

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

async function broadcastFloats(world: World, values: Float32Array): Promise<void> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  for (let start = 0; start < bytes.length; start += bytesAtOnce)
    await world.broadcast(bytes.subarray(start, start + bytesAtOnce), 0);
}
