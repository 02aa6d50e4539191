import { at, sumLanes } from './simd.as';

export function adamStep(
  count: i32,
  p: usize,
  g: usize,
  m: usize,
  v: usize,
  newP: usize,
  newM: usize,
  newV: usize,
  beta1: f32,
  beta2: f32,
  oneMinusBeta1: f32,
  oneMinusBeta2: f32,
  eps: f32,
  keep: f32,
  stepSize: f32,
  gradientScale: f32,
): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const gradient = f32x4.mul(v128.load(at(g, i)), f32x4.splat(gradientScale));
    const first = f32x4.add(
      f32x4.mul(v128.load(at(m, i)), f32x4.splat(beta1)),
      f32x4.mul(gradient, f32x4.splat(oneMinusBeta1)),
    );
    const second = f32x4.add(
      f32x4.mul(v128.load(at(v, i)), f32x4.splat(beta2)),
      f32x4.mul(f32x4.mul(gradient, gradient), f32x4.splat(oneMinusBeta2)),
    );
    const change = f32x4.mul(f32x4.div(first, f32x4.add(f32x4.sqrt(second), f32x4.splat(eps))), f32x4.splat(stepSize));
    v128.store(at(newP, i), f32x4.sub(f32x4.mul(v128.load(at(p, i)), f32x4.splat(keep)), change));
    v128.store(at(newM, i), first);
    v128.store(at(newV, i), second);
  }
  for (; i < count; i++) {
    const gradient = load<f32>(at(g, i)) * gradientScale;
    const first = load<f32>(at(m, i)) * beta1 + gradient * oneMinusBeta1;
    const second = load<f32>(at(v, i)) * beta2 + gradient * gradient * oneMinusBeta2;
    store<f32>(at(newP, i), load<f32>(at(p, i)) * keep - (first / (sqrt<f32>(second) + eps)) * stepSize);
    store<f32>(at(newM, i), first);
    store<f32>(at(newV, i), second);
  }
}

/** @param buffer old momentum buffer, or 0 at the first update; @param newBuffer 0: no momentum */
export function sgdStep(
  count: i32,
  p: usize,
  g: usize,
  buffer: usize,
  newP: usize,
  newBuffer: usize,
  lr: f32,
  momentum: f32,
  nesterov: bool,
  weightDecay: f32,
  gradientScale: f32,
): void {
  for (let i = 0; i < count; i++) {
    const parameter = load<f32>(at(p, i));
    const gradient = load<f32>(at(g, i)) * gradientScale + parameter * weightDecay;
    let direction = gradient;
    if (newBuffer != 0) {
      const velocity = buffer != 0 ? load<f32>(at(buffer, i)) * momentum + gradient : gradient;
      store<f32>(at(newBuffer, i), velocity);
      direction = nesterov ? gradient + velocity * momentum : velocity;
    }
    store<f32>(at(newP, i), parameter - direction * lr);
  }
}

/** The sums of the squares of blocks of elements, the last of which may be smaller. */
export function squaredNorms(count: i32, x: usize, block: i32, sums: usize): void {
  for (let start = 0, b = 0; start < count; start += block, b++)
    store<f32>(at(sums, b), f32(squaredNorm(min(block, count - start), at(x, start))));
}

/** The sum of all squares: pieces of 256 in float32, added up in float64. */
function squaredNorm(count: i32, x: usize): f64 {
  let total: f64 = 0;
  for (let start = 0; start < count; start += 256) {
    const end = min(count, start + 256);
    let sums = f32x4.splat(0);
    let i = start;
    for (; i + 4 <= end; i += 4) {
      const value = v128.load(at(x, i));
      sums = f32x4.add(sums, f32x4.mul(value, value));
    }
    total += sumLanes(sums);
    for (; i < end; i++) {
      const value = load<f32>(at(x, i));
      total += value * value;
    }
  }
  return total;
}
