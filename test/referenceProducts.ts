/** Smooth values without a pattern, of both signs. */
export const values = (size: number, phase: number, scale = 1): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => scale * Math.sin(1 + phase + i * 1.7 + 0.01 * (i % 97)));
/** a [rows, inner] times b [inner, columns], both given by (row, column), in float64. */
export function product(
  rows: number,
  inner: number,
  columns: number,
  a: (r: number, i: number) => number,
  b: (i: number, c: number) => number,
): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++)
    for (let i = 0; i < inner; i++) for (let c = 0; c < columns; c++) out[r * columns + c] += a(r, i) * b(i, c);
  return out;
}

/** |found - expected| / |expected| */
export function relativeError(found: ArrayLike<number>, expected: Float64Array): number {
  let error = 0;
  let size = 0;
  expected.forEach((value, i) => {
    error += (found[i] - value) ** 2;
    size += value ** 2;
  });
  return Math.sqrt(error / size);
}
