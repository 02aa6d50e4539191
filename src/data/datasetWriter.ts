import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { IdPair } from './batch.js';
import { blockBytes, encodeHeader, headerBytes } from './datasetFormat.js';
import { makeFolder } from '../storage/makeFolder.js';
import { forgetPart, partPath } from '../storage/partName.js';
import { writeFailure } from '../storage/writeFailure.js';

/** Whole blocks for either size of id. */
const idsPerWrite = 2 ** 18;

/**
 * Writes a dataset file pair by pair (layout in datasetFormat.ts). Memory: 8 bytes per pair and one buffer. The file
 * appears under its name only when `finish` is called; `abandon` removes it.
 */
export class DatasetWriter {
  private readonly temporary: string;
  private readonly file: number;
  private readonly bytesPerId: 2 | 4;
  /** Ids on their way to the file. */
  private readonly ids: Uint16Array | Int32Array;
  private filled = 0;
  private finished = false;
  private readonly blockChecksums: number[] = [];
  private lengths = { src: new Int32Array(1024), trg: new Int32Array(1024) };
  /** Pairs added so far. */
  numPairs = 0;
  private srcTokens = 0;
  private trgTokens = 0;

  /** @param place the number of the shard and the number of shards. Default: the only one */
  constructor(
    private readonly path: string,
    private readonly srcVocabSize: number,
    private readonly trgVocabSize: number,
    private readonly place: { readonly shard: number; readonly numShards: number } = { shard: 0, numShards: 1 },
  ) {
    this.bytesPerId = Math.max(srcVocabSize, trgVocabSize) <= 2 ** 16 ? 2 : 4;
    this.ids = this.bytesPerId === 2 ? new Uint16Array(idsPerWrite) : new Int32Array(idsPerWrite);
    makeFolder(dirname(path));
    this.temporary = partPath(path);
    this.file = this.attempt(() => openSync(this.temporary, 'wx'));
    this.write(Buffer.alloc(headerBytes)); // reserves space for the header, which is known last
  }

  /** Adds one pair; both sides end with `eosId`. */
  add({ src, trg }: IdPair): void {
    if (this.numPairs === this.lengths.src.length)
      this.lengths = { src: doubled(this.lengths.src), trg: doubled(this.lengths.trg) };
    this.lengths.src[this.numPairs] = src.length;
    this.lengths.trg[this.numPairs] = trg.length;
    this.numPairs++;
    this.srcTokens += src.length;
    this.trgTokens += trg.length;
    this.append(src);
    this.append(trg);
  }

  /** Completes the file and gives it its name. */
  finish(): { numPairs: number; srcTokens: number; trgTokens: number } {
    const { numPairs, srcTokens, trgTokens } = this;
    this.flushIds();
    const index = [
      this.lengths.src.subarray(0, numPairs),
      this.lengths.trg.subarray(0, numPairs),
      Uint32Array.from(this.blockChecksums),
    ].map(bytesOf);
    const hash = createHash('sha256');
    for (const part of index) {
      hash.update(part);
      this.write(part);
    }
    const { bytesPerId, srcVocabSize, trgVocabSize, place } = this;
    const header = encodeHeader(
      { bytesPerId, srcVocabSize, trgVocabSize, numPairs, srcTokens, trgTokens, ...place },
      hash.digest(),
    );
    this.attempt(() => {
      writeSync(this.file, header, 0, header.length, 0);
      fsyncSync(this.file);
    });
    closeSync(this.file);
    this.finished = true;
    this.attempt(() => renameSync(this.temporary, this.path));
    forgetPart(this.temporary);
    return { numPairs, srcTokens, trgTokens };
  }

  /** Removes the unfinished file; does nothing after `finish`. */
  abandon(): void {
    if (this.finished) return;
    this.finished = true;
    closeSync(this.file);
    rmSync(this.temporary, { force: true });
    forgetPart(this.temporary);
  }

  private append(ids: ArrayLike<number>): void {
    for (let i = 0; i < ids.length; i++) {
      if (this.filled === this.ids.length) this.flushIds();
      this.ids[this.filled++] = ids[i];
    }
  }

  private flushIds(): void {
    const bytes = bytesOf(this.ids.subarray(0, this.filled));
    for (let at = 0; at < bytes.length; at += blockBytes)
      this.blockChecksums.push(crc32(bytes.subarray(at, at + blockBytes)));
    this.write(bytes);
    this.filled = 0;
  }

  private write(bytes: Uint8Array): void {
    this.attempt(() => {
      for (let at = 0; at < bytes.length;) at += writeSync(this.file, bytes, at, bytes.length - at);
    });
  }

  private attempt<T>(write: () => T): T {
    try {
      return write();
    } catch (cause) {
      throw writeFailure(this.path, cause);
    }
  }
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

function bytesOf(array: Int32Array | Uint16Array | Uint32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
