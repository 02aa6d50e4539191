import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { HashSet } from './hashSet.js';

test('holds the added hashes and no others', () => {
  const hash = fc.oneof(
    fc.nat(50),
    fc.maxSafeNat(),
    fc.nat(40).map((high) => high * 2 ** 32 + 7),
  );
  fc.assert(
    fc.property(fc.array(hash, { maxLength: 3000 }), fc.array(hash), (added, asked) => {
      const ours = new HashSet();
      const reference = new Set<number>();
      // 0 and 1 count as one
      for (const each of added.map((value) => value || 1)) {
        assert.equal(ours.add(each), !reference.has(each));
        reference.add(each);
      }
      assert.equal(ours.size, reference.size);
      for (const each of [...added, ...asked]) assert.equal(ours.has(each), reference.has(each || 1));
    }),
    { numRuns: 60 },
  );
});
