import type { Tensor } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { addInto } from '../backend/ops/addInto.js';
import { sumOverTree, type TreeNode } from './sumTree.js';

/**
 * The sum over a node of sets of tensors, in the tree's order. At most as many are held at once as the tree is deep.
 * @param of the tensors of a term, from the first to the last; they are taken over
 * @returns tensors of the caller
 */
export function sumTensors(node: TreeNode, of: (term: number) => Map<string, Tensor>): Map<string, Tensor> {
  const held = new Set<Params>();
  const hold = (tensors: Map<string, Tensor>): Map<string, Tensor> => {
    held.add(tensors);
    return tensors;
  };
  try {
    return sumOverTree<Map<string, Tensor>>(
      node,
      ({ lo, hi }) => (hi - lo > 1 ? undefined : hold(of(lo))),
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
