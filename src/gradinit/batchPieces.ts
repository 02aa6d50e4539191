import { addN, dispose, mul, stack, sum, tidy, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import { disposeParams, valueAndGradients, type Params } from '../backend/autodiff/valueAndGradients.js';
import { readComputed, readNumbers } from '../backend/readValues.js';
import { UsageError } from '../errors.js';
import { flattened, nodesOfProcesses, sumOverProcesses } from '../parallel/sharedTensors.js';
import { shareOut } from '../parallel/sharedWork.js';
import { sumTensors } from '../parallel/sumTensors.js';
import type { TreeNode } from '../parallel/sumTree.js';
import { allGatherJson, type World } from '../parallel/world.js';

/** Part of a batch, and its share in the batch's mean loss. */
export interface BatchPiece<B> {
  readonly batch: B;
  readonly weight: number;
}

export function wholeBatch<B>(batch: B): BatchPiece<B>[] {
  return [{ batch, weight: 1 }];
}

/** The sum of a number over pieces, added from the first to the last; several processes share out several pieces. */
export async function sumOverPieces<B>(
  world: World | undefined,
  pieces: readonly BatchPiece<B>[],
  of: (piece: BatchPiece<B>) => Promise<number>,
): Promise<number> {
  const values = await shareOut(pieces.length > 1 ? world : undefined, pieces.length, (i) => of(pieces[i]));
  return values!.reduce((total, value) => total + value, 0);
}

/**
 * Weighted sum of a function over pieces, and its gradients; only one piece's computation is in memory at a time.
 * Gradients are summed over the tree of the pieces (sumTree.ts), so that several processes get the bits that one gets.
 * The caller disposes them.
 */
export async function differentiatePieces<B>(
  pieces: readonly BatchPiece<B>[],
  of: (params: Params, batch: B) => Scalar,
  params: Params,
  world: World | undefined,
): Promise<{ value: number; gradients: Params }> {
  if (pieces.length === 0) throw new UsageError('pieces() gave no piece for a batch, expected at least one.');
  const losses: Scalar[] = [];
  const sumWithin = async (node: TreeNode): Promise<Params> => {
    try {
      return await sumTensors(node, (term) => {
        const { batch, weight } = pieces[term];
        const { value, gradients } = valueAndGradients((p) => mul(of(p, batch), weight) as Scalar, params);
        losses.push(value);
        return gradients;
      });
    } catch (error) {
      dispose(losses);
      throw error;
    }
  };
  const readLosses = (): Promise<number[]> => {
    const reading = readNumbers(losses);
    dispose(losses);
    return reading;
  };
  const sumOf = (terms: readonly number[]): number => terms.reduce((total, value) => total + value, 0);
  if (world === undefined || pieces.length === 1) {
    const gradients = await sumWithin({ lo: 0, hi: pieces.length });
    try {
      return { value: sumOf(await readLosses()), gradients };
    } catch (error) {
      disposeParams(gradients);
      throw error;
    }
  }
  const own: Float32Array[] = [];
  for (const node of nodesOfProcesses(world, pieces.length)[world.rank]) own.push(flattened(await sumWithin(node)));
  const all = await allGatherJson(world, await readLosses());
  return { value: sumOf(all.flat()), gradients: await sumOverProcesses(world, pieces.length, own, params) };
}

export function innerProduct(a: Params, b: Params): Scalar {
  return addN([...a].map(([name, tensor]) => sum(mul(tensor, b.get(name)!)))) as Scalar;
}

/**
 * Sums over all elements of the products of two sets of tensors. With p = scale W0 the derivative by the scale is that
 * of (derivative by p) and W0.
 */
export function innerProducts(a: Params, b: Params): Promise<number[]> {
  return readVector(() => [...a].map(([name, tensor]) => sum(mul(tensor, b.get(name)!))));
}

/** Scalars that `compute` gives, read in one. */
export async function readVector(compute: () => Tensor[]): Promise<number[]> {
  const [values] = await readComputed(() => [stack(compute())]);
  return [...values];
}

/** `tidy` for tensors by name, which remain. */
export function tidyParams(compute: () => Map<string, Tensor>): Map<string, Tensor> {
  let result = new Map<string, Tensor>();
  tidy(() => {
    result = compute();
    return [...result.values()];
  });
  return result;
}
