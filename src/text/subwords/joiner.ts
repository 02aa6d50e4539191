/** Marks a unit that the next one continues, as subword-nmt. */
export const defaultJoiner = '@@';
