import { DataError } from '../../errors.js';

/** What a SentencePiece model file says about its pieces. */
export interface SentencePieceInfo {
  /** Every piece by SentencePiece's own id. */
  readonly pieces: readonly string[];
  readonly unknownId: number;
  /** Whether unknown characters are spelt as bytes (`<0x41>`). */
  readonly byteFallback: boolean;
}

const pieceType = { unknown: 2, byte: 6 };

/**
 * Reads the parts of a SentencePiece model (a protocol buffer, sentencepiece_model.proto) that tell a model from junk.
 *
 * @throws DataError if the bytes are not a model: not a protocol buffer, cut short, no pieces, a piece twice, no or
 *   several unknown pieces, no trainer or normalizer specification
 */
export function parseSentencePieceModel(bytes: Uint8Array, name: string): SentencePieceInfo {
  const junk = (why: string): DataError => new DataError(`${name} is not a SentencePiece model: ${why}. Expected a .model file written by spm_train.`);
  const pieces: string[] = [];
  const seen = new Set<string>();
  const unknown: number[] = [];
  let byteFallback = false;
  const specifications = new Set<number>();
  for (const { field, value } of messageFields(bytes, junk)) {
    if (field === 2 || field === 3) specifications.add(field);
    if (field !== 1) continue;
    if (typeof value === 'number') throw junk('a piece is a number');
    let piece = '';
    let type = 1;
    for (const part of messageFields(value, junk)) {
      if (part.field === 1 && typeof part.value !== 'number') piece = decodePiece(part.value, junk);
      if (part.field === 3 && typeof part.value === 'number') type = part.value;
    }
    if (piece === '') throw junk(`piece ${pieces.length} is empty`);
    if (seen.has(piece)) throw junk(`piece ${JSON.stringify(piece)} is defined twice`);
    seen.add(piece);
    if (type === pieceType.unknown) unknown.push(pieces.length);
    pieces.push(piece);
    if (type === pieceType.byte) byteFallback = true;
  }
  if (pieces.length === 0) throw junk('it has no pieces');
  if (unknown.length !== 1) throw junk(`it has ${unknown.length} unknown pieces instead of one`);
  if (specifications.size !== 2) throw junk('its trainer or normalizer specification is missing');
  return { pieces, unknownId: unknown[0], byteFallback };
}

function decodePiece(bytes: Uint8Array, junk: (why: string) => DataError): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw junk('a piece is not valid UTF-8');
  }
}

/** Fields of one protocol buffer message: numbers for varints, bytes for everything else. */
function* messageFields(bytes: Uint8Array, junk: (why: string) => DataError): Generator<{ field: number; value: number | Uint8Array }> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; factor < 2 ** 64; factor *= 128) {
      if (at >= bytes.length) throw junk('it ends within a number');
      const byte = bytes[at++];
      value += (byte & 127) * factor; // exact below 2^53; no field used here is larger
      if (byte < 128) return value;
    }
    throw junk('it holds a number of more than 64 bits');
  };
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw junk(`it ends ${length - (bytes.length - at)} bytes early`);
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const field = Math.floor(key / 8);
    if (field === 0) throw junk(`byte ${at - 1} starts no field`);
    switch (key % 8) {
      case 0: yield { field, value: varint() }; break;
      case 1: yield { field, value: take(8) }; break;
      case 2: yield { field, value: take(varint()) }; break;
      case 5: yield { field, value: take(4) }; break;
      default: throw junk(`byte ${at - 1} starts no field`);
    }
  }
}
