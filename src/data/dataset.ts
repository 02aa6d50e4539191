import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { DataError } from '../errors.js';
import type { IdPair } from './batch.js';
import { eosId } from './specialIds.js';

/** Sentence pairs as ids, by row number: what batches are cut from. */
export interface PairSource {
  /** Number of pairs. */
  readonly length: number;
  /** Tokens of each side by row, `eosId` included. */
  readonly srcLengths: Int32Array;
  readonly trgLengths: Int32Array;
  /** The pairs in these rows, in the order asked for. */
  pairs(rows: ArrayLike<number>): IdPair[];
}

/** Pairs held in memory, e.g. for tests and synthetic data. */
export function pairsInMemory(pairs: readonly IdPair[]): PairSource {
  return {
    length: pairs.length,
    srcLengths: Int32Array.from(pairs, ({ src }) => src.length),
    trgLengths: Int32Array.from(pairs, ({ trg }) => trg.length),
    pairs: (rows) => Array.from(rows, (row) => pairs[row]),
  };
}

/*
 * File layout, little-endian:
 *   0  "CSPAIRS\0"
 *   8  uint32 version    12  uint32 bytes per id (2 or 4)
 *  16  uint32 source vocabulary size    20  uint32 target vocabulary size
 *  24  float64 pairs     32  float64 source tokens     40  float64 target tokens
 *  48  32 bytes SHA-256 of everything after the header
 *  80  ids of pair 0 (source, target), of pair 1, ...
 *   :  lengths: int32 source tokens of each pair, then int32 target tokens of each pair
 * Lengths stand last so that the file can be written in one pass over the text.
 */
export const datasetMagic = 'CSPAIRS\0';
export const datasetVersion = 1;
export const datasetHeaderBytes = 80;

export interface DatasetHeader {
  readonly bytesPerId: 2 | 4;
  readonly srcVocabSize: number;
  readonly trgVocabSize: number;
  readonly numPairs: number;
  readonly srcTokens: number;
  readonly trgTokens: number;
}

/** Ids read at a time when a dataset is read from end to end. */
const idsPerRead = 2 ** 18;

const rerun = 'Re-run "coldstart corpus prepare".';

/**
 * A binary dataset on disk, read by position: only the lengths are held in memory (16 bytes per pair).
 */
export class Dataset implements PairSource {
  private constructor(
    readonly path: string,
    private readonly file: number,
    readonly header: DatasetHeader,
    readonly srcLengths: Int32Array,
    readonly trgLengths: Int32Array,
    /** First id of each pair, counted in ids from the first. */
    private readonly offsets: Float64Array,
  ) {}

  /**
   * Opens a file written by `DatasetWriter` and checks it.
   *
   * @param options.verify false skips the checksum over the whole file (it reads every byte once); sizes, lengths and
   *   the range of ids are checked always
   * @throws DataError saying what is wrong with the file and what to re-run
   */
  static open(path: string, { verify = true }: { verify?: boolean } = {}): Dataset {
    let file: number;
    try {
      file = openSync(path, 'r');
    } catch (cause) {
      throw new DataError(`dataset ${path} cannot be opened: ${(cause as Error).message}. ${rerun}`, { cause });
    }
    try {
      const { header, digest } = readHeader(file, path);
      const idBytes = (header.srcTokens + header.trgTokens) * header.bytesPerId;
      if (verify && !sha256From(file, datasetHeaderBytes).equals(digest)) {
        throw new DataError(`dataset ${path} was changed or damaged after it was written: its checksum does not match. ${rerun}`);
      }
      const lengths = new Int32Array(2 * header.numPairs);
      readFully(file, new Uint8Array(lengths.buffer), datasetHeaderBytes + idBytes, path);
      const srcLengths = lengths.subarray(0, header.numPairs);
      const trgLengths = lengths.subarray(header.numPairs);
      const offsets = new Float64Array(header.numPairs);
      let at = 0;
      let srcTokens = 0;
      for (let row = 0; row < header.numPairs; row++) {
        if (srcLengths[row] < 1 || trgLengths[row] < 1) throw new DataError(`dataset ${path} gives pair ${row} a side of ${Math.min(srcLengths[row], trgLengths[row])} tokens; every side has at least its end mark. ${rerun}`);
        offsets[row] = at;
        at += srcLengths[row] + trgLengths[row];
        srcTokens += srcLengths[row];
      }
      if (srcTokens !== header.srcTokens || at !== header.srcTokens + header.trgTokens) {
        throw new DataError(`dataset ${path} promises ${header.srcTokens} + ${header.trgTokens} tokens, but its lengths add up to ${srcTokens} + ${at - srcTokens}. ${rerun}`);
      }
      return new Dataset(path, file, header, srcLengths, trgLengths, offsets);
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }

  get length(): number {
    return this.header.numPairs;
  }

  /**
   * Reads pairs from disk.
   *
   * @throws DataError for rows outside the dataset and ids outside the vocabularies
   */
  pairs(rows: ArrayLike<number>): { src: Int32Array; trg: Int32Array }[] {
    return Array.from(rows, (row) => this.pair(row));
  }

  /** Every pair from the first to the last, in large reads. */
  *inOrder(): Generator<{ src: Int32Array; trg: Int32Array }> {
    for (let start = 0; start < this.length; ) {
      let end = start + 1;
      while (end < this.length && this.offsets[end] + this.srcLengths[end] + this.trgLengths[end] - this.offsets[start] <= idsPerRead) end++;
      const ids = this.readIds(start, end);
      for (let row = start; row < end; row++) yield this.split(ids, this.offsets[row] - this.offsets[start], row);
      start = end;
    }
  }

  close(): void {
    closeSync(this.file);
  }

  private pair(row: number): { src: Int32Array; trg: Int32Array } {
    if (!(row >= 0 && row < this.length && Number.isInteger(row))) throw new DataError(`dataset ${this.path} has pairs 0 to ${this.length - 1}, pair ${row} was asked for.`);
    return this.split(this.readIds(row, row + 1), 0, row);
  }

  /** Ids of the pairs from row `start` to `end - 1`. */
  private readIds(start: number, end: number): Int32Array {
    const { bytesPerId } = this.header;
    const numIds = this.offsets[end - 1] + this.srcLengths[end - 1] + this.trgLengths[end - 1] - this.offsets[start];
    const raw = bytesPerId === 2 ? new Uint16Array(numIds) : new Int32Array(numIds);
    readFully(this.file, new Uint8Array(raw.buffer), datasetHeaderBytes + this.offsets[start] * bytesPerId, this.path);
    return raw instanceof Int32Array ? raw : new Int32Array(raw);
  }

  private split(ids: Int32Array, at: number, row: number): { src: Int32Array; trg: Int32Array } {
    const middle = at + this.srcLengths[row];
    const src = ids.subarray(at, middle);
    const trg = ids.subarray(middle, middle + this.trgLengths[row]);
    this.checkIds(src, this.header.srcVocabSize, row, 'source');
    this.checkIds(trg, this.header.trgVocabSize, row, 'target');
    return { src, trg };
  }

  private checkIds(ids: Int32Array, vocabSize: number, row: number, side: string): void {
    for (const id of ids) {
      if (id < 0 || id >= vocabSize) throw new DataError(`dataset ${this.path}, pair ${row}: ${side} id ${id} is outside the vocabulary of ${vocabSize} entries. ${rerun}`);
    }
    if (ids[ids.length - 1] !== eosId) throw new DataError(`dataset ${this.path}, pair ${row}: the ${side} does not end with the end mark. ${rerun}`);
  }
}

function readHeader(file: number, path: string): { header: DatasetHeader; digest: Buffer } {
  const { size } = fstatSync(file);
  const bytes = Buffer.alloc(datasetHeaderBytes);
  const got = readSync(file, bytes, 0, datasetHeaderBytes, 0);
  if (got < datasetHeaderBytes || bytes.toString('latin1', 0, 8) !== datasetMagic) {
    throw new DataError(`${path} is not a dataset of coldstart: expected it to start with "CSPAIRS". ${rerun}`);
  }
  const version = bytes.readUInt32LE(8);
  if (version !== datasetVersion) throw new DataError(`dataset ${path} has format version ${version}, this program reads version ${datasetVersion}. ${rerun}`);
  const bytesPerId = bytes.readUInt32LE(12);
  const header: DatasetHeader = {
    bytesPerId: bytesPerId === 2 ? 2 : 4,
    srcVocabSize: bytes.readUInt32LE(16),
    trgVocabSize: bytes.readUInt32LE(20),
    numPairs: bytes.readDoubleLE(24),
    srcTokens: bytes.readDoubleLE(32),
    trgTokens: bytes.readDoubleLE(40),
  };
  const counts = [header.numPairs, header.srcTokens, header.trgTokens];
  if ((bytesPerId !== 2 && bytesPerId !== 4) || !counts.every((count) => Number.isSafeInteger(count) && count >= 0)) {
    throw new DataError(`dataset ${path} has a damaged header: ${bytesPerId} bytes per id, counts ${counts.join(', ')}. ${rerun}`);
  }
  // checked before anything is allocated, so that a forged count cannot ask for more memory than the file has bytes
  const expected = datasetHeaderBytes + (header.srcTokens + header.trgTokens) * bytesPerId + header.numPairs * 8;
  if (size !== expected) throw new DataError(`dataset ${path} has ${size} bytes, its header promises ${expected}: ${size < expected ? 'it is cut short' : 'something was added'}. ${rerun}`);
  return { header, digest: bytes.subarray(48, 80) };
}

function readFully(file: number, into: Uint8Array, position: number, path: string): void {
  for (let at = 0; at < into.length; ) {
    const got = readSync(file, into, at, into.length - at, position + at);
    if (got === 0) throw new DataError(`dataset ${path} ends early: it was cut short while in use. ${rerun}`);
    at += got;
  }
}

function sha256From(file: number, position: number): Buffer {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafe(1 << 20);
  for (let got = readSync(file, chunk, 0, chunk.length, position); got > 0; got = readSync(file, chunk, 0, chunk.length, position)) {
    hash.update(chunk.subarray(0, got));
    position += got;
  }
  return hash.digest();
}
