import { closeSync, openSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { DataError } from '../errors.js';
import type { BlockCache } from './blockCache.js';
import { blockBytes, readFully, readIndex, rerun, type DatasetHeader, type DatasetIndex } from './datasetFormat.js';
import { checkOwnFile } from '../storage/refusePipe.js';
import { readFailure, systemFailure } from '../storage/systemFailure.js';
import { eosId } from '../text/specialIds.js';

/** Rows between two remembered positions; those in between are found by adding lengths. */
const rowsPerOffset = 32;

/**
 * One file of a dataset, open for reading by position. Memory: 8 bytes per pair for the lengths; ids come through a
 * cache.
 */
export class DatasetShard {
  private constructor(
    readonly path: string,
    private readonly file: number,
    private readonly index: DatasetIndex,
    private srcLengths: Int32Array,
    private trgLengths: Int32Array,
    private readonly cache: BlockCache,
    /** First id of every `rowsPerOffset`-th pair, counted in ids from the first. */
    private readonly offsets: Float64Array,
  ) {}

  /**
   * Opens a file and checks its header and index.
   *
   * @param cache blocks of ids, shared by the shards of a dataset
   * @throws DataError saying what is wrong with the file and what to re-run
   */
  static open(path: string, cache: BlockCache): DatasetShard {
    let file: number;
    try {
      checkOwnFile(path, 'dataset');
      file = openSync(path, 'r');
    } catch (cause) {
      throw readFailure(`dataset ${path}`, cause, rerun);
    }
    try {
      let lengths = { src: new Int32Array(0), trg: new Int32Array(0) };
      const index = readIndex(
        file,
        path,
        ({ numPairs }) => (lengths = { src: new Int32Array(numPairs), trg: new Int32Array(numPairs) }),
      );
      const offsets = new Float64Array(Math.ceil(index.header.numPairs / rowsPerOffset));
      for (let row = 0, at = 0; row < index.header.numPairs; row++) {
        if (row % rowsPerOffset === 0) offsets[row / rowsPerOffset] = at;
        at += lengths.src[row] + lengths.trg[row];
      }
      return new DatasetShard(path, file, index, lengths.src, lengths.trg, cache, offsets);
    } catch (error) {
      closeSync(file);
      throw systemFailure(error, path) ?? error;
    }
  }

  get header(): DatasetHeader {
    return this.index.header;
  }

  /** Identifies the content of the whole file. */
  get headerSha256(): string {
    return this.index.headerSha256;
  }

  get length(): number {
    return this.index.header.numPairs;
  }

  /**
   * Reads one pair.
   *
   * @throws DataError for ids outside the vocabularies and blocks that were damaged since the file was written
   */
  pair(row: number): { src: Int32Array; trg: Int32Array } {
    const ids = this.ids(this.offset(row), this.srcLengths[row] + this.trgLengths[row]);
    const src = ids.subarray(0, this.srcLengths[row]);
    const trg = ids.subarray(this.srcLengths[row]);
    this.checkIds(src, this.header.srcVocabSize, row, 'source');
    this.checkIds(trg, this.header.trgVocabSize, row, 'target');
    return { src, trg };
  }

  /** Puts the lengths into the arrays of the whole dataset, so that memory holds them once. */
  moveLengths(src: Int32Array, trg: Int32Array): void {
    src.set(this.srcLengths);
    trg.set(this.trgLengths);
    this.srcLengths = src;
    this.trgLengths = trg;
  }

  close(): void {
    closeSync(this.file);
  }

  private offset(row: number): number {
    let known = row - (row % rowsPerOffset);
    let at = this.offsets[known / rowsPerOffset];
    for (; known < row; known++) at += this.srcLengths[known] + this.trgLengths[known];
    return at;
  }

  private ids(start: number, count: number): Int32Array {
    const { bytesPerId } = this.header;
    const raw = bytesPerId === 2 ? new Uint16Array(count) : new Int32Array(count);
    const bytes = new Uint8Array(raw.buffer);
    let position = start * bytesPerId;
    for (let filled = 0; filled < bytes.length;) {
      const number = Math.floor(position / blockBytes);
      const block = this.cache.get(this.header.shard, number, () => this.readBlock(number));
      const within = position - number * blockBytes;
      const piece = block.subarray(within, within + bytes.length - filled);
      bytes.set(piece, filled);
      filled += piece.length;
      position += piece.length;
    }
    return raw instanceof Int32Array ? raw : new Int32Array(raw);
  }

  private readBlock(number: number): Uint8Array {
    const { idsStart, idsBytes, blockChecksums } = this.index;
    const start = number * blockBytes;
    const block = new Uint8Array(Math.min(blockBytes, idsBytes - start));
    try {
      readFully(this.file, block, idsStart + start, this.path);
    } catch (error) {
      throw systemFailure(error, this.path) ?? error;
    }
    if (blockChecksums && crc32(block) !== blockChecksums[number]) {
      throw new DataError(
        `dataset ${this.path} was changed or damaged after it was written: the checksum of bytes ${idsStart + start} to ${idsStart + start + block.length - 1} does not match. ${rerun}`,
      );
    }
    return block;
  }

  private checkIds(ids: Int32Array, vocabSize: number, row: number, side: string): void {
    for (const id of ids) {
      if (id < 0 || id >= vocabSize)
        throw new DataError(
          `dataset ${this.path}, pair ${row}: ${side} id ${id} is outside the vocabulary of ${vocabSize} entries. ${rerun}`,
        );
    }
    if (ids[ids.length - 1] !== eosId)
      throw new DataError(`dataset ${this.path}, pair ${row}: the ${side} does not end with the end mark. ${rerun}`);
  }
}
