// Label-smoothed cross-entropy of hidden · embeddingᵀ over blocks of rows: the logits of one block are made, turned
// into the loss and, in place, into their gradient, and used up before the next block. Rows whose target is a pad cost
// nothing.
import { gemmPacked, gemmScratchBytes, packB, packedBytes } from './gemm.as';
import { at, exp1, exp4, log, maxLanes, sumLanes } from './simd.as';

/** Enough rows that adding a block's product to dEmbedding is cheap compared with computing it. */
const blockSize: i32 = 120;

/** The first position whose target is neither a token id nor a pad, or -1. */
export function firstBadTarget(rows: i32, vocabSize: i32, padId: i32, targets: usize): i32 {
  for (let n = 0; n < rows; n++) {
    const target = load<i32>(at(targets, n));
    if (target != padId && <u32>target >= <u32>vocabSize) return n;
  }
  return -1;
}

/** The probability that label smoothing gives each wrong token; 0 without smoothing. */
// @ts-ignore: decorator
@inline
function shareOfWrongToken(labelSmoothing: f64, vocabSize: i32): f64 {
  return vocabSize > 1 ? labelSmoothing / <f64>(vocabSize - 1) : 0;
}

/** Bytes of scratch for crossEntropy. */
export function crossEntropyScratchBytes(vocabSize: i32, d: i32): f64 {
  return <f64>gemmScratchBytes() + packedBytes(d, vocabSize) + packedBytes(vocabSize, d) + packedBytes(blockSize, d) + 4 * <f64>blockSize * (<f64>vocabSize + 2 * <f64>d + 1);
}

/**
 * @param losses two float64: receives the smoothed and the plain sum
 * @param dHidden, dEmbedding receive the gradients of the smoothed sum; 0: computes no gradients
 */
export function crossEntropy(rows: i32, vocabSize: i32, d: i32, hidden: usize, embedding: usize, targets: usize, labelSmoothing: f64, padId: i32,
  losses: usize, dHidden: usize, dEmbedding: usize, scratch: usize): void {
  const packedForLogits = scratch + gemmScratchBytes();
  const packedForHidden = packedForLogits + <usize>packedBytes(d, vocabSize);
  const packedHidden = packedForHidden + <usize>packedBytes(vocabSize, d);
  const logits = packedHidden + <usize>packedBytes(blockSize, d);
  const blockHidden = at(logits, blockSize * vocabSize);
  const blockGradient = at(blockHidden, blockSize * d);
  const blockRows = at(blockGradient, blockSize * d);
  const rowBytes = <usize>d << 2;

  packB(d, vocabSize, embedding, 1, d, packedForLogits);
  if (dHidden != 0) {
    packB(vocabSize, d, embedding, d, 1, packedForHidden);
    memory.fill(dHidden, 0, <usize>rows * rowBytes);
    memory.fill(dEmbedding, 0, <usize>vocabSize * rowBytes);
  }
  const perWrongToken = shareOfWrongToken(labelSmoothing, vocabSize);
  const onTarget = 1 - labelSmoothing - perWrongToken;
  let lossSum: f64 = 0;
  let nllSum: f64 = 0;
  let n = 0;
  while (n < rows) {
    let count = 0;
    for (; n < rows && count < blockSize; n++) {
      if (load<i32>(at(targets, n)) == padId) continue;
      memory.copy(at(blockHidden, count * d), at(hidden, n * d), rowBytes);
      store<i32>(at(blockRows, count), n);
      count++;
    }
    if (count == 0) break;
    gemmPacked(count, vocabSize, d, blockHidden, d, 1, packedForLogits, logits, vocabSize, 0, false, false, scratch);
    for (let r = 0; r < count; r++) {
      const row = at(logits, r * vocabSize);
      const target = load<i32>(at(targets, load<i32>(at(blockRows, r))));
      const targetLogit = <f64>load<f32>(at(row, target));
      const logitSum = labelSmoothing > 0 ? rowSum(row, vocabSize) : 0;
      const largest = rowMax(row, vocabSize);
      const expSum = expRow(row, vocabSize, largest);
      const logSumExp = <f64>largest + log(expSum);
      const nll = logSumExp - targetLogit;
      nllSum += nll;
      lossSum += onTarget * nll + perWrongToken * (<f64>vocabSize * logSumExp - logitSum);
      if (dHidden != 0) {
        // The gradient of the smoothed loss is p - perWrongToken, and for the target onTarget less.
        scaleAndShift(row, vocabSize, <f32>(1 / expSum), <f32>perWrongToken);
        store<f32>(at(row, target), load<f32>(at(row, target)) - <f32>onTarget);
      }
    }
    if (dHidden != 0) {
      gemmPacked(count, d, vocabSize, logits, vocabSize, 1, packedForHidden, blockGradient, d, 0, false, false, scratch);
      for (let r = 0; r < count; r++) memory.copy(at(dHidden, load<i32>(at(blockRows, r)) * d), at(blockGradient, r * d), rowBytes);
      packB(count, d, blockHidden, d, 1, packedHidden);
      gemmPacked(vocabSize, d, count, logits, 1, vocabSize, packedHidden, dEmbedding, d, 0, true, false, scratch);
    }
  }
  store<f64>(losses, lossSum);
  store<f64>(losses + 8, nllSum);
}

/** Bytes of scratch for crossEntropyHessian. */
export function crossEntropyHessianScratchBytes(vocabSize: i32, d: i32): f64 {
  return <f64>gemmScratchBytes() + 2 * packedBytes(d, vocabSize) + 2 * packedBytes(vocabSize, d) + packedBytes(blockSize, d) + 4 * <f64>blockSize * (2 * <f64>vocabSize + 3 * <f64>d + 1);
}

/**
 * The gradient of sum(uHidden * gHidden) + sum(uEmbedding * gEmbedding), where gHidden and gEmbedding are
 * crossEntropy's gradients: the product of the loss's Hessian with (uHidden, uEmbedding).
 *
 * With G = p - constants the gradient of the logits, gHidden = G E and gEmbedding = Gᵀ h. So the sum is that of G * W
 * with W = uHidden Eᵀ + h uEmbeddingᵀ; through G it has the gradient R = p * (W - sum(p W)) for the logits.
 */
export function crossEntropyHessian(rows: i32, vocabSize: i32, d: i32, hidden: usize, embedding: usize, targets: usize, uHidden: usize, uEmbedding: usize,
  labelSmoothing: f64, padId: i32, dHidden: usize, dEmbedding: usize, scratch: usize): void {
  const packedEmbeddingT = scratch + gemmScratchBytes();
  const packedUEmbeddingT = packedEmbeddingT + <usize>packedBytes(d, vocabSize);
  const packedEmbedding = packedUEmbeddingT + <usize>packedBytes(d, vocabSize);
  const packedUEmbedding = packedEmbedding + <usize>packedBytes(vocabSize, d);
  const packedBlock = packedUEmbedding + <usize>packedBytes(vocabSize, d);
  const logits = packedBlock + <usize>packedBytes(blockSize, d);
  const weights = at(logits, blockSize * vocabSize);
  const blockHidden = at(weights, blockSize * vocabSize);
  const blockUHidden = at(blockHidden, blockSize * d);
  const blockGradient = at(blockUHidden, blockSize * d);
  const blockRows = at(blockGradient, blockSize * d);
  const rowBytes = <usize>d << 2;

  packB(d, vocabSize, embedding, 1, d, packedEmbeddingT);
  packB(d, vocabSize, uEmbedding, 1, d, packedUEmbeddingT);
  packB(vocabSize, d, embedding, d, 1, packedEmbedding);
  packB(vocabSize, d, uEmbedding, d, 1, packedUEmbedding);
  memory.fill(dHidden, 0, <usize>rows * rowBytes);
  memory.fill(dEmbedding, 0, <usize>vocabSize * rowBytes);
  const perWrongToken = shareOfWrongToken(labelSmoothing, vocabSize);
  const onTarget = 1 - labelSmoothing - perWrongToken;
  let n = 0;
  while (n < rows) {
    let count = 0;
    for (; n < rows && count < blockSize; n++) {
      if (load<i32>(at(targets, n)) == padId) continue;
      memory.copy(at(blockHidden, count * d), at(hidden, n * d), rowBytes);
      memory.copy(at(blockUHidden, count * d), at(uHidden, n * d), rowBytes);
      store<i32>(at(blockRows, count), n);
      count++;
    }
    if (count == 0) break;
    gemmPacked(count, vocabSize, d, blockHidden, d, 1, packedEmbeddingT, logits, vocabSize, 0, false, false, scratch);
    gemmPacked(count, vocabSize, d, blockUHidden, d, 1, packedEmbeddingT, weights, vocabSize, 0, false, false, scratch);
    gemmPacked(count, vocabSize, d, blockHidden, d, 1, packedUEmbeddingT, weights, vocabSize, 0, true, false, scratch);
    for (let r = 0; r < count; r++) {
      const row = at(logits, r * vocabSize);
      const target = load<i32>(at(targets, load<i32>(at(blockRows, r))));
      const expSum = expRow(row, vocabSize, rowMax(row, vocabSize));
      secondOrderRow(row, at(weights, r * vocabSize), vocabSize, <f32>(1 / expSum), <f32>perWrongToken);
      store<f32>(at(row, target), load<f32>(at(row, target)) - <f32>onTarget);
    }
    // Now logits hold G and weights hold R.
    gemmPacked(count, d, vocabSize, weights, vocabSize, 1, packedEmbedding, blockGradient, d, 0, false, false, scratch);
    gemmPacked(count, d, vocabSize, logits, vocabSize, 1, packedUEmbedding, blockGradient, d, 0, true, false, scratch);
    for (let r = 0; r < count; r++) memory.copy(at(dHidden, load<i32>(at(blockRows, r)) * d), at(blockGradient, r * d), rowBytes);
    packB(count, d, blockHidden, d, 1, packedBlock);
    gemmPacked(vocabSize, d, count, weights, 1, vocabSize, packedBlock, dEmbedding, d, 0, true, false, scratch);
    packB(count, d, blockUHidden, d, 1, packedBlock);
    gemmPacked(vocabSize, d, count, logits, 1, vocabSize, packedBlock, dEmbedding, d, 0, true, false, scratch);
  }
}

/**
 * From exponentials and W: exponentials become p - shift, W becomes p * (W - sum(p W)), with p = exponential * factor.
 */
function secondOrderRow(exponentials: usize, weights: usize, count: i32, factor: f32, shift: f32): void {
  let total: f64 = 0;
  for (let start = 0; start < count; start += piece) {
    const end = min(count, start + piece);
    let sums = f32x4.splat(0);
    let i = start;
    for (; i + 4 <= end; i += 4) sums = f32x4.add(sums, f32x4.mul(v128.load(at(exponentials, i)), v128.load(at(weights, i))));
    total += sumLanes(sums);
    for (; i < end; i++) total += load<f32>(at(exponentials, i)) * load<f32>(at(weights, i));
  }
  const mean = <f32>(total * <f64>factor);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const p = f32x4.mul(v128.load(at(exponentials, i)), f32x4.splat(factor));
    v128.store(at(weights, i), f32x4.mul(p, f32x4.sub(v128.load(at(weights, i)), f32x4.splat(mean))));
    v128.store(at(exponentials, i), f32x4.sub(p, f32x4.splat(shift)));
  }
  for (; i < count; i++) {
    const p = load<f32>(at(exponentials, i)) * factor;
    store<f32>(at(weights, i), p * (load<f32>(at(weights, i)) - mean));
    store<f32>(at(exponentials, i), p - shift);
  }
}

function rowMax(row: usize, count: i32): f32 {
  let largests = f32x4.splat(-Infinity);
  let i = 0;
  for (; i + 4 <= count; i += 4) largests = f32x4.max(largests, v128.load(at(row, i)));
  let largest = maxLanes(largests);
  for (; i < count; i++) largest = max(largest, load<f32>(at(row, i)));
  return largest;
}

/** Sums of a long row in pieces of 256, added up in float64: a plain float32 sum would lose digits of the loss. */
const piece: i32 = 256;

function rowSum(row: usize, count: i32): f64 {
  let total: f64 = 0;
  for (let start = 0; start < count; start += piece) {
    const end = min(count, start + piece);
    let sums = f32x4.splat(0);
    let i = start;
    for (; i + 4 <= end; i += 4) sums = f32x4.add(sums, v128.load(at(row, i)));
    total += sumLanes(sums);
    for (; i < end; i++) total += load<f32>(at(row, i));
  }
  return total;
}

/** row = exp(row - largest); returns the sum. */
function expRow(row: usize, count: i32, largest: f32): f64 {
  const largests = f32x4.splat(largest);
  let total: f64 = 0;
  for (let start = 0; start < count; start += piece) {
    const end = min(count, start + piece);
    let sums = f32x4.splat(0);
    let i = start;
    for (; i + 4 <= end; i += 4) {
      const e = exp4(f32x4.sub(v128.load(at(row, i)), largests));
      v128.store(at(row, i), e);
      sums = f32x4.add(sums, e);
    }
    total += sumLanes(sums);
    for (; i < end; i++) {
      const e = exp1(load<f32>(at(row, i)) - largest);
      store<f32>(at(row, i), e);
      total += e;
    }
  }
  return total;
}

/** out [rows] = the logarithm of the sum of each row's exponentials. */
export function rowLogSumExp(rows: i32, columns: i32, x: usize, out: usize): void {
  for (let n = 0; n < rows; n++) {
    const row = at(x, n * columns);
    const largest = rowMax(row, columns);
    store<f32>(at(out, n), <f32>(<f64>largest + log(sumOfExps(row, columns, largest))));
  }
}

/** The sum of exp(row - largest). */
function sumOfExps(row: usize, count: i32, largest: f32): f64 {
  const largests = f32x4.splat(largest);
  let total: f64 = 0;
  for (let start = 0; start < count; start += piece) {
    const end = min(count, start + piece);
    let sums = f32x4.splat(0);
    let i = start;
    for (; i + 4 <= end; i += 4) sums = f32x4.add(sums, exp4(f32x4.sub(v128.load(at(row, i)), largests)));
    total += sumLanes(sums);
    for (; i < end; i++) total += exp1(load<f32>(at(row, i)) - largest);
  }
  return total;
}

/** row = row * factor - shift */
function scaleAndShift(row: usize, count: i32, factor: f32, shift: f32): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(at(row, i), f32x4.sub(f32x4.mul(v128.load(at(row, i)), f32x4.splat(factor)), f32x4.splat(shift)));
  for (; i < count; i++) store<f32>(at(row, i), load<f32>(at(row, i)) * factor - shift);
}
