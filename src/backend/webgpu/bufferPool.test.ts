import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BufferPool } from './bufferPool.js';

/** A device that only counts. */
function countingDevice(): { alive: Set<GPUBuffer>; createBuffer: (of: { size: number; usage: number }) => GPUBuffer } {
  const alive = new Set<GPUBuffer>();
  return {
    alive,
    createBuffer: ({ size, usage }) => {
      const buffer = { size, usage, destroy: () => alive.delete(buffer) } as unknown as GPUBuffer;
      alive.add(buffer);
      return buffer;
    },
  };
}

const megabyte = 2 ** 20;

test('a released buffer is taken again by the same size and usage only', () => {
  const device = countingDevice();
  const pool = new BufferPool(device);
  const first = pool.acquireBuffer(16, 1);
  pool.releaseBuffer(first);
  assert.notEqual(pool.acquireBuffer(16, 2), first);
  assert.notEqual(pool.acquireBuffer(32, 1), first);
  assert.equal(pool.acquireBuffer(16, 1), first);
  assert.deepEqual([pool.numBytesUsed, pool.numBytesAllocated, device.alive.size], [64, 64, 3]);
});

test('a buffer of no bytes has 16, since programs cannot bind an empty one', () => {
  const buffer = new BufferPool(countingDevice()).acquireBuffer(0, 1);
  assert.equal(buffer.size, 16);
});

test('buffers of ever new sizes do not fill the device: those free for longest are destroyed', () => {
  const device = countingDevice();
  const pool = new BufferPool(device);
  const kept = pool.acquireBuffer(100 * megabyte, 1); // of 100 MB in use, the pool keeps 64 MB free
  const sizes = Array.from({ length: 50 }, (_, i) => (10 + i) * megabyte);
  for (const size of sizes) pool.releaseBuffer(pool.acquireBuffer(size, 1));
  const free = [...device.alive].filter((buffer) => buffer !== kept);
  // only the last one fits
  assert.deepEqual(
    free.map(({ size }) => size),
    [59 * megabyte],
  );
  assert.equal(pool.numBytesAllocated, 159 * megabyte);
  assert.equal(pool.getNumFreeBuffers(), 1);
});

test('what one pass of work released is still there for the next one', () => {
  const device = countingDevice();
  const pool = new BufferPool(device);
  const pass = (): void => {
    const buffers = Array.from({ length: 40 }, (_, i) => pool.acquireBuffer((1 + i) * megabyte, 1));
    for (const buffer of buffers) pool.releaseBuffer(buffer);
  };
  pass();
  const made = [...device.alive];
  pass();
  assert.deepEqual([...device.alive], made);
});

test('a buffer that is not kept is destroyed when it is released, and a second release is a fault', () => {
  const device = countingDevice();
  const pool = new BufferPool(device);
  const buffer = pool.acquireBuffer(8, 1, true, false);
  pool.releaseBuffer(buffer, false);
  assert.deepEqual([device.alive.size, pool.numBytesAllocated, pool.getNumUsedBuffers()], [0, 0, 0]);
  assert.throws(() => pool.releaseBuffer(buffer), /not in use/);
});
