// Passes over whole tensors: sums of columns, ReLU's gradient, additions.
import { at } from './simd.as';

/** out = a + b. */
export function addArrays(count: i32, a: usize, b: usize, out: usize): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(at(out, i), f32x4.add(v128.load(at(a, i)), v128.load(at(b, i))));
  for (; i < count; i++) store<f32>(at(out, i), load<f32>(at(a, i)) + load<f32>(at(b, i)));
}

/** out = a * factor. */
export function scaleArray(count: i32, a: usize, factor: f32, out: usize): void {
  const factors = f32x4.splat(factor);
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(at(out, i), f32x4.mul(v128.load(at(a, i)), factors));
  for (; i < count; i++) store<f32>(at(out, i), load<f32>(at(a, i)) * factor);
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
  memory.fill(out, 0, <usize>columns << 2);
  for (let n = 0; n < rows; n++) {
    let i = 0;
    for (; i + 4 <= columns; i += 4) v128.store(at(out, i), f32x4.add(v128.load(at(out, i)), v128.load(at(x, i))));
    for (; i < columns; i++) store<f32>(at(out, i), load<f32>(at(out, i)) + load<f32>(at(x, i)));
    x = at(x, columns);
  }
}
