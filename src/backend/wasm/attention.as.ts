// Multi-head attention, one sentence and head at a time. Masked keys are never visited, and the backward pass makes the
// probabilities again from the saved logSumExp, so that nothing of size [B, H, T, S] is held.
import { dropoutSpan } from './dropout.as';
import { gemmPacked, packB, packedBytes, gemmScratchBytes } from './gemm.as';
import { at, exp1, exp4, log, maxLanes, sumLanes } from './simd.as';

/** Bytes of scratch for attention and attentionGrad. */
export function attentionScratchBytes(queryLength: i32, keyLength: i32, dHead: i32): f64 {
  const longest = max(queryLength, keyLength);
  const packed = max(packedBytes(dHead, longest), packedBytes(longest, dHead));
  return <f64>gemmScratchBytes() + packed + 12 * <f64>queryLength * <f64>keyLength;
}

// @ts-ignore: decorator
@inline
function visibleKeys(keyLengths: usize, b: i32, keyLength: i32): i32 {
  return max(1, min(keyLength, load<i32>(at(keyLengths, b))));
}

/** scores [T, count] = q kᵀ for one head, rows keyLength floats apart. */
// @ts-ignore: decorator
@inline
function headScores(queryLength: i32, keyLength: i32, count: i32, d: i32, dHead: i32, q: usize, k: usize, scores: usize, packed: usize, scratch: usize): void {
  packB(dHead, count, k, 1, d, packed);
  gemmPacked(queryLength, count, dHead, q, d, 1, packed, scores, keyLength, 0, false, false, scratch);
}

export function attention(batch: i32, queryLength: i32, keyLength: i32, numHeads: i32, dHead: i32, causal: bool, q: usize, k: usize, v: usize, keyLengths: usize,
  out: usize, logSumExp: usize, hasDropout: bool, threshold: u32, dropoutScale: f32, key0: u32, key1: u32, site: u32, step: u32, microBatch: u32, scratch: usize): void {
  const d = numHeads * dHead;
  const scale: f32 = 1 / sqrt<f32>(<f32>dHead);
  const scores = scratch + gemmScratchBytes();
  const packed = at(scores, queryLength * keyLength);
  for (let b = 0; b < batch; b++) {
    const visible = visibleKeys(keyLengths, b, keyLength);
    for (let h = 0; h < numHeads; h++) {
      const queryStart = b * queryLength * d + h * dHead;
      const keyStart = b * keyLength * d + h * dHead;
      const head = b * numHeads + h;
      headScores(queryLength, keyLength, visible, d, dHead, at(q, queryStart), at(k, keyStart), scores, packed, scratch);
      for (let t = 0; t < queryLength; t++) {
        const row = at(scores, t * keyLength);
        const count = causal ? min(visible, t + 1) : visible;
        store<f32>(at(logSumExp, head * queryLength + t), softmaxRow(row, count, scale));
        for (let s = count; s < visible; s++) store<f32>(at(row, s), 0);
        if (hasDropout) dropoutSpan((head * queryLength + t) * keyLength, count, row, 0, row, threshold, dropoutScale, key0, key1, site, step, microBatch);
      }
      packB(visible, dHead, at(v, keyStart), d, 1, packed);
      gemmPacked(queryLength, dHead, visible, scores, keyLength, 1, packed, at(out, queryStart), d, 0, false, false, scratch);
    }
  }
}

/** Turns scores into probabilities of scale * score; returns their logSumExp. */
function softmaxRow(row: usize, count: i32, scale: f32): f32 {
  let largests = f32x4.splat(-Infinity);
  let s = 0;
  for (; s + 4 <= count; s += 4) largests = f32x4.max(largests, v128.load(at(row, s)));
  let largest = maxLanes(largests);
  for (; s < count; s++) largest = max(largest, load<f32>(at(row, s)));
  const offset = largest * scale;
  let sums = f32x4.splat(0);
  for (s = 0; s + 4 <= count; s += 4) {
    const e = exp4(f32x4.sub(f32x4.mul(v128.load(at(row, s)), f32x4.splat(scale)), f32x4.splat(offset)));
    v128.store(at(row, s), e);
    sums = f32x4.add(sums, e);
  }
  let sum = sumLanes(sums);
  for (; s < count; s++) {
    const e = exp1(load<f32>(at(row, s)) * scale - offset);
    store<f32>(at(row, s), e);
    sum += e;
  }
  const inverse: f32 = 1 / sum;
  for (s = 0; s + 4 <= count; s += 4) v128.store(at(row, s), f32x4.mul(v128.load(at(row, s)), f32x4.splat(inverse)));
  for (; s < count; s++) store<f32>(at(row, s), load<f32>(at(row, s)) * inverse);
  return offset + <f32>log(sum);
}

export function attentionGrad(batch: i32, queryLength: i32, keyLength: i32, numHeads: i32, dHead: i32, causal: bool, dy: usize, q: usize, k: usize, v: usize, keyLengths: usize,
  out: usize, logSumExp: usize, dq: usize, dk: usize, dv: usize, hasDropout: bool, threshold: u32, dropoutScale: f32, key0: u32, key1: u32, site: u32, step: u32, microBatch: u32, scratch: usize): void {
  const d = numHeads * dHead;
  const scale: f32 = 1 / sqrt<f32>(<f32>dHead);
  const probabilities = scratch + gemmScratchBytes();
  const dropped = at(probabilities, queryLength * keyLength);
  const gradients = at(dropped, queryLength * keyLength);
  const packed = at(gradients, queryLength * keyLength);
  for (let b = 0; b < batch; b++) {
    const visible = visibleKeys(keyLengths, b, keyLength);
    const hiddenBytes = <usize>((keyLength - visible) * d) << 2;
    memory.fill(at(dk, (b * keyLength + visible) * d), 0, hiddenBytes);
    memory.fill(at(dv, (b * keyLength + visible) * d), 0, hiddenBytes);
    for (let h = 0; h < numHeads; h++) {
      const queryStart = b * queryLength * d + h * dHead;
      const keyStart = b * keyLength * d + h * dHead;
      const head = b * numHeads + h;
      headScores(queryLength, keyLength, visible, d, dHead, at(q, queryStart), at(k, keyStart), probabilities, packed, scratch);
      // Gradient of the probabilities: dy vᵀ.
      headScores(queryLength, keyLength, visible, d, dHead, at(dy, queryStart), at(v, keyStart), gradients, packed, scratch);
      const used = hasDropout ? dropped : probabilities;
      for (let t = 0; t < queryLength; t++) {
        const row = at(probabilities, t * keyLength);
        const gradientRow = at(gradients, t * keyLength);
        const count = causal ? min(visible, t + 1) : visible;
        const offset = load<f32>(at(logSumExp, head * queryLength + t));
        probabilityRow(row, count, scale, offset);
        for (let s = count; s < visible; s++) {
          store<f32>(at(row, s), 0);
          store<f32>(at(gradientRow, s), 0);
        }
        if (hasDropout) {
          const first = (head * queryLength + t) * keyLength;
          const droppedRow = at(dropped, t * keyLength);
          dropoutSpan(first, count, row, 0, droppedRow, threshold, dropoutScale, key0, key1, site, step, microBatch);
          for (let s = count; s < visible; s++) store<f32>(at(droppedRow, s), 0);
          dropoutSpan(first, count, gradientRow, 0, gradientRow, threshold, dropoutScale, key0, key1, site, step, microBatch);
        }
        // sum_s p_s dp_s equals dy · out, dropout included.
        scoreGradientRow(row, gradientRow, count, scale, dot(at(dy, queryStart + t * d), at(out, queryStart + t * d), dHead));
      }
      packB(queryLength, dHead, at(dy, queryStart), d, 1, packed);
      gemmPacked(visible, dHead, queryLength, used, 1, keyLength, packed, at(dv, keyStart), d, 0, false, false, scratch);
      packB(queryLength, dHead, at(q, queryStart), d, 1, packed);
      gemmPacked(visible, dHead, queryLength, gradients, 1, keyLength, packed, at(dk, keyStart), d, 0, false, false, scratch);
      packB(visible, dHead, at(k, keyStart), d, 1, packed);
      gemmPacked(queryLength, dHead, visible, gradients, keyLength, 1, packed, at(dq, queryStart), d, 0, false, false, scratch);
    }
  }
}

function dot(a: usize, b: usize, count: i32): f32 {
  let sums = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= count; i += 4) sums = f32x4.add(sums, f32x4.mul(v128.load(at(a, i)), v128.load(at(b, i))));
  let sum = sumLanes(sums);
  for (; i < count; i++) sum += load<f32>(at(a, i)) * load<f32>(at(b, i));
  return sum;
}

/** row = exp(scale * row - logSumExp) */
function probabilityRow(row: usize, count: i32, scale: f32, logSumExp: f32): void {
  let s = 0;
  for (; s + 4 <= count; s += 4) v128.store(at(row, s), exp4(f32x4.sub(f32x4.mul(v128.load(at(row, s)), f32x4.splat(scale)), f32x4.splat(logSumExp))));
  for (; s < count; s++) store<f32>(at(row, s), exp1(load<f32>(at(row, s)) * scale - logSumExp));
}

/** gradient = p (gradient - mean) scale, where mean is sum(p gradient): softmax's gradient, of the unscaled scores. */
function scoreGradientRow(p: usize, gradient: usize, count: i32, scale: f32, mean: f32): void {
  let s = 0;
  for (; s + 4 <= count; s += 4) {
    const centred = f32x4.sub(v128.load(at(gradient, s)), f32x4.splat(mean));
    v128.store(at(gradient, s), f32x4.mul(f32x4.mul(v128.load(at(p, s)), centred), f32x4.splat(scale)));
  }
  for (; s < count; s++) store<f32>(at(gradient, s), load<f32>(at(p, s)) * (load<f32>(at(gradient, s)) - mean) * scale);
}
