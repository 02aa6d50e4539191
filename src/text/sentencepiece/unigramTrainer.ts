import { counted } from '../../counted.js';
import { UsageError } from '../../errors.js';
import type { PieceChecker } from './pieceRules.js';
import { PieceTrie } from './pieceTrie.js';
import { seedPieces } from './seedPieces.js';
import { unknownCharacter, type Words } from './trainingText.js';

/** @param unit what is counted: "pieces" of byte-pair merges, "rounds" of pruning of a unigram model */
export type LearnProgress = (done: number, total: number, unit: string) => void;

export interface LearnLimits {
  /** Pieces to learn, single characters included; special ones are not. */
  readonly numPieces: number;
  /** Special pieces, which the size that the caller asks for includes: messages name that size. */
  readonly numSpecial: number;
  /** Fewer pieces than requested are not an error. */
  readonly softLimit: boolean;
  /** Called as the work advances, the last time with all of it done, unless the text has no more pieces. */
  readonly onProgress?: LearnProgress;
}

export interface UnigramOptions extends LearnLimits {
  /** Candidates at the beginning. */
  readonly seedPieces: number;
  /** Share of the pieces that a round of pruning keeps. */
  readonly shrinkingFactor: number;
  /** EM iterations between rounds. */
  readonly numSubIterations: number;
}

/** A piece with its log probability. */
export interface ScoredPiece {
  readonly piece: string;
  readonly score: number;
}

/** Pieces expected less often than this in the text are dropped. */
const leastExpected = 0.5;
/** Pruning stops at this many times the requested pieces; the rest are dropped by score. */
const pruneTo = 1.1;
/** Log probability of a character that no piece covers, below the least of the pieces. */
const unknownPenalty = 10;

/**
 * Learns a unigram language model over pieces.
 *
 * Source: Kudo 2018 (P18-1007), section 3.2, and SentencePiece's trainer: expectation-maximisation with
 * digamma-discounted counts, then drops the pieces whose loss costs the least likelihood, until few enough are left.
 *
 * @returns by falling score
 * @throws UsageError if the text does not have this many pieces, or has more characters than requested pieces
 */
export function learnUnigram(words: Words, checker: PieceChecker, options: UnigramOptions): ScoredPiece[] {
  const { characters } = words;
  if (characters.length > options.numPieces) throw tooManyCharacters(characters.length, options);
  let model = seedModel(words, checker, options.seedPieces);
  const wanted = Math.max(options.numPieces, Math.floor(pruneTo * options.numPieces));
  const pruned = (numPieces: number): number => Math.max(wanted, Math.floor(options.shrinkingFactor * numPieces));
  let numRounds = 1;
  for (let numPieces = model.scores.length; numPieces > wanted; numPieces = pruned(numPieces)) numRounds++;
  for (let round = 0; ; round++) {
    options.onProgress?.(round, numRounds, 'rounds');
    for (let i = 0; i < options.numSubIterations; i++) model = maximize(model, expectedCounts(words, model));
    if (model.scores.length <= wanted) break;
    model = prune(words, model, pruned(model.scores.length));
  }
  options.onProgress?.(numRounds, numRounds, 'rounds'); // fewer where pieces fell out of use on their own
  return finalPieces(words, model, options);
}

/** Pieces: their characters are `symbols[starts[p]]` and the `lengths[p] - 1` that follow. */
interface Model {
  readonly numCharacters: number;
  readonly symbols: Int32Array;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  /** Log probabilities. */
  readonly scores: Float64Array;
  readonly trie: PieceTrie;
}

function createModel(
  numCharacters: number,
  symbols: Int32Array,
  starts: Int32Array,
  lengths: Int32Array,
  scores: Float64Array,
): Model {
  const trie = new PieceTrie(numCharacters, starts.length * 2);
  starts.forEach((start, p) => trie.insert(symbols, start, lengths[p], p));
  return { numCharacters, symbols, starts, lengths, scores, trie };
}

function seedModel(words: Words, checker: PieceChecker, limit: number): Model {
  const { symbols, characters, characterCounts } = words;
  const longer = seedPieces(words, checker, limit);
  // single characters: the first place of each
  const first = new Int32Array(characters.length).fill(-1);
  for (let i = 0; i < symbols.length; i++)
    if (symbols[i] !== unknownCharacter && first[symbols[i]] < 0) first[symbols[i]] = i;
  const starts = Int32Array.from([...first, ...longer.starts]);
  const lengths = new Int32Array(starts.length).fill(1);
  lengths.set(longer.lengths, characters.length);
  const counts = Float64Array.from([...characterCounts, ...longer.counts.map((count, p) => count * longer.lengths[p])]);
  const logTotal = Math.log(counts.reduce((a, b) => a + b, 0));
  return createModel(
    characters.length,
    symbols,
    starts,
    lengths,
    counts.map((count) => Math.log(count) - logTotal),
  );
}

/** How often each piece is expected in the text, over all ways of splitting it, weighted by their probability. */
function expectedCounts(words: Words, { trie, scores }: Model): Float64Array {
  const { symbols, starts, counts } = words;
  const expected = new Float64Array(scores.length);
  const unknown = scores.reduce((a, b) => Math.min(a, b), 0) - unknownPenalty;
  let longest = 0;
  for (let w = 0; w + 1 < starts.length; w++) longest = Math.max(longest, starts[w + 1] - starts[w]);
  // probabilities in linear scale, a word at a time, relative to exp(shift * position): words are short
  const forward = new Float64Array(longest + 1);
  const backward = new Float64Array(longest + 1);
  const edges = new EdgeList();
  for (let w = 0; w + 1 < starts.length; w++) {
    const start = starts[w];
    const length = starts[w + 1] - start;
    edges.fill(symbols, start, length, trie, scores, unknown);
    const { from, to, piece, score, size } = edges;
    forward.fill(-Infinity, 0, length + 1);
    backward.fill(-Infinity, 0, length + 1);
    forward[0] = 0;
    backward[length] = 0;
    for (let e = 0; e < size; e++) forward[to[e]] = logAdd(forward[to[e]], forward[from[e]] + score[e]);
    for (let e = size - 1; e >= 0; e--) backward[from[e]] = logAdd(backward[from[e]], backward[to[e]] + score[e]);
    const total = forward[length];
    const count = counts[w];
    for (let e = 0; e < size; e++)
      if (piece[e] >= 0) expected[piece[e]] += count * Math.exp(forward[from[e]] + score[e] + backward[to[e]] - total);
  }
  return expected;
}

/** The pieces that can occur in a word, by their start. */
class EdgeList {
  size = 0;
  from = new Int32Array(256);
  to = new Int32Array(256);
  piece = new Int32Array(256);
  score = new Float64Array(256);

  fill(
    symbols: Int32Array,
    start: number,
    length: number,
    trie: PieceTrie,
    scores: Float64Array,
    unknown: number,
  ): void {
    this.size = 0;
    for (let i = 0; i < length; i++) {
      let node = 0;
      let single = false;
      for (let j = i; j < length; j++) {
        const symbol = symbols[start + j];
        node = symbol === unknownCharacter ? 0 : trie.child(node, symbol);
        if (node === 0) break;
        const piece = trie.pieceAt(node);
        if (piece < 0) continue;
        if (j === i) single = true;
        this.push(i, j + 1, piece, scores[piece]);
      }
      if (!single) this.push(i, i + 1, -1, unknown);
    }
  }

  private push(from: number, to: number, piece: number, score: number): void {
    if (this.size === this.from.length) {
      for (const name of ['from', 'to', 'piece'] as const) {
        const more = new Int32Array(this.size * 2);
        more.set(this[name]);
        this[name] = more;
      }
      const more = new Float64Array(this.size * 2);
      more.set(this.score);
      this.score = more;
    }
    this.from[this.size] = from;
    this.to[this.size] = to;
    this.piece[this.size] = piece;
    this.score[this.size++] = score;
  }
}

/**
 * Scores from expected counts; rarely expected pieces are dropped, except single characters, which can replace any
 * dropped piece.
 */
function maximize(model: Model, expected: Float64Array): Model {
  const kept = [...expected.keys()].filter((p) => expected[p] >= leastExpected || model.lengths[p] === 1);
  const counts = Float64Array.from(kept, (p) => Math.max(expected[p], leastExpected));
  const logTotal = digamma(counts.reduce((a, b) => a + b, 0));
  return subset(
    model,
    kept,
    counts.map((count) => digamma(count) - logTotal),
  );
}

function subset(
  { numCharacters, symbols, starts, lengths }: Model,
  kept: readonly number[],
  scores: Float64Array,
): Model {
  return createModel(
    numCharacters,
    symbols,
    Int32Array.from(kept, (p) => starts[p]),
    Int32Array.from(kept, (p) => lengths[p]),
    scores,
  );
}

/** Keeps the pieces whose loss would cost the likelihood of the text most. */
function prune(words: Words, model: Model, size: number): Model {
  const { symbols, starts, lengths, scores, trie } = model;
  const numPieces = scores.length;
  const unknown = scores.reduce((a, b) => Math.min(a, b), 0) - unknownPenalty;
  const edges = new EdgeList();

  // uses of each piece in the best split of the text, and the weight of the words that have it
  const uses = new Float64Array(numPieces);
  const wordWeight = new Float64Array(numPieces);
  let allWords = 0;
  for (let w = 0; w + 1 < words.starts.length; w++) {
    const count = words.counts[w];
    allWords += count;
    edges.fill(words.symbols, words.starts[w], words.starts[w + 1] - words.starts[w], trie, scores, unknown);
    for (const piece of bestPath(edges, words.starts[w + 1] - words.starts[w], -1)) {
      if (piece < 0) continue;
      uses[piece] += count;
      wordWeight[piece] += count;
    }
  }
  const total = uses.reduce((a, b) => a + b, 0);
  const logTotal = Math.log(total);

  const kept: number[] = [];
  const candidates: { piece: number; loss: number }[] = [];
  for (let p = 0; p < numPieces; p++) {
    if (lengths[p] === 1) {
      kept.push(p);
      continue;
    }
    if (uses[p] === 0) continue;
    edges.fill(symbols, starts[p], lengths[p], trie, scores, unknown);
    const alternative = bestPath(edges, lengths[p], p); // there is one: its characters
    if (alternative.reduce((sum, q) => sum + scores[q], 0) > scores[p]) continue; // not even the best split of its own text
    const logAlternativeTotal = Math.log(total + uses[p] * (alternative.length - 1));
    const logAlternative = alternative.reduce((sum, q) => sum + Math.log(uses[q] + uses[p]) - logAlternativeTotal, 0);
    candidates.push({ piece: p, loss: (wordWeight[p] / allWords) * (Math.log(uses[p]) - logTotal - logAlternative) });
  }
  candidates.sort((a, b) => b.loss - a.loss || a.piece - b.piece);
  for (const { piece } of candidates.slice(0, Math.max(0, size - kept.length))) kept.push(piece);
  kept.sort((a, b) => a - b);
  return subset(
    model,
    kept,
    Float64Array.from(kept, (p) => scores[p]),
  );
}

/**
 * Pieces of the most probable split; -1 for a character that no piece covers. @param without a piece that it may not
 * use
 */
function bestPath({ from, to, piece, score, size }: EdgeList, length: number, without: number): number[] {
  const best = new Float64Array(length + 1).fill(-Infinity);
  const by = new Int32Array(length + 1).fill(-1);
  best[0] = 0;
  for (let e = 0; e < size; e++) {
    if (piece[e] === without && without >= 0) continue;
    if (best[from[e]] + score[e] > best[to[e]]) {
      best[to[e]] = best[from[e]] + score[e];
      by[to[e]] = e;
    }
  }
  const path: number[] = [];
  for (let at = length; at > 0; at = from[by[at]]) path.push(piece[by[at]]);
  return path.reverse();
}

/** Every character, then the pieces of the highest scores. */
function finalPieces(
  { characters }: Words,
  { symbols, starts, lengths, scores }: Model,
  options: UnigramOptions,
): ScoredPiece[] {
  const { numPieces, softLimit } = options;
  const single = new Map<number, number>();
  const longer: number[] = [];
  scores.forEach((_, p) => (lengths[p] === 1 ? void single.set(symbols[starts[p]], scores[p]) : longer.push(p)));
  const pieces = characters.map((piece, i): ScoredPiece => ({ piece, score: single.get(i)! }));
  longer.sort((a, b) => scores[b] - scores[a] || a - b);
  for (const p of longer.slice(0, numPieces - pieces.length)) {
    pieces.push({
      piece: Array.from(symbols.subarray(starts[p], starts[p] + lengths[p]), (symbol) => characters[symbol]).join(''),
      score: scores[p],
    });
  }
  if (pieces.length < numPieces && !softLimit) throw tooFewPieces(pieces.length, options);
  return pieces.sort((a, b) => b.score - a.score);
}

/** log(exp(a) + exp(b)) */
function logAdd(a: number, b: number): number {
  if (a === -Infinity) return b;
  const [low, high] = a < b ? [a, b] : [b, a];
  return low < high - 50 ? high : high + Math.log1p(Math.exp(low - high));
}

/** Derivative of the logarithm of the gamma function, by recurrence and asymptotic series. @param x above 0 */
export function digamma(x: number): number {
  let result = 0;
  let y = x;
  for (; y < 7; y++) result -= 1 / y;
  y -= 0.5;
  const inverse = 1 / (y * y);
  return (
    result + Math.log(y) + inverse * (1 / 24 - inverse * (7 / 960 - inverse * (31 / 8064 - inverse * (127 / 30720))))
  );
}

export function tooManyCharacters(characters: number, { numPieces, numSpecial }: LearnLimits): UsageError {
  return new UsageError(
    `the text has ${characters} different characters, but only ${counted(numPieces, 'piece')} can be learnt: the requested size is ${numPieces + numSpecial}, and ${numSpecial} of these are special pieces. Request at least ${characters + numSpecial}, or a lower character coverage.`,
  );
}

export function tooFewPieces(found: number, { numPieces, numSpecial }: LearnLimits): UsageError {
  return new UsageError(
    `only ${counted(found, 'piece')} can be learnt from this text, which makes ${found + numSpecial} with the ${numSpecial} special pieces, but ${numPieces + numSpecial} were requested. Request at most ${found + numSpecial}, or allow fewer: softLimit of learnSentencePiece, --soft-limit of "corpus learn-spm".`,
  );
}
