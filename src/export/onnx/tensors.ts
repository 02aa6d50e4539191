import { DataError } from '../../errors.js';

/** Element types by their numbers in ONNX's TensorProto.DataType. */
export const elementTypes = {
  float: 1,
  uint8: 2,
  int64: 7,
  bool: 9,
  float16: 10,
  double: 11,
} as const;
export type ElementType = keyof typeof elementTypes;

/** A constant of a graph, little-endian and row-major. */
export interface OnnxTensor {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

export const floatTensor = (name: string, shape: readonly number[], values: Float32Array): OnnxTensor => ({
  name,
  type: 'float',
  shape,
  bytes: bytesOf(values),
});

export const doubleTensor = (name: string, shape: readonly number[], values: readonly number[]): OnnxTensor => ({
  name,
  type: 'double',
  shape,
  bytes: bytesOf(Float64Array.from(values)),
});

export const int64Tensor = (name: string, shape: readonly number[], values: readonly number[]): OnnxTensor => ({
  name,
  type: 'int64',
  shape,
  bytes: bytesOf(BigInt64Array.from(values, BigInt)),
});

export const uint8Tensor = (name: string, shape: readonly number[], values: Uint8Array): OnnxTensor => ({
  name,
  type: 'uint8',
  shape,
  bytes: values,
});

/** @throws DataError for a value beyond float16's largest, 65504 */
export const float16Tensor = (name: string, shape: readonly number[], values: Float32Array): OnnxTensor => ({
  name,
  type: 'float16',
  shape,
  bytes: bytesOf(toFloat16(values, name)),
});

/** Bits of the nearest 16-bit floats; ties go to even. */
function toFloat16(values: Float32Array, name: string): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const sign = (bits[i] >>> 16) & 0x8000;
    const size = bits[i] & 0x7fffffff;
    // 65520 is half way between the largest float16 and what would come next
    if (size >= 0x477ff000)
      throw new DataError(
        `tensor ${name} holds ${values[i]}, and the largest 16-bit float is 65504. Export it as fp32 or q8.`,
      );
    halves[i] = sign | (size < 0x38800000 ? subnormal(values[i]) : normal(size));
  }
  return halves;
}

/** From 2^-14 on: 13 bits of the fraction are rounded off; a carry into the exponent is right as it is. */
const normal = (size: number): number => (size + 0xfff + ((size >>> 13) & 1) - 0x38000000) >>> 13;

/** Below 2^-14: multiples of 2^-24. */
function subnormal(value: number): number {
  const multiples = Math.abs(value) * 2 ** 24;
  const low = Math.floor(multiples);
  const rest = multiples - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}

/** A matrix with its rows as columns. @param values [rows, columns] @returns [columns, rows] */
export function transposed<T extends Float32Array | Uint8Array>(values: T, rows: number, columns: number): T {
  const result = new (values.constructor as new (length: number) => T)(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column];
  return result;
}
