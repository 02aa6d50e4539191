import { util, type TensorInfo } from '@tensorflow/tfjs-core';
import { idOutOfRange } from '../ops/idOutOfRange.js';
import { crossEntropyHessianKernel, crossEntropyKernel, type CrossEntropyAttrs } from '../ops/kernels.js';
import { registerGpuKernel } from './gpuKernel.js';
import { blocksOfLogits, largestAndSumCode, logitsProduct, rowGroupSize, rowReductions, type Pairs } from './logits.js';
import { runProducts, type Product } from './products.js';
import type { GpuBackend } from './webGpuBackend.js';
import { entryPoint, runProgram } from './wgsl.js';

interface LossInputs {
  /** [N, d] */
  readonly hidden: TensorInfo;
  /** [V, d] */
  readonly embedding: TensorInfo;
  /** int32 [N] */
  readonly targets: TensorInfo;
}

/**
 * Label-smoothed cross-entropy over blocks of rows. Of each block the first program makes the logits, the second the
 * loss and in place the gradient of the logits, and the third from it the gradients of hidden and embedding.
 */
export function registerCrossEntropyKernels(backend: GpuBackend): void {
  const output = (shape: number[]): TensorInfo => backend.makeTensorInfo(shape, 'float32');
  const release = (...tensors: TensorInfo[]): void => {
    for (const { dataId } of tensors) backend.disposeData(dataId);
  };

  registerGpuKernel<LossInputs, CrossEntropyAttrs>(
    crossEntropyKernel,
    ({ hidden, embedding, targets }, { labelSmoothing, padId, withGradients }) => {
      const [rows, d] = hidden.shape;
      const [vocabSize] = embedding.shape;
      checkTargets(backend, targets, vocabSize, padId);
      const losses = output([2, rows]);
      const gradients = withGradients ? [output(hidden.shape), output(embedding.shape)] : [];
      const [dHidden, dEmbedding] = gradients;
      if (withGradients && rows === 0) fillWithZeros(backend, dEmbedding);
      for (const { first, count } of blocksOfLogits(backend, rows, vocabSize)) {
        const logits = output([count, vocabSize]);
        const integers = { first, count, vocabSize, d };
        runProducts(backend, {
          key: `${crossEntropyKernel} logits`,
          code: () => '',
          products: () => [logitsProduct('logits', [['hidden', 'embedding']])],
          calls: [{ name: 'logitsProduct', rows: count, columns: vocabSize }],
          outputs: { logits },
          inputs: { hidden, embedding },
          integers,
        });
        runProgram(backend, {
          key: `${crossEntropyKernel} rows ${withGradients}`,
          code: () => `${rowCode}
  let first = row * given.vocabSize;
  if (wanted == i32(given.padId)) {
    ${withGradients ? `for (var i = local; i < given.vocabSize; i += ${rowGroupSize}u) { logits[first + i] = 0.0; }` : ''}
    if (local == 0u) {
      losses[n] = 0.0;
      losses[given.rows + n] = 0.0;
    }
    return;
  }
${largestAndSumCode}
  var shiftedSum = 0.0;
  for (var i = local; i < given.vocabSize; i += ${rowGroupSize}u) { shiftedSum += logits[first + i] - largest; }
  shiftedSum = total(shiftedSum, local);
  let logSum = log(sum);
  if (local == 0u) {
    let nll = logSum - (logits[first + u32(wanted)] - largest);
    losses[n] = given.onTarget * nll + given.perWrongToken * (f32(given.vocabSize) * logSum - shiftedSum);
    losses[given.rows + n] = nll;
  }
  ${withGradients ? `storageBarrier();\n${gradientCode}` : ''}
}`,
          outputs: { logits, losses },
          inputs: { targets },
          integers: { ...integers, rows, padId },
          floats: sharesOf(labelSmoothing, vocabSize),
          groups: count,
          groupSize: rowGroupSize,
        });
        if (withGradients)
          runProducts(backend, {
            key: `${crossEntropyKernel} gradients ${first === 0}`,
            code: () => '',
            products: () => [
              hiddenGradient([['logits', 'embedding']]),
              embeddingGradient([['logits', 'hidden']], first === 0),
            ],
            calls: [
              { name: 'ofHidden', rows: count, columns: d },
              { name: 'ofEmbedding', rows: vocabSize, columns: d },
            ],
            outputs: { dHidden, dEmbedding },
            inputs: { logits, hidden, embedding },
            integers,
          });
        release(logits);
      }
      const [lossSum, nllSum] = [output([]), output([])];
      runProgram(backend, {
        key: `${crossEntropyKernel} sums`,
        code: () => `${rowReductions}
${entryPoint(rowGroupSize)}
  var loss = 0.0;
  var nll = 0.0;
  for (var n = local; n < given.rows; n += ${rowGroupSize}u) {
    loss += losses[n];
    nll += losses[given.rows + n];
  }
  loss = total(loss, local);
  nll = total(nll, local);
  if (local == 0u && index == 0u) {
    lossSum[0] = loss;
    nllSum[0] = nll;
  }
}`,
        outputs: { lossSum, nllSum },
        inputs: { losses },
        integers: { rows },
        groups: 1,
        groupSize: rowGroupSize,
      });
      release(losses);
      return [lossSum, nllSum, ...gradients];
    },
  );

  /*
   * With G = p - constants the gradient of the logits, the gradients are G E and Gᵀ h. Their product with (uHidden,
   * uEmbedding) is sum(G * W) with W = uHidden Eᵀ + h uEmbeddingᵀ; through G it has the gradient R = p * (W - sum(p W))
   * for the logits.
   */
  registerGpuKernel<LossInputs & { uHidden: TensorInfo; uEmbedding: TensorInfo }, CrossEntropyAttrs>(
    crossEntropyHessianKernel,
    ({ hidden, embedding, targets, uHidden, uEmbedding }, { labelSmoothing, padId }) => {
      const [rows, d] = hidden.shape;
      const [vocabSize] = embedding.shape;
      checkTargets(backend, targets, vocabSize, padId);
      const [dHidden, dEmbedding] = [output(hidden.shape), output(embedding.shape)];
      if (rows === 0) fillWithZeros(backend, dEmbedding);
      for (const { first, count } of blocksOfLogits(backend, rows, vocabSize)) {
        const [logits, weights] = [output([count, vocabSize]), output([count, vocabSize])];
        const integers = { first, count, vocabSize, d };
        runProducts(backend, {
          key: `${crossEntropyHessianKernel} logits`,
          code: () => '',
          products: () => [
            logitsProduct('logits', [['hidden', 'embedding']]),
            logitsProduct('weights', [
              ['uHidden', 'embedding'],
              ['hidden', 'uEmbedding'],
            ]),
          ],
          calls: ['logitsProduct', 'weightsProduct'].map((name) => ({ name, rows: count, columns: vocabSize })),
          outputs: { logits, weights },
          inputs: { hidden, embedding, uHidden, uEmbedding },
          integers,
        });
        runProgram(backend, {
          key: `${crossEntropyHessianKernel} rows`,
          code: () => `${rowCode}
  let first = row * given.vocabSize;
  if (wanted == i32(given.padId)) {
    for (var i = local; i < given.vocabSize; i += ${rowGroupSize}u) {
      logits[first + i] = 0.0;
      weights[first + i] = 0.0;
    }
    return;
  }
${largestAndSumCode}
  var mean = 0.0;
  for (var i = local; i < given.vocabSize; i += ${rowGroupSize}u) { mean += exp(logits[first + i] - largest) * weights[first + i]; }
  mean = total(mean, local) / sum;
  for (var i = local; i < given.vocabSize; i += ${rowGroupSize}u) {
    weights[first + i] = exp(logits[first + i] - largest) / sum * (weights[first + i] - mean);
  }
${gradientCode}
}`,
          outputs: { logits, weights },
          inputs: { targets },
          integers: { ...integers, padId },
          floats: sharesOf(labelSmoothing, vocabSize),
          groups: count,
          groupSize: rowGroupSize,
        });
        runProducts(backend, {
          key: `${crossEntropyHessianKernel} products ${first === 0}`,
          code: () => '',
          products: () => [
            hiddenGradient([
              ['weights', 'embedding'],
              ['logits', 'uEmbedding'],
            ]),
            embeddingGradient(
              [
                ['weights', 'hidden'],
                ['logits', 'uHidden'],
              ],
              first === 0,
            ),
          ],
          calls: [
            { name: 'ofHidden', rows: count, columns: d },
            { name: 'ofEmbedding', rows: vocabSize, columns: d },
          ],
          outputs: { dHidden, dEmbedding },
          inputs: { logits, weights, hidden, embedding, uHidden, uEmbedding },
          integers,
        });
        release(logits, weights);
      }
      return [dHidden, dEmbedding];
    },
  );
}

/** The gradient of the smoothed loss by a logit is p - perWrongToken, and for the target onTarget less. */
function sharesOf(labelSmoothing: number, vocabSize: number): Record<string, number> {
  const perWrongToken = vocabSize > 1 ? labelSmoothing / (vocabSize - 1) : 0;
  return { perWrongToken, onTarget: 1 - labelSmoothing - perWrongToken };
}

/** @throws DataError for a target that is neither a token nor a pad */
function checkTargets(backend: GpuBackend, targets: TensorInfo, vocabSize: number, padId: number): void {
  Array.from(backend.integers(targets)).forEach((target, position) => {
    if (target !== padId && !(target >= 0 && target < vocabSize))
      throw idOutOfRange('labelSmoothedCrossEntropy', target, position, vocabSize);
  });
}

function fillWithZeros(backend: GpuBackend, tensor: TensorInfo): void {
  backend.tensorMap.get(tensor.dataId).values = new Float32Array(util.sizeFromShape(tensor.shape));
}

/**
 * Most gradients of logits are a probability, less a share of the label smoothing: 1e-5 and less where the vocabulary
 * is large, which only f16's subnormal numbers hold.
 */
const ofSmallProbabilities = 1024;

function hiddenGradient(pairs: Pairs): Product {
  return {
    name: 'ofHidden',
    rows: 'given.count',
    columns: 'given.d',
    terms: pairs.map(([gradient, matrix]) => ({
      depth: 'given.vocabSize',
      a: { value: `${gradient}[row * given.vocabSize + k]`, along: 'k' },
      b: { value: `${matrix}[k * given.d + column]`, along: 'other' },
    })),
    store: 'dHidden[(given.first + row) * given.d + column] = value;',
    scale: ofSmallProbabilities,
  };
}

/** @param isFirst whether it is the first block's, to which those of the others are added */
function embeddingGradient(pairs: Pairs, isFirst: boolean): Product {
  return {
    name: 'ofEmbedding',
    rows: 'given.vocabSize',
    columns: 'given.d',
    terms: pairs.map(([gradient, rows]) => ({
      depth: 'given.count',
      a: { value: `${gradient}[k * given.vocabSize + row]`, along: 'other' },
      b: { value: `${rows}[(given.first + k) * given.d + column]`, along: 'other' },
    })),
    store: `dEmbedding[row * given.d + column] ${isFirst ? '=' : '+='} value;`,
    scale: ofSmallProbabilities,
  };
}

/** Begins a program whose workgroups have a row of a block each. */
const rowCode = `${rowReductions}
${entryPoint(rowGroupSize)}
  if (index >= given.count) { return; }
  let row = index;
  let n = given.first + row;
  let wanted = targets[n];`;

/** Logits become their gradient. */
const gradientCode = `
  for (var i = local; i < given.vocabSize; i += ${rowGroupSize}u) {
    let probability = exp(logits[first + i] - largest) / sum;
    logits[first + i] = probability - given.perWrongToken - select(0.0, given.onTarget, i == u32(wanted));
  }`;
