import { at } from './simd.as';

/**
 * out [n, d] = scale * table[ids]; an id outside 0 … vocabSize - 1 gives zeros, and the first such position is returned
 * (else -1).
 */
export function embedTokens(count: i32, d: i32, vocabSize: i32, ids: usize, table: usize, scale: f32, out: usize): i32 {
  let firstBad = -1;
  for (let n = 0; n < count; n++) {
    const id = load<i32>(at(ids, n));
    const to = at(out, n * d);
    if (<u32>id >= <u32>vocabSize) {
      memory.fill(to, 0, (<usize>d) << 2);
      if (firstBad < 0) firstBad = n;
      continue;
    }
    const from = at(table, id * d);
    let i = 0;
    for (; i + 4 <= d; i += 4) v128.store(at(to, i), f32x4.mul(v128.load(at(from, i)), f32x4.splat(scale)));
    for (; i < d; i++) store<f32>(at(to, i), load<f32>(at(from, i)) * scale);
  }
  return firstBad;
}

/**
 * out [vocabSize, d] = scale * the sum of the rows of x [count, d] by id, in order; rows with skipId or an id out of
 * range are left out.
 */
export function sumRowsById(
  count: i32,
  d: i32,
  vocabSize: i32,
  ids: usize,
  x: usize,
  scale: f32,
  skipId: i32,
  out: usize,
): void {
  memory.fill(out, 0, (<usize>(vocabSize * d)) << 2);
  for (let n = 0; n < count; n++) {
    const id = load<i32>(at(ids, n));
    if (id == skipId || <u32>id >= <u32>vocabSize) continue;
    const from = at(x, n * d);
    const to = at(out, id * d);
    let i = 0;
    for (; i + 4 <= d; i += 4)
      v128.store(at(to, i), f32x4.add(v128.load(at(to, i)), f32x4.mul(v128.load(at(from, i)), f32x4.splat(scale))));
    for (; i < d; i++) store<f32>(at(to, i), load<f32>(at(to, i)) + load<f32>(at(from, i)) * scale);
  }
}
