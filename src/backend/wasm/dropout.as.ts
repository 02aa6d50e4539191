// Philox4x32-10 dropout; bit for bit the twin in ops/dropout.ts.
import { at } from './simd.as';

/**
 * out[i] = base[i] + (kept ? x[i] * scale : 0) for i in 0 … count - 1, where element i of the span is element first + i
 * of the draw. Without base (0) nothing is added. out may be x or base.
 */
export function dropoutSpan(
  first: i32,
  count: i32,
  x: usize,
  base: usize,
  out: usize,
  threshold: u32,
  scale: f32,
  key0: u32,
  key1: u32,
  site: u32,
  step: u32,
  microBatch: u32,
): void {
  let i = 0;
  while (i < count) {
    const index = first + i;
    // One counter gives the words of four elements, aligned in the draw and not in the span.
    let c0: u32 = (<u32>index) >> 2,
      c1 = site,
      c2 = step,
      c3 = microBatch,
      k0 = key0,
      k1 = key1;
    for (let round = 0; round < 10; round++) {
      const product0 = <u64>c0 * 0xd2511f53;
      const product1 = <u64>c2 * 0xcd9e8d57;
      c0 = (<u32>(product1 >> 32)) ^ c1 ^ k0;
      c1 = <u32>product1;
      c2 = (<u32>(product0 >> 32)) ^ c3 ^ k1;
      c3 = <u32>product0;
      k0 += 0x9e3779b9;
      k1 += 0xbb67ae85;
    }
    const word = index & 3;
    if (word == 0 && i + 4 <= count) {
      let words = i32x4.splat(c0);
      words = i32x4.replace_lane(words, 1, c1);
      words = i32x4.replace_lane(words, 2, c2);
      words = i32x4.replace_lane(words, 3, c3);
      let kept = v128.and(
        f32x4.mul(v128.load(at(x, i)), f32x4.splat(scale)),
        v128.ge<u32>(words, i32x4.splat(threshold)),
      );
      if (base != 0) kept = f32x4.add(kept, v128.load(at(base, i)));
      v128.store(at(out, i), kept);
      i += 4;
    } else {
      for (let w = word; w < 4 && i < count; w++, i++) {
        const random = w == 0 ? c0 : w == 1 ? c1 : w == 2 ? c2 : c3;
        const kept: f32 = random >= threshold ? load<f32>(at(x, i)) * scale : 0;
        store<f32>(at(out, i), base != 0 ? load<f32>(at(base, i)) + kept : kept);
      }
    }
  }
}
