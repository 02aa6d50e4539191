import { toFloat16 } from '../float16.js';

/** Element types by their numbers in ONNX's TensorProto.DataType. */
export const elementTypes = {
  float: 1,
  uint8: 2,
  int64: 7,
  bool: 9,
  float16: 10,
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

/** A matrix with its rows as columns. @param values [rows, columns] @returns [columns, rows] */
export function transposed<T extends Float32Array | Uint8Array>(values: T, rows: number, columns: number): T {
  const result = new (values.constructor as new (length: number) => T)(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column];
  return result;
}
