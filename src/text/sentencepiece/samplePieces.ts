import { UsageError } from '../../errors.js';
import type { SentencePieceInfo } from '../subwords/sentencePieceModel.js';
import type { SamplingSettings, UnitSampler } from '../subwords/unitSampling.js';
import { mergeWithDropout } from '../subwords/bpeDropout.js';
import { PieceTrie } from './pieceTrie.js';

/**
 * Splits text into other pieces of a SentencePiece model: with merges left out for a model of merges, by probability
 * for a unigram model. Pieces that are no ordinary ones of the model (unknown text, bytes, symbols kept whole) stay as
 * they are.
 *
 * Source: Kudo 2018 (P18-1007), section 3.3, and Provilkov et al. 2020 for merges.
 *
 * @throws UsageError for models of words or characters, which split a text in one way
 */
export function pieceSampler(
  info: SentencePieceInfo,
  path: string,
  { subwordDropout, subwordAlpha, subwordNbest }: SamplingSettings,
): UnitSampler {
  const { modelType } = info;
  const scores = new Map<string, number>();
  info.pieces.forEach((piece, id) => {
    if (info.types[id] === 'normal') scores.set(piece, info.scores[id]);
  });
  if (modelType === 'bpe') {
    if (subwordDropout === 0) return (units) => [...units];
    return eachStretch(scores, mergeSampler(scores, info.spaceAsSuffix, subwordDropout));
  }
  if (modelType === 'unigram') return eachStretch(scores, unigramSampler(scores, subwordAlpha, subwordNbest));
  throw new UsageError(
    `${path} is a model of type ${modelType}, which splits a text in one way only, so train.sampleSubwords would have no effect on it. ` +
      'Use a unigram or bpe model, or leave this side out.',
  );
}

type StretchSampler = (text: string, random: () => number) => readonly string[];

/** Samples the text of neighbouring ordinary pieces; other pieces stay. */
function eachStretch(scores: ReadonlyMap<string, number>, sample: StretchSampler): UnitSampler {
  return (units, random) => {
    const sampled: string[] = [];
    let text = '';
    const close = (): void => {
      if (text !== '') for (const piece of sample(text, random)) sampled.push(piece);
      text = '';
    };
    for (const unit of units) {
      if (scores.has(unit)) text += unit;
      else {
        close();
        sampled.push(unit);
      }
    }
    close();
    return sampled;
  };
}

/** Merges of the highest score first, each left out with a probability every time. */
function mergeSampler(
  scores: ReadonlyMap<string, number>,
  spaceAsSuffix: boolean,
  probability: number,
): StretchSampler {
  const rankOf = (left: string, right: string): number | undefined => {
    const score = scores.get(left + right);
    return score === undefined ? undefined : -score;
  };
  // words are merged one by one, which is quicker, unless pieces hold several
  const spans = spaceAsSuffix
    ? (piece: string): boolean => /\u2581[^\u2581]/.test(piece)
    : (piece: string): boolean => /[^\u2581]\u2581/.test(piece);
  const isWhole = [...scores.keys()].some(spans);
  const cut = spaceAsSuffix ? /(?<=\u2581)(?=[^\u2581])/ : /(?<=[^\u2581])(?=\u2581)/;
  return (text, random) =>
    (isWhole ? [text] : text.split(cut)).flatMap((word) =>
      mergeWithDropout(Array.from(word), rankOf, { probability, random }),
    );
}

/**
 * Draws a split with probability proportional to its own to the power of alpha: among all splits, or the n most
 * probable ones.
 */
function unigramSampler(scores: ReadonlyMap<string, number>, alpha: number, nbest?: number): StretchSampler {
  const pieces = [...scores.keys()];
  const numberOf = new Map<string, number>();
  const spelt = pieces.map((piece) =>
    Int32Array.from(Array.from(piece), (character) => {
      if (!numberOf.has(character)) numberOf.set(character, numberOf.size);
      return numberOf.get(character)!;
    }),
  );
  const trie = new PieceTrie(numberOf.size, pieces.length * 2);
  spelt.forEach((symbols, piece) => trie.insert(symbols, 0, symbols.length, piece));
  const values = Float64Array.from(pieces, (piece) => scores.get(piece)!);

  return (text, random) => {
    const symbols = Array.from(text, (character) => numberOf.get(character)!);
    const lattice = new Lattice(symbols.length);
    for (let from = 0; from < symbols.length; from++) {
      let node = 0;
      for (let to = from; to < symbols.length; to++) {
        node = trie.child(node, symbols[to]);
        if (node === 0) break;
        const piece = trie.pieceAt(node);
        if (piece >= 0) lattice.add(from, to + 1, piece, values[piece]);
      }
    }
    const path = nbest === undefined ? lattice.sample(alpha, random) : lattice.sampleBest(nbest, alpha, random);
    return path.map((piece) => pieces[piece]);
  };
}

/** The pieces that a text can be split into, by their end. */
class Lattice {
  private readonly from: number[] = [];
  private readonly piece: number[] = [];
  private readonly score: number[] = [];
  private readonly endingAt: number[][];

  /** @param length of the text in characters */
  constructor(private readonly length: number) {
    this.endingAt = Array.from({ length: length + 1 }, () => []);
  }

  add(from: number, to: number, piece: number, score: number): void {
    this.endingAt[to].push(this.piece.length);
    this.from.push(from);
    this.piece.push(piece);
    this.score.push(score);
  }

  /** Forward filtering, backward sampling. */
  sample(alpha: number, random: () => number): number[] {
    const { from, score, endingAt, length } = this;
    // log of the sum over all splits up to here
    const total = new Float64Array(length + 1).fill(-Infinity);
    total[0] = 0;
    for (let to = 1; to <= length; to++) {
      const ways = endingAt[to].map((edge) => total[from[edge]] + alpha * score[edge]);
      total[to] = logSum(ways);
    }
    const path: number[] = [];
    for (let at = length; at > 0;) {
      const edges = endingAt[at];
      const edge =
        edges[
          drawn(
            edges.map((e) => total[from[e]] + alpha * score[e]),
            random,
          )
        ];
      path.push(this.piece[edge]);
      at = from[edge];
    }
    return path.reverse();
  }

  /** Draws among the most probable splits of the whole text. */
  sampleBest(count: number, alpha: number, random: () => number): number[] {
    const { from, score, endingAt, length } = this;
    /** The best ways to each position, by falling score: their last piece, and which way they extend. */
    const best: Way[][] = [[{ score: 0, edge: -1, before: -1 }]];
    for (let to = 1; to <= length; to++) {
      const edges = endingAt[to].filter((edge) => best[from[edge]].length > 0);
      const next = edges.map(() => 0);
      const ways: Way[] = [];
      while (ways.length < count) {
        let chosen = -1;
        let highest = -Infinity;
        edges.forEach((edge, i) => {
          const before = best[from[edge]];
          if (next[i] < before.length && before[next[i]].score + score[edge] > highest) {
            highest = before[next[i]].score + score[edge];
            chosen = i;
          }
        });
        if (chosen < 0) break;
        ways.push({ score: highest, edge: edges[chosen], before: next[chosen]++ });
      }
      best.push(ways);
    }
    const ways = best[length];
    const path: number[] = [];
    let way =
      ways[
        drawn(
          ways.map((each) => alpha * each.score),
          random,
        )
      ];
    while (way.edge >= 0) {
      path.push(this.piece[way.edge]);
      way = best[from[way.edge]][way.before];
    }
    return path.reverse();
  }
}

interface Way {
  readonly score: number;
  /** -1 at the start. */
  readonly edge: number;
  readonly before: number;
}

function logSum(logs: readonly number[]): number {
  let highest = -Infinity;
  for (const log of logs) if (log > highest) highest = log;
  if (highest === -Infinity) return -Infinity;
  let sum = 0;
  for (const log of logs) sum += Math.exp(log - highest);
  return highest + Math.log(sum);
}

/** An index, drawn with probability proportional to the exponential of its value. */
function drawn(logs: readonly number[], random: () => number): number {
  const total = logSum(logs);
  let left = random();
  let last = -1;
  for (let i = 0; i < logs.length; i++) {
    const probability = Math.exp(logs[i] - total);
    if (probability === 0) continue;
    last = i;
    if (left < probability) return i;
    left -= probability;
  }
  return last; // probabilities add up to a little less than 1
}

/** Pieces that splits of the training text can have: those seen, and the model's ordinary ones. */
export function pieceUnits({ pieces, types }: SentencePieceInfo, seen: Iterable<string>): Set<string> {
  const units = new Set(seen);
  pieces.forEach((piece, id) => {
    if (types[id] === 'normal') units.add(piece);
  });
  return units;
}
