import { integer } from '../field.js';

/** The seed of a run, and of everything in it that draws. */
export const seedField = integer(1, 'Seeds initial parameters, data order and dropout.', {
  min: 0,
  max: Number.MAX_SAFE_INTEGER,
});
