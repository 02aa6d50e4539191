import { DataError } from '../errors.js';

/** @throws DataError naming the tensor and the value, for a value beyond the largest 16-bit float, 65504 */
export function checkFloat16(values: Float32Array, name: string): void {
  // 65520 is half way between the largest 16-bit float and what would come next
  const beyond = values.find((value) => !(Math.abs(value) < 65520));
  if (beyond !== undefined)
    throw new DataError(
      `tensor ${name} holds ${beyond}, and the largest 16-bit float is 65504. Export it with another --dtype.`,
    );
}

/**
 * Bits of the nearest 16-bit floats; ties go to even.
 * @param name of the tensor, for the message
 * @throws DataError for a value beyond the largest one, 65504
 */
export function toFloat16(values: Float32Array, name: string): Uint16Array {
  checkFloat16(values, name);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const sign = (bits[i] >>> 16) & 0x8000;
    const size = bits[i] & 0x7fffffff;
    halves[i] = sign | (size < 0x38800000 ? subnormal(values[i]) : normal(size));
  }
  return halves;
}

/** From 2^-14 on: 13 bits of the fraction are rounded off; a carry into the exponent is right as it is. */
const normal = (size: number): number => (size + 0xfff + ((size >>> 13) & 1) - 0x38000000) >>> 13;

/** Multiples of 2^-24. */
const subnormal = (value: number): number => roundToEven(Math.abs(value) * 2 ** 24);

/** The nearest integer; of two equally near ones the even one. */
export function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
