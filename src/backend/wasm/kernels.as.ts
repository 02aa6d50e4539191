// The compiled kernels that coldstart adds to tfjs's wasm backend. The module imports that backend's memory and owns
// none: it has no static data and no heap, and works on the addresses it is given.
export { attention, attentionGrad, attentionScratchBytes } from './attention.as';
export {
  crossEntropy,
  crossEntropyHessian,
  crossEntropyHessianScratchBytes,
  crossEntropyScratchBytes,
  firstBadTarget,
  rowLogSumExp,
} from './crossEntropy.as';
export { dropoutSpan } from './dropout.as';
export { addArrays, columnSums, expArray, reluGrad, repeatBlocks, signArray } from './elementwise.as';
export { embedTokens, sumRowsById } from './embedding.as';
export { gemmPacked, gemmScratchBytes, multiplyBatch, packB, packedBytes } from './gemm.as';
export { layerNorm, layerNormGrad } from './layerNorm.as';
export { adamStep, sgdStep, squaredNorms } from './optimizer.as';
