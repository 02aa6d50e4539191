import { DataError } from '../errors.js';
import { BlockCache } from './blockCache.js';
import { blockBytes, rerun, type DatasetHeader } from './datasetFormat.js';
import { DatasetShard } from './datasetShard.js';
import type { PairSource } from './pairSource.js';

/** Blocks of ids kept in memory, in bytes. */
const defaultCacheBytes = 64 * 2 ** 20;

/**
 * A binary dataset on disk, one file or several shards, read by position. Opening reads headers and lengths only;
 * memory holds 8 bytes per pair and a bounded cache of ids. Any number of processes may read the same files.
 */
export class Dataset implements PairSource {
  readonly length: number;
  readonly srcLengths: Int32Array;
  readonly trgLengths: Int32Array;
  /** Of all shards together. */
  readonly header: Omit<DatasetHeader, 'shard'>;
  /** Row of each shard's first pair. */
  private readonly firstRows: number[] = [];

  private constructor(private readonly shards: readonly DatasetShard[]) {
    const sum = (count: (shard: DatasetShard) => number): number =>
      shards.reduce((total, shard) => total + count(shard), 0);
    this.length = sum(({ length }) => length);
    const { bytesPerId, srcVocabSize, trgVocabSize, numShards } = shards[0].header;
    this.header = {
      bytesPerId,
      srcVocabSize,
      trgVocabSize,
      numShards,
      numPairs: this.length,
      srcTokens: sum(({ header }) => header.srcTokens),
      trgTokens: sum(({ header }) => header.trgTokens),
    };
    this.srcLengths = new Int32Array(this.length);
    this.trgLengths = new Int32Array(this.length);
    let firstRow = 0;
    for (const shard of shards) {
      this.firstRows.push(firstRow);
      shard.moveLengths(
        this.srcLengths.subarray(firstRow, firstRow + shard.length),
        this.trgLengths.subarray(firstRow, firstRow + shard.length),
      );
      firstRow += shard.length;
    }
  }

  /**
   * Opens the files written by `DatasetWriter` and checks that they belong together. A block of ids is checked against
   * its checksum when it is first read.
   *
   * @param paths one file, or all shards in order
   * @param options `cacheBytes` bounds the ids kept in memory (default 64 MiB); `someShards` lets `paths` be some of
   * the shards, for readers that divide them among themselves
   * @throws DataError saying what is wrong with a file and what to re-run
   */
  static open(
    paths: string | readonly string[],
    { cacheBytes = defaultCacheBytes, someShards = false }: { cacheBytes?: number; someShards?: boolean } = {},
  ): Dataset {
    const list = typeof paths === 'string' ? [paths] : paths;
    if (list.length === 0) throw new DataError(`no file of the dataset is named. ${rerun}`);
    const cache = new BlockCache(Math.max(1, Math.floor(cacheBytes / blockBytes)));
    const shards: DatasetShard[] = [];
    try {
      for (const path of list) shards.push(DatasetShard.open(path, cache));
      checkShards(shards, someShards);
      return new Dataset(shards);
    } catch (error) {
      for (const shard of shards) shard.close();
      throw error;
    }
  }

  /** SHA-256 of the header of each file, by path: it identifies the content of the whole file. */
  headersSha256(): Map<string, string> {
    return new Map(this.shards.map(({ path, headerSha256 }) => [path, headerSha256]));
  }

  /** The file, or the first of the shards. */
  get path(): string {
    return this.shards[0].path;
  }

  /**
   * Reads pairs from disk.
   *
   * @throws DataError for rows outside the dataset, ids outside the vocabularies and damaged blocks
   */
  pairs(rows: ArrayLike<number>): { src: Int32Array; trg: Int32Array }[] {
    return Array.from(rows, (row) => {
      if (!(row >= 0 && row < this.length && Number.isInteger(row)))
        throw new DataError(`dataset ${this.path} has pairs 0 to ${this.length - 1}, pair ${row} was asked for.`);
      let shard = this.shards.length - 1;
      while (this.firstRows[shard] > row) shard--;
      return this.shards[shard].pair(row - this.firstRows[shard]);
    });
  }

  close(): void {
    for (const shard of this.shards) shard.close();
  }
}

function checkShards(shards: readonly DatasetShard[], someShards: boolean): void {
  shards.forEach(({ path, header }, number) => {
    const { shard, numShards, srcVocabSize, trgVocabSize, bytesPerId } = header;
    const first = shards[0].header;
    if (!someShards && (shard !== number || numShards !== shards.length)) {
      throw new DataError(
        `dataset ${path} is shard ${shard + 1} of ${numShards}, but was given as ${number + 1} of ${shards.length}. ${rerun}`,
      );
    }
    if (srcVocabSize !== first.srcVocabSize || trgVocabSize !== first.trgVocabSize || bytesPerId !== first.bytesPerId) {
      throw new DataError(`dataset ${path} and ${shards[0].path} were made with different vocabularies. ${rerun}`);
    }
  });
}
