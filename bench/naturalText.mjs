import { closeSync, openSync, writeSync } from 'node:fs';

const syllables = ['b', 'd', 'f', 'g', 'h', 'k', 'l', 'm', 'n', 'r', 's', 't', 'v', 'w', 'st', 'tr'].flatMap((onset) =>
  ['a', 'e', 'i', 'o', 'u', 'er', 'en', 'an'].map((rhyme) => onset + rhyme),
);

/** The word of a rank: the more frequent, the shorter. */
function spell(rank) {
  let word = '';
  for (let rest = rank + 1; rest > 0; rest = Math.floor(rest / syllables.length))
    word += syllables[(rest * 37) % syllables.length];
  return word;
}

/**
 * Writes text whose words are as frequent as those of a language: the word of rank r has a share of about (r +
 * 2.7)^-1.33 (Zipf and Mandelbrot), without end. Its vocabulary therefore grows as a text's does, with the 0.75th power
 * of its length: 140,000 distinct words in 3 million, as German text has. The same text for the same seed, and a longer
 * one starts with a shorter one.
 */
export function writeNaturalText(path, { lines, wordsPerLine = 20, seed = 1 }) {
  let state = seed;
  const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const rank = () => Math.floor(2.7 * ((1 - uniform()) ** (-1 / 0.33) - 1));
  const file = openSync(path, 'w');
  for (let line = 0; line < lines;) {
    let chunk = '';
    for (const end = Math.min(lines, line + 10000); line < end; line++)
      chunk += `${Array.from({ length: wordsPerLine }, () => spell(rank())).join(' ')}\n`;
    writeSync(file, chunk);
  }
  closeSync(file);
}
