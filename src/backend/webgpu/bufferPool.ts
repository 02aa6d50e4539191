import { leastBytes } from './packs.js';

/** What the pool asks of a device. */
export interface BufferSource {
  createBuffer(descriptor: { size: number; usage: number; mappedAtCreation: boolean }): GPUBuffer;
}

/** Free buffers are kept up to this share of the most that was in use at once ... */
const freeShare = 0.5;
/** ... and in any case up to this many bytes. */
const freeBytes = 2 ** 26;

/**
 * The device's buffers: those in use, and free ones by size and usage. It takes the place of tfjs's buffer manager,
 * which never gives a buffer back: batches of many shapes would fill the device's memory. Here the free buffers that
 * were not used for the longest time are destroyed.
 */
export class BufferPool {
  numBytesUsed = 0;
  numBytesAllocated = 0;
  private mostBytesUsed = 0;
  private readonly used = new Set<GPUBuffer>();
  /** By size and usage, the last released last. */
  private readonly free = new Map<string, GPUBuffer[]>();
  /** The same buffers in the order of their release. */
  private readonly released = new Map<GPUBuffer, string>();

  constructor(private readonly source: BufferSource) {}

  /**
   * @param size bytes; fewer than `leastBytes` become these
   * @param isReused whether a free buffer may be taken
   */
  acquireBuffer(size: number, usage: number, mappedAtCreation = false, isReused = true): GPUBuffer {
    const bytes = Math.max(leastBytes, size);
    const key = keyOf(bytes, usage);
    let buffer = isReused ? this.free.get(key)?.pop() : undefined;
    if (buffer !== undefined) this.released.delete(buffer);
    else {
      this.makeRoom(bytes);
      buffer = this.source.createBuffer({ size: bytes, usage, mappedAtCreation });
      this.numBytesAllocated += bytes;
    }
    this.used.add(buffer);
    this.numBytesUsed += bytes;
    this.mostBytesUsed = Math.max(this.mostBytesUsed, this.numBytesUsed);
    return buffer;
  }

  /** @param isReused false: the buffer is destroyed */
  releaseBuffer(buffer: GPUBuffer, isReused = true): void {
    if (!this.used.delete(buffer)) throw new Error('A buffer was released that is not in use.');
    this.numBytesUsed -= buffer.size;
    if (!isReused) {
      this.destroy(buffer);
      return;
    }
    const key = keyOf(buffer.size, buffer.usage);
    const ofKey = this.free.get(key);
    if (ofKey === undefined) this.free.set(key, [buffer]);
    else ofKey.push(buffer);
    this.released.set(buffer, key);
  }

  /** Buffers in use. */
  getNumUsedBuffers(): number {
    return this.used.size;
  }

  getNumFreeBuffers(): number {
    return this.released.size;
  }

  dispose(): void {
    for (const buffer of [...this.used, ...this.released.keys()]) this.destroy(buffer);
    this.used.clear();
    this.free.clear();
    this.released.clear();
    this.numBytesUsed = 0;
  }

  /** Destroys free buffers so that those that stay free, with a new one, are not too many. */
  private makeRoom(bytes: number): void {
    const limit = Math.max(freeBytes, freeShare * this.mostBytesUsed);
    for (const [buffer, key] of this.released) {
      if (this.numBytesAllocated - this.numBytesUsed + bytes <= limit) return;
      const ofKey = this.free.get(key)!;
      ofKey.shift(); // the first of its size was released first
      if (ofKey.length === 0) this.free.delete(key);
      this.released.delete(buffer);
      this.destroy(buffer);
    }
  }

  private destroy(buffer: GPUBuffer): void {
    this.numBytesAllocated -= buffer.size;
    buffer.destroy();
  }
}

function keyOf(size: number, usage: number): string {
  return `${size} ${usage}`;
}
