import { DataError } from '../../errors.js';
import { messageFields } from '../../storage/protobuf.js';

/** The pieces of a SentencePiece model file, and their settings. */
export interface SentencePieceInfo {
  readonly modelType: 'unigram' | 'bpe' | 'word' | 'char';
  /** Every piece by SentencePiece's own id. */
  readonly pieces: readonly string[];
  /** Log-probabilities (unigram) or falling ranks (bpe), by id. */
  readonly scores: readonly number[];
  readonly types: readonly PieceType[];
  readonly unknownId: number;
  /** The text of a decoded unknown piece. */
  readonly unknownSurface: string;
  /** Whether unknown characters are spelt as bytes (`<0x41>`). */
  readonly byteFallback: boolean;
  /** Whether the mark of a space ends a word's last piece instead of starting its first. */
  readonly spaceAsSuffix: boolean;
  readonly normalizer: {
    /** Rules for characters as a trie and its strings, in SentencePiece's own layout; empty: none. */
    readonly charsMap: Uint8Array;
    readonly addDummyPrefix: boolean;
    readonly removeExtraSpaces: boolean;
    readonly escapeSpaces: boolean;
  };
  /** Rules for the characters of decoded text, in the same layout; empty: none. */
  readonly denormalizer: Uint8Array;
}

/** The meaning of a piece: text, text that no piece covers, a command, a symbol kept whole, nothing, or a byte. */
export type PieceType = 'normal' | 'unknown' | 'control' | 'userDefined' | 'unused' | 'byte';
const pieceTypes: Readonly<Record<number, PieceType>> = {
  1: 'normal',
  2: 'unknown',
  3: 'control',
  4: 'userDefined',
  5: 'unused',
  6: 'byte',
};
const modelTypes: Readonly<Record<number, SentencePieceInfo['modelType']>> = {
  1: 'unigram',
  2: 'bpe',
  3: 'word',
  4: 'char',
};

/**
 * Reads a SentencePiece model (a protocol buffer, sentencepiece_model.proto) as far as its pieces and normaliser, and
 * rejects files that are not models.
 *
 * @throws DataError if the bytes are not a model: not a protocol buffer, cut short, no pieces, a piece twice, no or
 *   several unknown pieces, no trainer or normalizer specification
 */
export function parseSentencePieceModel(bytes: Uint8Array, name: string): SentencePieceInfo {
  const junk = (why: string): DataError =>
    new DataError(`${name} is not a SentencePiece model: ${why}. Expected a .model file written by spm_train.`);
  const pieces: Piece[] = [];
  const seen = new Set<string>();
  let trainer: FieldValues | undefined;
  let normalizer: FieldValues | undefined;
  let denormalizer: number | Uint8Array | undefined;
  for (const { field, value } of messageFields(bytes, junk)) {
    if (field > 3 && field !== 5) continue;
    if (typeof value === 'number') throw junk(`field ${field} is a number`);
    if (field === 2) trainer = fieldValues(value, junk);
    if (field === 3) normalizer = fieldValues(value, junk);
    if (field === 5) denormalizer = fieldValues(value, junk).get(2);
    if (field !== 1) continue;
    const piece = parsePiece(value, junk);
    if (piece.text === '') throw junk(`piece ${pieces.length} is empty`);
    if (seen.has(piece.text)) throw junk(`piece ${JSON.stringify(piece.text)} is defined twice`);
    seen.add(piece.text);
    pieces.push(piece);
  }
  const unknown = pieces.flatMap(({ type }, id) => (type === 'unknown' ? [id] : []));
  if (pieces.length === 0) throw junk('it has no pieces');
  if (unknown.length !== 1) throw junk(`it has ${unknown.length} unknown pieces instead of one`);
  if (!trainer || !normalizer) throw junk('its trainer or normalizer specification is missing');
  const modelType = modelTypes[numberOf(trainer, 3, 1)];
  if (modelType === undefined) throw junk(`${numberOf(trainer, 3, 1)} is no type of model`);
  const charsMap = normalizer.get(2) ?? new Uint8Array();
  if (typeof charsMap === 'number') throw junk('its normalisation rules are a number');
  if (typeof denormalizer === 'number') throw junk('its denormalisation rules are a number');
  const surface = trainer.get(44);
  if (typeof surface === 'number') throw junk('the surface of unknown pieces is a number');
  return {
    modelType,
    pieces: pieces.map(({ text }) => text),
    scores: pieces.map(({ score }) => score),
    types: pieces.map(({ type }) => type),
    unknownId: unknown[0],
    unknownSurface: surface === undefined ? ' \u2047 ' : decodePiece(surface, junk),
    byteFallback: pieces.some(({ type }) => type === 'byte'),
    spaceAsSuffix: numberOf(trainer, 24, 0) !== 0,
    normalizer: {
      charsMap,
      addDummyPrefix: numberOf(normalizer, 3, 1) !== 0,
      removeExtraSpaces: numberOf(normalizer, 4, 1) !== 0,
      escapeSpaces: numberOf(normalizer, 5, 1) !== 0,
    },
    denormalizer: denormalizer ?? new Uint8Array(),
  };
}

interface Piece {
  readonly text: string;
  readonly score: number;
  readonly type: PieceType;
}

function parsePiece(bytes: Uint8Array, junk: (why: string) => DataError): Piece {
  let text = '';
  let score = 0;
  let type: PieceType | undefined = 'normal';
  for (const { field, value } of messageFields(bytes, junk)) {
    if (field === 1 && typeof value !== 'number') text = decodePiece(value, junk);
    if (field === 2 && typeof value !== 'number' && value.length === 4)
      score = new DataView(value.buffer, value.byteOffset).getFloat32(0, true);
    if (field === 3 && typeof value === 'number') type = pieceTypes[value];
  }
  if (type === undefined) throw junk(`piece ${JSON.stringify(text)} is of no known type`);
  return { text, score, type };
}

type FieldValues = ReadonlyMap<number, number | Uint8Array>;

const fieldValues = (bytes: Uint8Array, junk: (why: string) => DataError): FieldValues =>
  new Map(Array.from(messageFields(bytes, junk), ({ field, value }) => [field, value]));

function numberOf(values: FieldValues, field: number, ifAbsent: number): number {
  const value = values.get(field);
  return typeof value === 'number' ? value : ifAbsent;
}

function decodePiece(bytes: Uint8Array, junk: (why: string) => DataError): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw junk('a piece is not valid UTF-8');
  }
}
