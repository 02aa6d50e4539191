/**
 * Ids of the special symbols, fairseq's order: 0 is the beginning of a sentence, which no model here reads. Ordinary
 * tokens start at `firstOrdinaryId`.
 */
export const bosId = 0;
export const padId = 1;
export const eosId = 2;
export const unkId = 3;
export const firstOrdinaryId = 4;
