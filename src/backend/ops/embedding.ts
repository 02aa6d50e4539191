import {
  cast,
  customGrad,
  expandDims,
  gather,
  mul,
  notEqual,
  reshape,
  scatterND,
  type GradSaveFunc,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
} from '@tensorflow/tfjs-core';
import { ShapeError } from '../../errors.js';
import { hasKernel, runFused } from './dispatch.js';
import { embedTokensGradKernel, embedTokensKernel, type EmbedTokensAttrs } from './kernels.js';

export interface EmbedTokensOptions {
  /** Multiplies every row; sqrt(dModel) in the Transformer. */
  readonly scale: number;
  /** No gradient reaches this row through the lookup. */
  readonly padId: number;
}

/**
 * The scaled embedding of every token, scale * table[ids]. Exactly differentiable to any order; rows are added up in
 * the order of ids, so that the gradient has the same bits on every run.
 * @param ids int32 [N], each from 0 to V - 1
 * @param table [V, d]
 * @returns [N, d]
 * @throws ShapeError if ids or table have another rank or type
 */
export function embedTokens(ids: Tensor, table: Tensor, options: EmbedTokensOptions): Tensor {
  if (ids.rank !== 1 || ids.dtype !== 'int32' || table.rank !== 2) {
    throw new ShapeError(
      `embedTokens: found ids ${ids.dtype} [${ids.shape}] and table [${table.shape}]; expected int32 [N] and [V, d].`,
    );
  }
  const attrs: EmbedTokensAttrs = { ...options, vocabSize: table.shape[0] };
  return customGrad((embeddings, save) => {
    saveIds(save, ids);
    return {
      value: lookup(ids, embeddings as Tensor, attrs),
      gradFunc: (dy: Tensor, [savedIds]: Tensor[]) => lookupGradient(savedIds, dy, attrs),
    };
  })(table);
}

function lookup(ids: Tensor, table: Tensor, attrs: EmbedTokensAttrs): Tensor {
  if (hasKernel(embedTokensKernel)) return runFused(embedTokensKernel, { ids, table }, attrs)[0];
  return mul(gather(table, ids as Tensor1D), attrs.scale);
}

/** Rows of dy added up by id, without pads [V, d]: linear in dy, and differentiable in turn. */
function lookupGradient(ids: Tensor, dy: Tensor, attrs: EmbedTokensAttrs): Tensor {
  if (hasKernel(embedTokensGradKernel)) {
    return customGrad((rows, save) => {
      saveIds(save, ids);
      return {
        value: runFused(embedTokensGradKernel, { ids, dy: rows as Tensor }, attrs)[0],
        gradFunc: (outer: Tensor, [savedIds]: Tensor[]) =>
          mul(embedTokens(savedIds, outer, attrs), notPad(savedIds, attrs.padId)),
      };
    })(dy);
  }
  return sumRowsById(ids, mul(mul(dy, notPad(ids, attrs.padId)), attrs.scale), attrs.vocabSize);
}

/** [N, 1]: 1 for tokens, 0 for pads. */
function notPad(ids: Tensor, padId: number): Tensor {
  return expandDims(cast(notEqual(ids, padId), 'float32'), 1);
}

/**
 * table[ids], differentiable to any order on every backend (tfjs's own gather is not on wasm).
 * @param ids int32 [N]
 * @param table [V, d]
 * @returns [N, d]
 */
export function gatherRows(ids: Tensor, table: Tensor): Tensor {
  const vocabSize = table.shape[0];
  return customGrad((rows, save) => {
    saveIds(save, ids);
    // As a lookup of scale 1 where there is a kernel: tfjs's gather on wasm is twenty times slower.
    const value = hasKernel(embedTokensKernel)
      ? lookup(ids, rows as Tensor, { scale: 1, padId: -1, vocabSize })
      : gather(rows as Tensor2D, ids as Tensor1D);
    return { value, gradFunc: (dy: Tensor, [savedIds]: Tensor[]) => sumRowsById(savedIds, dy, vocabSize) };
  })(table);
}

/**
 * The transpose of gatherRows: row v is the sum of the rows whose id is v.
 * @param rows [N, d]
 * @returns [V, d]
 */
function sumRowsById(ids: Tensor, rows: Tensor, vocabSize: number): Tensor {
  const [, dModel] = rows.shape as [number, number];
  return customGrad((values, save) => {
    saveIds(save, ids);
    return {
      value: scatterND(reshape(ids, [ids.size, 1]), values as Tensor, [vocabSize, dModel]),
      gradFunc: (dy: Tensor, [savedIds]: Tensor[]) => gatherRows(savedIds, dy),
    };
  })(rows);
}

/**
 * Keeps ids for the backward pass: ids made inside the differentiated function are released when its forward pass ends.
 */
function saveIds(save: unknown, ids: Tensor): void {
  (save as GradSaveFunc)([ids]);
}
