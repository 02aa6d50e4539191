import { util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { DropoutDraw } from '../../ops/dropoutDraw.js';
import * as names from '../../ops/kernels.js';
import { numNormBlocks } from '../../ops/normBlocks.js';
import type { KernelInputs, NativeKernel, NativeKernels } from '../kernel.js';
import type { NativeBackend } from '../nativeBackend.js';

/** A draw as the addon reads it; rate 0 drops nothing. */
function drawWords(draw: DropoutDraw | undefined): number[] {
  return draw === undefined ? [0, 0, 0, 0, 0] : [draw.rate, draw.seed, draw.step, draw.microBatch, draw.site];
}

const flag = (value: unknown): number => (value ? 1 : 0);

/** Runs a kernel into new float32 tensors of the given shapes. */
function outputs(
  backend: NativeBackend,
  kernel: string,
  inputs: readonly TensorInfo[],
  shapes: readonly (readonly number[])[],
  attrs: readonly number[],
): TensorInfo[] {
  return runInto(
    backend,
    kernel,
    inputs,
    shapes.map((shape) => backend.output(shape, 'float32')),
    attrs,
  );
}

/** Runs a kernel that takes ownership of some inputs (`replaced`) and writes their replacements. */
function replacements(
  backend: NativeBackend,
  kernel: string,
  inputs: readonly TensorInfo[],
  replaced: readonly TensorInfo[],
  attrs: readonly number[],
): TensorInfo[] {
  return runInto(
    backend,
    kernel,
    inputs,
    replaced.map((x) => backend.replacement(x)),
    attrs,
  );
}

/** Runs a kernel into new tensors and returns them; releases them if it throws. */
function runInto(
  backend: NativeBackend,
  kernel: string,
  inputs: readonly TensorInfo[],
  made: TensorInfo[],
  attrs: readonly number[],
): TensorInfo[] {
  try {
    backend.run(kernel, [...inputs, ...made], attrs);
  } catch (error) {
    for (const tensor of made) backend.disposeData(tensor.dataId);
    throw error;
  }
  return made;
}

/** `prefix0`, `prefix1`, … in order. */
function numbered(inputs: KernelInputs, prefix: string, count: number): TensorInfo[] {
  return Array.from({ length: count }, (_, i) => inputs[`${prefix}${i}`]);
}

const shapesOf = (tensors: readonly TensorInfo[]): number[][] => tensors.map((tensor) => tensor.shape);

function layerNorm(hasResidual: boolean): NativeKernel {
  return (backend, { x, residual, gamma, beta }, { eps, dropout }) => {
    const inputs = hasResidual ? [x, residual, gamma, beta] : [x, gamma, beta];
    return outputs(
      backend,
      'LayerNorm',
      inputs,
      [x.shape, x.shape, [x.shape[0]]],
      [flag(hasResidual), eps, ...drawWords(dropout)],
    );
  };
}

const attentionWords = ({
  batch,
  queryLength,
  keyLength,
  numHeads,
  causal,
  dropout,
}: names.AttentionAttrs): number[] => [batch, queryLength, keyLength, numHeads, flag(causal), ...drawWords(dropout)];

/** coldstart's own operations (src/backend/ops/kernels.ts documents their inputs and outputs). */
export const fusedKernels: NativeKernels = {
  [names.dropoutKernel]: (backend, { x }, attrs) =>
    backend.compute('Dropout', [x], x.shape, 'float32', drawWords(attrs as DropoutDraw)),

  [names.linearKernel]: (backend, { x, weight, bias }, { hasBias, relu, dropout }) =>
    backend.compute('Linear', hasBias ? [x, weight, bias] : [x, weight], [x.shape[0], weight.shape[0]], 'float32', [
      flag(hasBias),
      flag(relu),
      ...drawWords(dropout),
    ]),
  [names.linearGradKernel]: (backend, { dy, x, weight, y }, { hasBias, relu, dropout }) =>
    outputs(
      backend,
      'LinearGrad',
      relu ? [dy, x, weight, y] : [dy, x, weight],
      [x.shape, weight.shape, ...(hasBias ? [[weight.shape[0]]] : [])],
      [flag(hasBias), flag(relu), ...drawWords(dropout)],
    ),
  [names.linearsKernel]: (backend, inputs, { count }) => {
    const [x, ...parameters] = Object.values(inputs);
    return outputs(
      backend,
      'Linears',
      [x, ...parameters],
      parameters.slice(0, count).map((weight) => [x.shape[0], weight.shape[0]]),
      [count],
    );
  },
  [names.linearsGradKernel]: (backend, inputs, { count }) => {
    const [x, ...rest] = Object.values(inputs);
    const weights = rest.slice(0, count);
    return outputs(
      backend,
      'LinearsGrad',
      [x, ...rest],
      [x.shape, ...shapesOf(weights), ...weights.map((weight) => [weight.shape[0]])],
      [count],
    );
  },

  [names.residualLayerNormKernel]: layerNorm(true),
  [names.layerNormKernel]: layerNorm(false),
  [names.layerNormGradKernel]: (backend, { dy, normalised, rstd, gamma }, { dropout }) =>
    outputs(
      backend,
      'LayerNormGrad',
      [dy, normalised, rstd, gamma],
      [dy.shape, gamma.shape, gamma.shape, ...(dropout ? [dy.shape] : [])],
      drawWords(dropout),
    ),

  [names.attentionKernel]: (backend, { q, k, v, keyLengths }, attrs) => {
    const { batch, numHeads, queryLength } = attrs;
    return outputs(
      backend,
      'Attention',
      [q, k, v, keyLengths],
      [q.shape, [batch, numHeads, queryLength]],
      attentionWords(attrs as names.AttentionAttrs),
    );
  },
  [names.attentionGradKernel]: (backend, { dy, q, k, v, keyLengths, out, logSumExp }, attrs) =>
    outputs(
      backend,
      'AttentionGrad',
      [dy, q, k, v, keyLengths, out, logSumExp],
      [q.shape, k.shape, v.shape],
      attentionWords(attrs as names.AttentionAttrs),
    ),

  [names.cachedAttentionKernel]: (backend, inputs, { numHeads }) => {
    const tensors = Object.values(inputs);
    return backend.compute('CachedAttention', tensors, tensors[0].shape, 'float32', [numHeads]);
  },

  [names.embedTokensKernel]: (backend, { ids, table }, { scale }) =>
    backend.compute('EmbedTokens', [ids, table], [util.sizeFromShape(ids.shape), table.shape[1]], 'float32', [scale]),
  [names.embedTokensGradKernel]: (backend, { ids, dy }, { scale, padId, vocabSize }) =>
    backend.compute('EmbedTokensGrad', [ids, dy], [vocabSize, dy.shape[1]], 'float32', [scale, padId]),

  [names.crossEntropyKernel]: (backend, { hidden, embedding, targets }, { labelSmoothing, padId, withGradients }) =>
    outputs(
      backend,
      'CrossEntropy',
      [hidden, embedding, targets],
      [[], [], ...(withGradients ? [hidden.shape, embedding.shape] : [])],
      [labelSmoothing, padId, flag(withGradients)],
    ),

  [names.crossEntropyHessianKernel]: (
    backend,
    { hidden, embedding, targets, uHidden, uEmbedding },
    { labelSmoothing, padId },
  ) =>
    outputs(
      backend,
      'CrossEntropyHessian',
      [hidden, embedding, targets, uHidden, uEmbedding],
      [hidden.shape, embedding.shape],
      [labelSmoothing, padId],
    ),

  [names.rowLogSumExpKernel]: (backend, { x }) =>
    backend.compute('RowLogSumExp', [x], [x.shape[0]], 'float32', [x.shape[1]]),

  [names.topLogProbsKernel]: (backend, { hidden, embedding }, attrs) => {
    const { count, endToken, excluded } = attrs as names.TopLogProbsAttrs;
    const [rows] = hidden.shape;
    const made = [
      backend.output([rows, count], 'float32'),
      backend.output([rows, count], 'int32'),
      backend.output([rows], 'float32'),
    ];
    return runInto(backend, 'TopLogProbs', [hidden, embedding], made, [count, endToken, ...excluded]);
  },

  [names.adamStepKernel]: (backend, inputs, attrs) => {
    const { count, beta1, beta2, eps, gradientScale, decay, stepSize } = attrs as names.AdamStepAttrs;
    const params = numbered(inputs, 'param', count);
    const state = [...numbered(inputs, 'firstMoment', count), ...numbered(inputs, 'secondMoment', count)];
    return replacements(
      backend,
      'AdamStep',
      [...params, ...numbered(inputs, 'gradient', count), ...state],
      [...params, ...state],
      [count, beta1, beta2, eps, gradientScale, decay, stepSize],
    );
  },
  [names.sgdStepKernel]: (backend, inputs, attrs) => {
    const { count, lr, momentum, nesterov, weightDecay, gradientScale, hasBuffers } = attrs as names.SgdStepAttrs;
    const params = numbered(inputs, 'param', count);
    const gradients = numbered(inputs, 'gradient', count);
    const buffers = momentum !== 0 && hasBuffers ? numbered(inputs, 'buffer', count) : [];
    // the first momentum buffers take the gradients' place
    const moved = momentum === 0 ? [] : hasBuffers ? buffers : gradients;
    return replacements(
      backend,
      'SgdStep',
      [...params, ...gradients, ...buffers],
      [...params, ...moved],
      [count, lr, momentum, flag(nesterov), weightDecay, gradientScale, flag(hasBuffers)],
    );
  },
  [names.addIntoKernel]: (backend, { total, more }) => replacements(backend, 'Add', [total, more], [total], []),
  [names.squaredNormsKernel]: (backend, inputs, { count }) => {
    const tensors = numbered(inputs, 'x', count);
    const blocks = tensors.reduce((sum, { shape }) => sum + numNormBlocks(util.sizeFromShape(shape)), 0);
    return backend.compute('SquaredNorms', tensors, [blocks], 'float32', [count]);
  },
};
