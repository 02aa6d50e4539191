import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodesWithin, shareOf, sumOverTree, sumOverTreeLater, type TreeNode } from './sumTree.js';

/** The sum as text, with its brackets. */
const written = (count: number): string =>
  sumOverTree<string>(
    { lo: 0, hi: count },
    ({ lo, hi }) => (hi - lo === 1 ? String(lo) : undefined),
    (a, b) => `(${a}+${b})`,
  );

test('the order of a sum depends on the number of its terms alone', async () => {
  assert.equal(written(1), '0');
  assert.equal(written(3), '((0+1)+2)');
  assert.equal(written(7), '(((0+1)+(2+3))+((4+5)+6))');
  for (let count = 1; count <= 40; count++) {
    const later = await sumOverTreeLater<string>(
      { lo: 0, hi: count },
      ({ lo, hi }) => (hi - lo === 1 ? Promise.resolve(String(lo)) : undefined),
      (a, b) => `(${a}+${b})`,
    );
    assert.equal(later, written(count));
    for (let size = 1; size <= 9; size++) {
      const terms = new Map<string, string>();
      let covered = 0;
      for (let rank = 0; rank < size; rank++) {
        const { lo, hi } = shareOf(count, rank, size);
        assert.equal(lo, covered, 'shares follow each other');
        covered = hi;
        assert.ok(hi - lo >= Math.floor(count / size) && hi - lo <= Math.ceil(count / size));
        for (const node of nodesWithin(count, lo, hi)) terms.set(keyOf(node), sumWithin(node));
      }
      assert.equal(covered, count);
      const shared = sumOverTree<string>(
        { lo: 0, hi: count },
        (node) => terms.get(keyOf(node)),
        (a, b) => `(${a}+${b})`,
      );
      assert.equal(shared, written(count), `${count} terms, ${size} processes`);
    }
  }
});

const keyOf = ({ lo, hi }: TreeNode): string => `${lo}-${hi}`;
const sumWithin = (node: TreeNode): string =>
  sumOverTree<string>(
    node,
    ({ lo, hi }) => (hi - lo === 1 ? String(lo) : undefined),
    (a, b) => `(${a}+${b})`,
  );
