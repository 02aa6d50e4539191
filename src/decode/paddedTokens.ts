import { tensor1d } from '@tensorflow/tfjs-core';
import { greatest } from '../extremes.js';
import type { Tokens } from '../model/transformer.js';
import { padId } from '../text/specialIds.js';

/**
 * Sentences as one batch, padded on the right. Makes tensors: call it inside `tidy`. @param sentences ids, at least one
 * sentence
 */
export function paddedTokens(sentences: readonly Int32Array[]): Tokens {
  const lengths = sentences.map((sentence) => sentence.length);
  const length = greatest(lengths);
  const ids = new Int32Array(sentences.length * length).fill(padId);
  sentences.forEach((sentence, row) => ids.set(sentence, row * length));
  return { ids: tensor1d(ids, 'int32'), lengths: tensor1d(lengths, 'int32'), batch: sentences.length, length };
}
