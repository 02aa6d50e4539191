// Passes over whole tensors.
import { at, exp1, exp4 } from './simd.as';

/** out = a + b. */
export function addArrays(count: i32, a: usize, b: usize, out: usize): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(at(out, i), f32x4.add(v128.load(at(a, i)), v128.load(at(b, i))));
  for (; i < count; i++) store<f32>(at(out, i), load<f32>(at(a, i)) + load<f32>(at(b, i)));
}

/** out = y > 0 ? dy * scale : 0, the gradient of dropout(relu(.)) with result y. */
export function reluGrad(count: i32, dy: usize, y: usize, scale: f32, out: usize): void {
  const scales = f32x4.splat(scale);
  const zero = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    v128.store(at(out, i), v128.and(f32x4.mul(v128.load(at(dy, i)), scales), f32x4.gt(v128.load(at(y, i)), zero)));
  }
  for (; i < count; i++) store<f32>(at(out, i), load<f32>(at(y, i)) > 0 ? load<f32>(at(dy, i)) * scale : 0);
}

/** out [columns] = the sum of the rows of x [rows, columns]. */
export function columnSums(rows: i32, columns: i32, x: usize, out: usize): void {
  memory.fill(out, 0, (<usize>columns) << 2);
  for (let n = 0; n < rows; n++) {
    let i = 0;
    for (; i + 4 <= columns; i += 4) v128.store(at(out, i), f32x4.add(v128.load(at(out, i)), v128.load(at(x, i))));
    for (; i < columns; i++) store<f32>(at(out, i), load<f32>(at(out, i)) + load<f32>(at(x, i)));
    x = at(x, columns);
  }
}

/** out = 1 where x > 0, -1 where x < 0, else 0 */
export function signArray(count: i32, x: usize, out: usize): void {
  const zero = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const value = v128.load(at(x, i));
    const positive = v128.and(f32x4.gt(value, zero), f32x4.splat(1));
    v128.store(at(out, i), v128.or(positive, v128.and(f32x4.lt(value, zero), f32x4.splat(-1))));
  }
  for (; i < count; i++) {
    const value = load<f32>(at(x, i));
    store<f32>(at(out, i), value > 0 ? 1 : value < 0 ? -1 : 0);
  }
}

/** out = e to the power of x. */
export function expArray(count: i32, x: usize, out: usize): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(at(out, i), exp4(v128.load(at(x, i))));
  for (; i < count; i++) store<f32>(at(out, i), exp1(load<f32>(at(x, i))));
}

/** out [outer, times, size]: each of the `outer` blocks of x [outer, size], repeated `times` times. */
export function repeatBlocks(outer: i32, size: i32, times: i32, x: usize, out: usize): void {
  for (let n = 0; n < outer; n++) {
    const from = at(x, n * size);
    if (size == 1) {
      const value = load<f32>(from);
      const values = f32x4.splat(value);
      let i = 0;
      for (; i + 4 <= times; i += 4) v128.store(at(out, i), values);
      for (; i < times; i++) store<f32>(at(out, i), value);
      out = at(out, times);
    } else {
      for (let t = 0; t < times; t++) {
        memory.copy(out, from, (<usize>size) << 2);
        out = at(out, size);
      }
    }
  }
}
