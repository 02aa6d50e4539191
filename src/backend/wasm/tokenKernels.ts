import { UnsortedSegmentSum, util, type TensorInfo } from '@tensorflow/tfjs-core';
import { idOutOfRange } from '../ops/idOutOfRange.js';
import {
  crossEntropyHessianKernel,
  crossEntropyKernel,
  dropoutKernel,
  embedTokensGradKernel,
  embedTokensKernel,
  rowLogSumExpKernel,
  type CrossEntropyAttrs,
  type EmbedTokensAttrs,
} from '../ops/kernels.js';
import type { DropoutDraw } from '../ops/dropoutDraw.js';
import { dropoutArguments, registerWasmKernel, type WasmContext } from './wasmContext.js';

/** Kernels per token: embeddings and their gradient, dropout, the loss. */
export function registerTokenKernels(context: WasmContext): void {
  const { kernels } = context;

  registerWasmKernel<{ x: TensorInfo }, DropoutDraw>(dropoutKernel, ({ x }, draw) => {
    const y = context.output(x.shape);
    kernels.dropoutSpan(
      0,
      util.sizeFromShape(x.shape),
      context.address(x),
      0,
      context.address(y),
      ...dropoutArguments(draw),
    );
    return y;
  });

  registerWasmKernel<{ ids: TensorInfo; table: TensorInfo }, EmbedTokensAttrs>(
    embedTokensKernel,
    ({ ids, table }, { scale }) => {
      const [vocabSize, d] = table.shape;
      const [count] = ids.shape;
      const out = context.output([count, d]);
      const bad = kernels.embedTokens(
        count,
        d,
        vocabSize,
        context.address(ids),
        context.address(table),
        scale,
        context.address(out),
      );
      if (bad >= 0) throw idOutOfRange('embedTokens', context.readInt32(ids, bad), bad, vocabSize);
      return out;
    },
  );

  registerWasmKernel<{ ids: TensorInfo; dy: TensorInfo }, EmbedTokensAttrs>(
    embedTokensGradKernel,
    ({ ids, dy }, { scale, padId, vocabSize }) => {
      const [count, d] = dy.shape;
      const out = context.output([vocabSize, d]);
      kernels.sumRowsById(
        count,
        d,
        vocabSize,
        context.address(ids),
        context.address(dy),
        scale,
        padId,
        context.address(out),
      );
      return out;
    },
  );

  registerWasmKernel<{ hidden: TensorInfo; embedding: TensorInfo; targets: TensorInfo }, CrossEntropyAttrs>(
    crossEntropyKernel,
    ({ hidden, embedding, targets }, { labelSmoothing, padId, withGradients }) => {
      const [rows, d] = hidden.shape;
      const [vocabSize] = embedding.shape;
      checkTargets(targets, vocabSize, padId);
      const gradients = withGradients ? [context.output(hidden.shape), context.output(embedding.shape)] : [];
      const lossBytes = 16;
      const losses = context.scratch(lossBytes + kernels.crossEntropyScratchBytes(vocabSize, d));
      kernels.crossEntropy(
        rows,
        vocabSize,
        d,
        context.address(hidden),
        context.address(embedding),
        context.address(targets),
        labelSmoothing,
        padId,
        losses,
        context.address(gradients[0]),
        context.address(gradients[1]),
        losses + lossBytes,
      );
      const [lossSum, nllSum] = context.readFloat64(losses, 2);
      return [context.scalar(lossSum), context.scalar(nllSum), ...gradients];
    },
  );

  registerWasmKernel<{ x: TensorInfo }, object>(rowLogSumExpKernel, ({ x }) => {
    const [rows, columns] = x.shape;
    const out = context.output([rows]);
    kernels.rowLogSumExp(rows, columns, context.address(x), context.address(out));
    return out;
  });

  registerWasmKernel<
    Record<'hidden' | 'embedding' | 'targets' | 'uHidden' | 'uEmbedding', TensorInfo>,
    CrossEntropyAttrs
  >(crossEntropyHessianKernel, ({ hidden, embedding, targets, uHidden, uEmbedding }, { labelSmoothing, padId }) => {
    const [rows, d] = hidden.shape;
    const [vocabSize] = embedding.shape;
    checkTargets(targets, vocabSize, padId);
    const [dHidden, dEmbedding] = [context.output(hidden.shape), context.output(embedding.shape)];
    const scratch = context.scratch(kernels.crossEntropyHessianScratchBytes(vocabSize, d));
    kernels.crossEntropyHessian(
      rows,
      vocabSize,
      d,
      context.address(hidden),
      context.address(embedding),
      context.address(targets),
      context.address(uHidden),
      context.address(uEmbedding),
      labelSmoothing,
      padId,
      context.address(dHidden),
      context.address(dEmbedding),
      scratch,
    );
    return [dHidden, dEmbedding];
  });

  function checkTargets(targets: TensorInfo, vocabSize: number, padId: number): void {
    const bad = kernels.firstBadTarget(targets.shape[0], vocabSize, padId, context.address(targets));
    if (bad >= 0) throw idOutOfRange('labelSmoothedCrossEntropy', context.readInt32(targets, bad), bad, vocabSize);
  }

  // tfjs's wasm backend lacks this kernel; the gradient of gather needs it. Ids out of range are dropped.
  registerWasmKernel<{ x: TensorInfo; segmentIds: TensorInfo }, { numSegments: number }>(
    UnsortedSegmentSum,
    ({ x, segmentIds }, { numSegments }) => {
      if (x.dtype !== 'float32') throw new Error(`UnsortedSegmentSum on wasm adds float32 only, found ${x.dtype}.`);
      const rowShape = x.shape.slice(segmentIds.shape.length);
      const out = context.output([numSegments, ...rowShape]);
      kernels.sumRowsById(
        util.sizeFromShape(segmentIds.shape),
        util.sizeFromShape(rowShape),
        numSegments,
        context.address(segmentIds),
        context.address(x),
        1,
        -1,
        context.address(out),
      );
      return out;
    },
  );
}
