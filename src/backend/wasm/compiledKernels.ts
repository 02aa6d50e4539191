/** Byte address in the memory of tfjs's wasm module; 0 for an absent argument. */
type Address = number;
/** A dropout draw as the kernels take it, see dropoutArguments; scale 1 and threshold 0 keep everything. */
export type DropoutArguments = [
  threshold: number,
  scale: number,
  key0: number,
  key1: number,
  site: number,
  step: number,
  microBatch: number,
];

/** The functions of kernels.as.ts, documented in their files. Counts are in elements, strides in floats. */
export interface CompiledKernels {
  addArrays(count: number, a: Address, b: Address, out: Address): void;
  expArray(count: number, x: Address, out: Address): void;
  signArray(count: number, x: Address, out: Address): void;
  repeatBlocks(outer: number, size: number, times: number, x: Address, out: Address): void;
  reluGrad(count: number, dy: Address, y: Address, scale: number, out: Address): void;
  columnSums(rows: number, columns: number, x: Address, out: Address): void;
  dropoutSpan(first: number, count: number, x: Address, base: Address, out: Address, ...draw: DropoutArguments): void;
  gemmScratchBytes(): number;
  packedBytes(depth: number, columns: number): number;
  packB(depth: number, columns: number, b: Address, rowStride: number, columnStride: number, packed: Address): void;
  gemmPacked(
    rows: number,
    columns: number,
    depth: number,
    a: Address,
    rowStride: number,
    columnStride: number,
    packed: Address,
    c: Address,
    cStride: number,
    bias: Address,
    accumulate: boolean,
    relu: boolean,
    scratch: Address,
  ): void;
  multiplyBatch(
    batch: number,
    rows: number,
    columns: number,
    depth: number,
    a: Address,
    aRow: number,
    aColumn: number,
    aBatch: number,
    b: Address,
    bRow: number,
    bColumn: number,
    bBatch: number,
    c: Address,
    scratch: Address,
  ): void;
  layerNorm(
    rows: number,
    d: number,
    x: Address,
    gamma: Address,
    beta: Address,
    eps: number,
    y: Address,
    normalised: Address,
    rstd: Address,
  ): void;
  layerNormGrad(
    rows: number,
    d: number,
    dy: Address,
    normalised: Address,
    rstd: Address,
    gamma: Address,
    dSum: Address,
    dGamma: Address,
    dBeta: Address,
  ): void;
  attentionScratchBytes(queryLength: number, keyLength: number, dHead: number): number;
  attention(
    batch: number,
    queryLength: number,
    keyLength: number,
    numHeads: number,
    dHead: number,
    causal: boolean,
    q: Address,
    k: Address,
    v: Address,
    keyLengths: Address,
    out: Address,
    logSumExp: Address,
    hasDropout: boolean,
    ...drawAndScratch: [...DropoutArguments, scratch: Address]
  ): void;
  attentionGrad(
    batch: number,
    queryLength: number,
    keyLength: number,
    numHeads: number,
    dHead: number,
    causal: boolean,
    dy: Address,
    q: Address,
    k: Address,
    v: Address,
    keyLengths: Address,
    out: Address,
    logSumExp: Address,
    dq: Address,
    dk: Address,
    dv: Address,
    hasDropout: boolean,
    ...drawAndScratch: [...DropoutArguments, scratch: Address]
  ): void;
  crossEntropyScratchBytes(vocabSize: number, d: number): number;
  crossEntropy(
    rows: number,
    vocabSize: number,
    d: number,
    hidden: Address,
    embedding: Address,
    targets: Address,
    labelSmoothing: number,
    padId: number,
    losses: Address,
    dHidden: Address,
    dEmbedding: Address,
    scratch: Address,
  ): void;
  rowLogSumExp(rows: number, columns: number, x: Address, out: Address): void;
  firstBadTarget(rows: number, vocabSize: number, padId: number, targets: Address): number;
  crossEntropyHessianScratchBytes(vocabSize: number, d: number): number;
  crossEntropyHessian(
    rows: number,
    vocabSize: number,
    d: number,
    hidden: Address,
    embedding: Address,
    targets: Address,
    uHidden: Address,
    uEmbedding: Address,
    labelSmoothing: number,
    padId: number,
    dHidden: Address,
    dEmbedding: Address,
    scratch: Address,
  ): void;
  embedTokens(
    count: number,
    d: number,
    vocabSize: number,
    ids: Address,
    table: Address,
    scale: number,
    out: Address,
  ): number;
  sumRowsById(
    count: number,
    d: number,
    vocabSize: number,
    ids: Address,
    x: Address,
    scale: number,
    skipId: number,
    out: Address,
  ): void;
  adamStep(
    count: number,
    p: Address,
    g: Address,
    m: Address,
    v: Address,
    newP: Address,
    newM: Address,
    newV: Address,
    beta1: number,
    beta2: number,
    oneMinusBeta1: number,
    oneMinusBeta2: number,
    eps: number,
    keep: number,
    stepSize: number,
    gradientScale: number,
  ): void;
  sgdStep(
    count: number,
    p: Address,
    g: Address,
    buffer: Address,
    newP: Address,
    newBuffer: Address,
    lr: number,
    momentum: number,
    nesterov: boolean,
    weightDecay: number,
    gradientScale: number,
  ): void;
  squaredNorms(count: number, x: Address, block: number, sums: Address): void;
}

/** Instantiates kernels.wasm (built from kernels.as.ts) on the memory of tfjs's module. */
export async function instantiateKernels(
  bytes: Uint8Array<ArrayBuffer>,
  memory: WebAssembly.Memory,
): Promise<CompiledKernels> {
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory, log: Math.log } });
  return instance.exports as unknown as CompiledKernels;
}
