import { DataError } from '../../errors.js';

/** The error of an operation that was given an id outside the vocabulary. */
export function idOutOfRange(op: string, id: number, position: number, vocabSize: number): DataError {
  return new DataError(
    `${op}: found token id ${id} at position ${position}; expected 0 to ${vocabSize - 1}. ` +
      'Was the data prepared with another vocabulary?',
  );
}
