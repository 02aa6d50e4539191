import { test } from 'node:test';
import assert from 'node:assert/strict';
import { philox4x32, philoxKey } from './philox.js';

function words(counter: [number, number, number, number], key: [number, number]): string[] {
  const out = new Uint32Array(4);
  philox4x32(counter, key, out);
  return Array.from(out, (word) => word.toString(16).padStart(8, '0'));
}

test('Philox4x32-10 gives the known answers of Random123', () => {
  assert.deepEqual(words([0, 0, 0, 0], [0, 0]), ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']);
  const ones = 0xffffffff;
  assert.deepEqual(words([ones, ones, ones, ones], [ones, ones]), ['408f276d', '41c83b0e', 'a20bc7c6', '6d5451fd']);
  assert.deepEqual(words([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]), [
    'd16cfe09',
    '94fdcceb',
    '5001e420',
    '24126ea1',
  ]);
});

test('a seed beyond 32 bits fills both key words', () => {
  assert.deepEqual(philoxKey(0x1_2345_6789_abcd), [0x6789_abcd, 0x0001_2345]);
});
