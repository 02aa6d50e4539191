import { isUtf8 } from 'node:buffer';
import type { PieceType, SentencePieceInfo } from './sentencePieceModel.js';

/** The piece character that represents a space. */
export const spaceMark = '\u2581';

/**
 * A function that gives the text of pieces, as spm_decode does: pieces joined, space marks as spaces, without those
 * that the model's normaliser put before the text; control pieces give nothing, the unknown piece its surface, pieces
 * that the model does not know stay unchanged, and bytes become the characters that they spell, or U+FFFD for each that
 * spells none.
 *
 * Source: google/sentencepiece 0.1.97, SentencePieceProcessor::Decode.
 */
export function createPieceDecoder({
  pieces: known,
  types,
  unknownSurface,
  normalizer,
}: SentencePieceInfo): (pieces: readonly string[]) => string {
  const typeOf = new Map<string, PieceType>();
  known.forEach((piece, id) => typeOf.set(piece, types[id]));
  const { addDummyPrefix, removeExtraSpaces } = normalizer;
  return (pieces) => {
    let text = '';
    let bytes: number[] = [];
    let atStart = true;
    for (const piece of pieces) {
      const type = typeOf.get(piece);
      if (type === 'byte') {
        bytes.push(Number(piece.slice(1, -1)));
        continue;
      }
      text += textOfBytes(bytes);
      bytes = [];
      if (text !== '') atStart = false;
      if (type === undefined) {
        text += piece;
      } else if (type === 'unknown') {
        text += unknownSurface;
      } else if (type !== 'control') {
        const hasPrefix = atStart && (addDummyPrefix || removeExtraSpaces) && piece.startsWith(spaceMark);
        if (hasPrefix && !removeExtraSpaces) atStart = false; // this mark was the only one
        text += (hasPrefix ? piece.slice(1) : piece).replaceAll(spaceMark, ' ');
      }
    }
    return text + textOfBytes(bytes);
  };
}

function textOfBytes(bytes: readonly number[]): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at];
    const character = Buffer.from(bytes.slice(at, at + (lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4)));
    const isCharacter = isUtf8(character);
    text += isCharacter ? character.toString() : '\ufffd';
    at += isCharacter ? character.length : 1;
  }
  return text;
}
