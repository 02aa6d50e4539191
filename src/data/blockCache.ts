/** A cache of blocks of files, bounded in number; drops the least recently used. */
export class BlockCache {
  /** In the order of their last use. */
  private readonly blocks = new Map<number, Uint8Array>();

  constructor(private readonly maxBlocks: number) {}

  /**
   * The block, read if it is not cached. @param file number of the file, @param block number of the block in it (below
   * 2^32)
   */
  get(file: number, block: number, read: () => Uint8Array): Uint8Array {
    const key = file * 2 ** 32 + block;
    let bytes = this.blocks.get(key);
    if (bytes) {
      this.blocks.delete(key);
    } else {
      bytes = read();
      if (this.blocks.size >= this.maxBlocks) this.blocks.delete(this.blocks.keys().next().value!);
    }
    this.blocks.set(key, bytes);
    return bytes;
  }
}
