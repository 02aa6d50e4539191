import { cutBatch, type Batch } from '../data/batch.js';
import type { BatchPiece } from '../gradinit/batchPieces.js';

/** Batch sizes of a method, and training's, which are the default. */
interface PieceSizes {
  readonly settings: { readonly maxTokens?: number; readonly pieceTokens?: number };
  readonly train: { readonly maxTokens: number };
}

const pieceTokensOf = ({ settings, train }: PieceSizes): number => settings.pieceTokens ?? train.maxTokens;

/** Pieces of a batch that are differentiated one at a time. */
export function batchPieces(task: PieceSizes): (batch: Batch) => BatchPiece<Batch>[] {
  return (batch) =>
    cutBatch(batch, pieceTokensOf(task)).map((piece) => ({ batch: piece, weight: piece.trgTokens / batch.trgTokens }));
}

/** About how many pieces a batch has. */
export function numPieces(task: PieceSizes): number {
  return Math.ceil((task.settings.maxTokens ?? task.train.maxTokens) / pieceTokensOf(task));
}
