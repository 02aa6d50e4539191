import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { sha256 } from './sha256.js';

test('SHA-256 is that of Node, whatever the lengths and the cuts', () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 37 + 11) % 256);
  for (let length = 0; length <= bytes.length; length++) {
    const text = bytes.subarray(0, length);
    const expected = createHash('sha256').update(text).digest('hex');
    for (const cut of [0, 1, 55, 64, 100]) {
      const found = sha256([text.subarray(0, cut), text.subarray(cut)]);
      assert.equal(Buffer.from(found).toString('hex'), expected, `${length} bytes cut at ${cut}`);
    }
  }
});
