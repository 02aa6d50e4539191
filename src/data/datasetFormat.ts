import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { DataError } from '../errors.js';
import { checkOwnFile } from '../storage/refusePipe.js';

/*
 * A dataset is one file or several shards; each file can be read on its own. Layout of version 2, little-endian:
 *   0  "CSPAIRS\0"
 *   8  uint32 version    12  uint32 bytes per id (2 or 4)
 *  16  uint32 source vocabulary size    20  uint32 target vocabulary size
 *  24  float64 pairs     32  float64 source tokens     40  float64 target tokens
 *  48  uint32 number of this shard, from 0    52  uint32 shards in all
 *  56  uint32 bytes per block (the last block may be shorter)
 *  60  32 bytes SHA-256 of the index
 *  92  uint32 CRC-32 of bytes 0 to 91
 *  96  ids of pair 0 (source, target), of pair 1, ...
 *   :  index: int32 source tokens of each pair, int32 target tokens of each pair, uint32 CRC-32 of each block of ids
 * The index comes last so that the file can be written in one pass over the text. Opening a file reads header and
 * index; a block of ids is checked when it is read.
 *
 * Version 1 (read, no longer written) has 80 bytes of header: the same up to byte 47, then SHA-256 of all that follows;
 * the lengths after the ids, no blocks.
 */
const datasetMagic = 'CSPAIRS\0';
const datasetVersion = 2;
export const headerBytes = 96;
/** Small, because batches ask for short stretches all over the file. */
export const blockBytes = 2 ** 14;

export interface DatasetHeader {
  readonly bytesPerId: 2 | 4;
  readonly srcVocabSize: number;
  readonly trgVocabSize: number;
  readonly numPairs: number;
  readonly srcTokens: number;
  readonly trgTokens: number;
  readonly shard: number;
  readonly numShards: number;
}

/** Header and index of a dataset file: everything needed before ids are read. */
export interface DatasetIndex {
  readonly header: DatasetHeader;
  /** The position of the first id, and the number of bytes of ids. */
  readonly idsStart: number;
  readonly idsBytes: number;
  /** CRC-32 by block of ids; null in version 1, whose ids were checked when it was opened. */
  readonly blockChecksums: Uint32Array | null;
  /**
   * SHA-256 of the header, which holds that of the index, which holds the checksums of all ids: it identifies the whole
   * file.
   */
  readonly headerSha256: string;
}

export const rerun = 'Re-run "coldstart corpus prepare".';

/** The header of a file of version 2. @param indexDigest SHA-256 of the index */
export function encodeHeader(header: DatasetHeader, indexDigest: Uint8Array): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  bytes.write(datasetMagic, 'latin1');
  bytes.writeUInt32LE(datasetVersion, 8);
  bytes.writeUInt32LE(header.bytesPerId, 12);
  bytes.writeUInt32LE(header.srcVocabSize, 16);
  bytes.writeUInt32LE(header.trgVocabSize, 20);
  bytes.writeDoubleLE(header.numPairs, 24);
  bytes.writeDoubleLE(header.srcTokens, 32);
  bytes.writeDoubleLE(header.trgTokens, 40);
  bytes.writeUInt32LE(header.shard, 48);
  bytes.writeUInt32LE(header.numShards, 52);
  bytes.writeUInt32LE(blockBytes, 56);
  bytes.set(indexDigest, 60);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 92)), 92);
  return bytes;
}

/**
 * Reads header and index of an open dataset file; the lengths go where the caller wants them.
 *
 * @param lengthsFor allocates the lengths of this many pairs; called only after the counts fit the file's size
 * @throws DataError saying what is wrong with the file and what to re-run
 */
export function readIndex(
  file: number,
  path: string,
  lengthsFor: (header: DatasetHeader) => { src: Int32Array; trg: Int32Array },
): DatasetIndex {
  const { version, header, digest, headerSha256 } = readHeader(file, path);
  const idsStart = version === 1 ? 80 : headerBytes;
  const idsBytes = (header.srcTokens + header.trgTokens) * header.bytesPerId;
  const numBlocks = version === 1 ? 0 : Math.ceil(idsBytes / blockBytes);
  // checked before anything is allocated, so that a forged count cannot claim more memory than the file has bytes
  const expected = idsStart + idsBytes + 8 * header.numPairs + 4 * numBlocks;
  const { size } = fstatSync(file);
  if (size !== expected)
    throw new DataError(
      `dataset ${path} has ${size} bytes, its header promises ${expected}: ${size < expected ? 'it is cut short' : 'something was added'}. ${rerun}`,
    );

  const lengths = lengthsFor(header);
  const hash = createHash('sha256');
  if (version === 1) hashFile(hash, file, idsStart, idsBytes);
  let at = idsStart + idsBytes;
  for (const part of [lengths.src, lengths.trg]) {
    const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    readFully(file, bytes, at, path);
    hash.update(bytes);
    at += bytes.length;
  }
  const blockChecksums = new Uint32Array(numBlocks);
  const bytes = new Uint8Array(blockChecksums.buffer);
  readFully(file, bytes, at, path);
  hash.update(bytes);
  if (!hash.digest().equals(digest))
    throw new DataError(
      `dataset ${path} was changed or damaged after it was written: its checksum does not match. ${rerun}`,
    );
  checkLengths(lengths, header, path);
  return { header, idsStart, idsBytes, blockChecksums: version === 1 ? null : blockChecksums, headerSha256 };
}

function readHeader(
  file: number,
  path: string,
): { version: number; header: DatasetHeader; digest: Buffer; headerSha256: string } {
  const bytes = Buffer.alloc(headerBytes);
  const got = readSync(file, bytes, 0, headerBytes, 0);
  if (got < 80 || bytes.toString('latin1', 0, 8) !== datasetMagic) {
    throw new DataError(`${path} is not a dataset of coldstart: expected it to start with "CSPAIRS". ${rerun}`);
  }
  const version = bytes.readUInt32LE(8);
  if (version !== 1 && version !== datasetVersion)
    throw new DataError(
      `dataset ${path} has format version ${version}, this program reads versions 1 and ${datasetVersion}. ${rerun}`,
    );
  if (version === datasetVersion && got < headerBytes)
    throw new DataError(`dataset ${path} has ${got} bytes: it is cut short. ${rerun}`);
  if (version === datasetVersion && crc32(bytes.subarray(0, 92)) !== bytes.readUInt32LE(92)) {
    throw new DataError(`dataset ${path} has a damaged header: its checksum does not match. ${rerun}`);
  }
  const bytesPerId = bytes.readUInt32LE(12);
  const header: DatasetHeader = {
    bytesPerId: bytesPerId === 2 ? 2 : 4,
    srcVocabSize: bytes.readUInt32LE(16),
    trgVocabSize: bytes.readUInt32LE(20),
    numPairs: bytes.readDoubleLE(24),
    srcTokens: bytes.readDoubleLE(32),
    trgTokens: bytes.readDoubleLE(40),
    shard: version === 1 ? 0 : bytes.readUInt32LE(48),
    numShards: version === 1 ? 1 : bytes.readUInt32LE(52),
  };
  const counts = [header.numPairs, header.srcTokens, header.trgTokens];
  const block = version === 1 ? blockBytes : bytes.readUInt32LE(56);
  if (
    (bytesPerId !== 2 && bytesPerId !== 4) ||
    !counts.every((count) => Number.isSafeInteger(count) && count >= 0) ||
    header.shard >= header.numShards ||
    block !== blockBytes
  ) {
    throw new DataError(
      `dataset ${path} has a damaged header: ${bytesPerId} bytes per id, counts ${counts.join(', ')}, shard ${header.shard} of ${header.numShards}, blocks of ${block} bytes. ${rerun}`,
    );
  }
  const used = bytes.subarray(0, version === 1 ? 80 : headerBytes);
  return {
    version,
    header,
    digest: version === 1 ? bytes.subarray(48, 80) : bytes.subarray(60, 92),
    headerSha256: createHash('sha256').update(used).digest('hex'),
  };
}

/**
 * SHA-256 of a dataset file's header (see {@link DatasetIndex}). @throws DataError if it is not the header of a dataset
 */
export function datasetHeaderSha256(path: string): string {
  checkOwnFile(path, 'dataset');
  const file = openSync(path, 'r');
  try {
    return readHeader(file, path).headerSha256;
  } finally {
    closeSync(file);
  }
}

function checkLengths({ src, trg }: { src: Int32Array; trg: Int32Array }, header: DatasetHeader, path: string): void {
  let srcTokens = 0;
  let trgTokens = 0;
  for (let row = 0; row < src.length; row++) {
    if (src[row] < 1 || trg[row] < 1)
      throw new DataError(
        `dataset ${path} gives pair ${row} a side of ${Math.min(src[row], trg[row])} tokens; every side has at least its end mark. ${rerun}`,
      );
    srcTokens += src[row];
    trgTokens += trg[row];
  }
  if (srcTokens !== header.srcTokens || trgTokens !== header.trgTokens) {
    throw new DataError(
      `dataset ${path} promises ${header.srcTokens} + ${header.trgTokens} tokens, but its lengths add up to ${srcTokens} + ${trgTokens}. ${rerun}`,
    );
  }
}

function hashFile(hash: ReturnType<typeof createHash>, file: number, position: number, length: number): void {
  const chunk = Buffer.allocUnsafe(1 << 20);
  for (const end = position + length; position < end;) {
    const got = readSync(file, chunk, 0, Math.min(chunk.length, end - position), position);
    if (got === 0) return; // truncated while read: the checksum will differ
    hash.update(chunk.subarray(0, got));
    position += got;
  }
}

/** Fills `into` from a position in the file. @throws DataError if the file ends before */
export function readFully(file: number, into: Uint8Array, position: number, path: string): void {
  for (let at = 0; at < into.length;) {
    const got = readSync(file, into, at, into.length - at, position + at);
    if (got === 0) throw new DataError(`dataset ${path} ends early: it was cut short while in use. ${rerun}`);
    at += got;
  }
}
