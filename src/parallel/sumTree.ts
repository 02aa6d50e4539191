/** The terms from `lo` to below `hi`. */
export interface TreeNode {
  readonly lo: number;
  readonly hi: number;
}

/**
 * Where a node splits: the left part is the largest power of two below its number of terms. The order of additions of a
 * sum of floats is thereby fixed by the number of terms alone, however they are shared out among processes.
 */
function splitOf({ lo, hi }: TreeNode): number {
  let half = 1;
  while (half * 2 < hi - lo) half *= 2;
  return lo + half;
}

/** The largest nodes of the tree over `count` terms that lie within [from, to), from left to right. */
export function nodesWithin(count: number, from: number, to: number): TreeNode[] {
  const within = (node: TreeNode): TreeNode[] => {
    if (node.hi <= from || node.lo >= to) return [];
    if (from <= node.lo && node.hi <= to) return [node];
    const middle = splitOf(node);
    return [...within({ lo: node.lo, hi: middle }), ...within({ lo: middle, hi: node.hi })];
  };
  return count === 0 ? [] : within({ lo: 0, hi: count });
}

/**
 * The sum over a node, in the tree's order.
 *
 * @param term the value of a node if it is known without its parts, which that of a single term must be
 * @param add may use up its arguments
 */
export function sumOverTree<T>(node: TreeNode, term: (node: TreeNode) => T | undefined, add: (a: T, b: T) => T): T {
  const known = term(node);
  if (known !== undefined) return known;
  const middle = splitOf(node);
  const left = sumOverTree({ lo: node.lo, hi: middle }, term, add);
  return add(left, sumOverTree({ lo: middle, hi: node.hi }, term, add));
}

/** `sumOverTree` of terms that take time. */
export async function sumOverTreeLater<T>(
  node: TreeNode,
  term: (node: TreeNode) => Promise<T> | undefined,
  add: (a: T, b: T) => T,
): Promise<T> {
  const known = term(node);
  if (known !== undefined) return known;
  const middle = splitOf(node);
  const left = await sumOverTreeLater({ lo: node.lo, hi: middle }, term, add);
  return add(left, await sumOverTreeLater({ lo: middle, hi: node.hi }, term, add));
}

/** The terms of a process: as many for each as can be, the first processes having one more. */
export function shareOf(count: number, rank: number, size: number): TreeNode {
  const start = (r: number): number => Math.ceil((r * count) / size);
  return { lo: start(rank), hi: start(rank + 1) };
}
