import type { TensorInfo } from '@tensorflow/tfjs-core';
import { rowLogSumExpKernel, topLogProbsKernel, type TopLogProbsAttrs } from '../ops/kernels.js';
import { blocksOfLogits, largestAndSumCode, logitsProduct, rowGroupSize, rowReductions } from './logits.js';
import { registerGpuKernel } from './gpuKernel.js';
import { runProducts } from './products.js';
import type { GpuBackend } from './webGpuBackend.js';
import { entryPoint, runProgram } from './wgsl.js';

/** The next tokens of decoding. A workgroup has a row of logits. */
export function registerDecodingKernels(backend: GpuBackend): void {
  registerGpuKernel<{ hidden: TensorInfo; embedding: TensorInfo }, TopLogProbsAttrs>(
    topLogProbsKernel,
    ({ hidden, embedding }, { count: listed, endToken, excluded }) => {
      const [rows, d] = hidden.shape;
      const [vocabSize] = embedding.shape;
      const logProbs = backend.makeTensorInfo([rows, listed], 'float32');
      const tokens = backend.makeTensorInfo([rows, listed], 'int32');
      const endLogProbs = backend.makeTensorInfo([rows], 'float32');
      for (const { first, count } of blocksOfLogits(backend, rows, vocabSize)) {
        const logits = backend.makeTensorInfo([count, vocabSize], 'float32');
        runProducts(backend, {
          key: `${topLogProbsKernel} logits`,
          code: () => '',
          products: () => [logitsProduct('logits', [['hidden', 'embedding']])],
          calls: [{ name: 'logitsProduct', rows: count, columns: vocabSize }],
          outputs: { logits },
          inputs: { hidden, embedding },
          integers: { first, count, vocabSize, d },
        });
        runProgram(backend, {
          key: `${topLogProbsKernel} rows ${excluded.length}`,
          code: () => `${rowReductions}
var<workgroup> bestValues: array<f32, ${rowGroupSize}>;
var<workgroup> bestTokens: array<u32, ${rowGroupSize}>;
${entryPoint(rowGroupSize)}
  if (index >= given.count) { return; }
  let first = index * given.vocabSize;
  let row = given.first + index;
${largestAndSumCode}
  let logSumExp = largest + log(sum);
  if (local == 0u) { endLogProbs[row] = logits[first + given.endToken] - logSumExp; }
  // each round finds what follows the one before, by value and then by token
  var lastValue = 3.0e38;
  var lastToken = 0u;
  for (var round = 0u; round < given.listed; round++) {
    var value = -3.0e38;
    var token = given.vocabSize;
    for (var i = local; i < given.vocabSize; i += ${rowGroupSize}u) {
      let logit = logits[first + i];
      let follows = round == 0u || logit < lastValue || (logit == lastValue && i > lastToken);
      if (follows && logit > value${excluded.map((_, i) => ` && i != given.excluded${i}`).join('')}) {
        value = logit;
        token = i;
      }
    }
    bestValues[local] = value;
    bestTokens[local] = token;
    workgroupBarrier();
    for (var step = ${rowGroupSize / 2}u; step > 0u; step /= 2u) {
      if (local < step) {
        let other = bestValues[local + step];
        let otherToken = bestTokens[local + step];
        if (other > bestValues[local] || (other == bestValues[local] && otherToken < bestTokens[local])) {
          bestValues[local] = other;
          bestTokens[local] = otherToken;
        }
      }
      workgroupBarrier();
    }
    lastValue = bestValues[0];
    lastToken = bestTokens[0];
    if (local == 0u) {
      let isFound = lastToken < given.vocabSize;
      logProbs[row * given.listed + round] = select(bitcast<f32>(given.minusInfinity), lastValue - logSumExp, isFound);
      tokens[row * given.listed + round] = select(-1, i32(lastToken), isFound);
    }
    workgroupBarrier();
  }
}`,
          outputs: { logProbs, tokens, endLogProbs },
          inputs: { logits },
          integers: {
            first,
            count,
            vocabSize,
            listed,
            endToken,
            minusInfinity: 0xff800000,
            ...Object.fromEntries(excluded.map((token, i) => [`excluded${i}`, token])),
          },
          groups: count,
          groupSize: rowGroupSize,
        });
        backend.disposeData(logits.dataId);
      }
      return [logProbs, tokens, endLogProbs];
    },
  );

  registerGpuKernel<{ x: TensorInfo }, object>(rowLogSumExpKernel, ({ x: logits }) => {
    const [rows, vocabSize] = logits.shape;
    const logSumExp = backend.makeTensorInfo([rows], 'float32');
    runProgram(backend, {
      key: rowLogSumExpKernel,
      code: () => `${rowReductions}
${entryPoint(rowGroupSize)}
  if (index >= given.rows) { return; }
  let first = index * given.vocabSize;
${largestAndSumCode}
  if (local == 0u) { logSumExp[index] = largest + log(sum); }
}`,
      outputs: { logSumExp },
      inputs: { logits },
      integers: { rows, vocabSize },
      groups: rows,
      groupSize: rowGroupSize,
    });
    return logSumExp;
  });
}
