import { at, sumLanes } from './simd.as';

/**
 * y = normalised * gamma + beta with normalised = (x - mean) * rstd for every row of x [rows, d].
 * @param normalised may be x
 */
export function layerNorm(
  rows: i32,
  d: i32,
  x: usize,
  gamma: usize,
  beta: usize,
  eps: f32,
  y: usize,
  normalised: usize,
  rstd: usize,
): void {
  const inverse: f32 = 1 / <f32>d;
  for (let n = 0; n < rows; n++) {
    let total = f32x4.splat(0);
    let i = 0;
    for (; i + 4 <= d; i += 4) total = f32x4.add(total, v128.load(at(x, i)));
    let sum = sumLanes(total);
    for (; i < d; i++) sum += load<f32>(at(x, i));
    const mean = sum * inverse;

    const means = f32x4.splat(mean);
    let squares = f32x4.splat(0);
    for (i = 0; i + 4 <= d; i += 4) {
      const centred = f32x4.sub(v128.load(at(x, i)), means);
      squares = f32x4.add(squares, f32x4.mul(centred, centred));
    }
    let squareSum = sumLanes(squares);
    for (; i < d; i++) {
      const centred = load<f32>(at(x, i)) - mean;
      squareSum += centred * centred;
    }
    const scale: f32 = 1 / sqrt<f32>(squareSum * inverse + eps);
    store<f32>(at(rstd, n), scale);

    const scales = f32x4.splat(scale);
    for (i = 0; i + 4 <= d; i += 4) {
      const value = f32x4.mul(f32x4.sub(v128.load(at(x, i)), means), scales);
      v128.store(at(normalised, i), value);
      v128.store(at(y, i), f32x4.add(f32x4.mul(value, v128.load(at(gamma, i))), v128.load(at(beta, i))));
    }
    for (; i < d; i++) {
      const value = (load<f32>(at(x, i)) - mean) * scale;
      store<f32>(at(normalised, i), value);
      store<f32>(at(y, i), value * load<f32>(at(gamma, i)) + load<f32>(at(beta, i)));
    }
    x = at(x, d);
    y = at(y, d);
    normalised = at(normalised, d);
  }
}

/**
 * dSum = rstd (g - mean(g) - normalised mean(g normalised)) with g = dy gamma; dGamma = sum(dy normalised), dBeta =
 * sum(dy) over rows.
 */
export function layerNormGrad(
  rows: i32,
  d: i32,
  dy: usize,
  normalised: usize,
  rstd: usize,
  gamma: usize,
  dSum: usize,
  dGamma: usize,
  dBeta: usize,
): void {
  const inverse: f32 = 1 / <f32>d;
  memory.fill(dGamma, 0, (<usize>d) << 2);
  memory.fill(dBeta, 0, (<usize>d) << 2);
  for (let n = 0; n < rows; n++) {
    let sums = f32x4.splat(0);
    let products = f32x4.splat(0);
    let i = 0;
    for (; i + 4 <= d; i += 4) {
      const dys = v128.load(at(dy, i));
      const values = v128.load(at(normalised, i));
      const weighted = f32x4.mul(dys, values);
      v128.store(at(dGamma, i), f32x4.add(v128.load(at(dGamma, i)), weighted));
      v128.store(at(dBeta, i), f32x4.add(v128.load(at(dBeta, i)), dys));
      const gammas = v128.load(at(gamma, i));
      sums = f32x4.add(sums, f32x4.mul(dys, gammas));
      products = f32x4.add(products, f32x4.mul(weighted, gammas));
    }
    let sum = sumLanes(sums);
    let product = sumLanes(products);
    for (; i < d; i++) {
      const one = load<f32>(at(dy, i));
      const weighted = one * load<f32>(at(normalised, i));
      store<f32>(at(dGamma, i), load<f32>(at(dGamma, i)) + weighted);
      store<f32>(at(dBeta, i), load<f32>(at(dBeta, i)) + one);
      sum += one * load<f32>(at(gamma, i));
      product += weighted * load<f32>(at(gamma, i));
    }
    const mean = sum * inverse;
    const slope = product * inverse;
    const scale = load<f32>(at(rstd, n));
    for (i = 0; i + 4 <= d; i += 4) {
      const g = f32x4.mul(v128.load(at(dy, i)), v128.load(at(gamma, i)));
      const centred = f32x4.sub(
        f32x4.sub(g, f32x4.splat(mean)),
        f32x4.mul(v128.load(at(normalised, i)), f32x4.splat(slope)),
      );
      v128.store(at(dSum, i), f32x4.mul(centred, f32x4.splat(scale)));
    }
    for (; i < d; i++) {
      store<f32>(
        at(dSum, i),
        (load<f32>(at(dy, i)) * load<f32>(at(gamma, i)) - mean - load<f32>(at(normalised, i)) * slope) * scale,
      );
    }
    dy = at(dy, d);
    normalised = at(normalised, d);
    dSum = at(dSum, d);
  }
}
