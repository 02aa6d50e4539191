import type { Tensor } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { nextTurn } from '../backend/nextTurn.js';
import { addInto } from '../backend/ops/addInto.js';
import { sumOverTreeLater, type TreeNode } from './sumTree.js';

/**
 * The sum over a node of sets of tensors, in the tree's order. At most as many are held at once as the tree is deep.
 * Each term after the first begins in a new turn of the event loop: a GPU's memory is freed only between turns.
 * @param of the tensors of a term, from the first to the last; they are taken over
 * @returns tensors of the caller
 */
export async function sumTensors(
  node: TreeNode,
  of: (term: number) => Map<string, Tensor>,
): Promise<Map<string, Tensor>> {
  const held = new Set<Params>();
  const hold = (tensors: Map<string, Tensor>): Map<string, Tensor> => {
    held.add(tensors);
    return tensors;
  };
  const termOf = async (term: number): Promise<Map<string, Tensor>> => {
    if (term > node.lo) await nextTurn();
    return hold(of(term));
  };
  try {
    return await sumOverTreeLater<Map<string, Tensor>>(
      node,
      ({ lo, hi }) => (hi - lo > 1 ? undefined : termOf(lo)),
      (total, more) => {
        held.delete(total);
        held.delete(more);
        return hold(new Map([...total].map(([name, tensor]) => [name, addInto(tensor, more.get(name)!)])));
      },
    );
  } catch (error) {
    held.forEach(disposeParams);
    throw error;
  }
}
