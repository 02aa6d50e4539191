import { DataError } from '../errors.js';
import { packingBytes, packingOfBytes } from './unpacked.js';

/** The number of bytes at the start of a file that decide whether it is text. */
export const headBytes = packingBytes;

const byteOrderMark = Buffer.from('\ufeff');

/** Bytes of text without the byte order mark (U+FEFF) that editors of Windows put at its start. */
export function withoutMark(bytes: Buffer): Buffer {
  return byteOrderMark.equals(bytes.subarray(0, 3)) ? bytes.subarray(3) : bytes;
}

/**
 * @param head the first `headBytes` bytes, or more
 * @throws DataError if they are the start of a packed file or of text in UTF-16
 */
export function checkIsText(head: Buffer, name: string): void {
  const packing = packingOfBytes(head);
  if (packing !== null)
    throw new DataError(`${name} is packed with ${packing}, expected text. Unpack it first: ${packing} -dc.`);
  const mark = head.toString('hex', 0, 2);
  if (mark === 'fffe' || mark === 'feff')
    throw new DataError(`${name} is text in UTF-16, expected UTF-8. Convert it first: iconv -f UTF-16 -t UTF-8.`);
}
