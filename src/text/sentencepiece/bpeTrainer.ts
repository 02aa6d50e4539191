import { compareCodePoints } from '../codePoints.js';
import { mergePairs, type CountedWord, type Pair } from '../subwords/mergePairs.js';
import type { PieceChecker } from './pieceRules.js';
import { unknownCharacter, type Words } from './trainingText.js';
import { tooFewPieces, tooManyCharacters, type LearnLimits, type ScoredPiece } from './unigramTrainer.js';

/**
 * Learns byte-pair merges: repeatedly turns the most frequent pair of neighbouring units into a unit; among pairs seen
 * equally often the one that makes the shortest unit, then the first by code point.
 *
 * Source: Sennrich et al. 2016 (P16-1162) with the conventions of SentencePiece's trainer. A piece's score is minus its
 * place.
 *
 * @throws UsageError if there are more characters than pieces, or, unless `softLimit`, too few pairs
 */
export function learnBpePieces(words: Words, checker: PieceChecker, limits: LearnLimits): ScoredPiece[] {
  const { numPieces, softLimit, onProgress } = limits;
  const { characters } = words;
  if (characters.length > numPieces) throw tooManyCharacters(characters.length, limits);
  const known = new Set(characters);
  onProgress?.(characters.length, numPieces, 'pieces');
  const merges: string[] = [];
  for (const { left, right } of characters.length === numPieces
    ? []
    : mergePairs(knownStretches(words), {
        minFrequency: 1,
        isBefore: shorterThenFirst,
        mayMerge: (text) => checker.isPiece(text),
      })) {
    const piece = left + right;
    if (known.has(piece)) continue; // another pair made it
    known.add(piece);
    merges.push(piece);
    onProgress?.(characters.length + merges.length, numPieces, 'pieces');
    if (merges.length === numPieces - characters.length) break;
  }
  if (merges.length < numPieces - characters.length && !softLimit)
    throw tooFewPieces(characters.length + merges.length, limits);
  return [...merges, ...characters].map((piece, i) => ({ piece, score: -i }));
}

/** Characters of words, cut at characters that the model does not learn. */
function* knownStretches({ symbols, starts, counts, characters }: Words): Generator<CountedWord> {
  for (let w = 0; w + 1 < starts.length; w++) {
    let stretch: string[] = [];
    for (let i = starts[w]; i <= starts[w + 1]; i++) {
      if (i < starts[w + 1] && symbols[i] !== unknownCharacter) {
        stretch.push(characters[symbols[i]]);
      } else if (stretch.length > 0) {
        yield [stretch, counts[w]];
        stretch = [];
      }
    }
  }
}

function shorterThenFirst(a: Pair, b: Pair): boolean {
  const [x, y] = [a.left + a.right, b.left + b.right];
  const [lengthX, lengthY] = [Array.from(x).length, Array.from(y).length];
  return lengthX !== lengthY ? lengthX < lengthY : compareCodePoints(x, y) < 0;
}
