import { DataError } from '../errors.js';

/** One stored tensor: row-major values and shape. */
export interface StoredTensor {
  readonly dtype: 'F32' | 'F64' | 'I32';
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array;
}

/** A tensor as it is written. F16: the bits of 16-bit floats. */
export type WrittenTensor =
  StoredTensor | { readonly dtype: 'F16'; readonly shape: readonly number[]; readonly data: Uint16Array };

/**
 * A safetensors file with the tensors in the order of the map, as parts of which each follows the one before.
 *
 * Format: https://huggingface.co/docs/safetensors (8-byte little-endian header length, JSON header, raw data).
 * @throws DataError when a tensor's values do not fill its shape
 */
export function safetensorsBytes(
  tensors: ReadonlyMap<string, WrittenTensor>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array[] {
  const header: Record<string, unknown> = {};
  if (metadata) header['__metadata__'] = metadata;
  let offset = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    const size = shape.reduce((a, b) => a * b, 1);
    if (size !== data.length)
      throw new DataError(`tensor "${name}" has ${data.length} values, its shape [${shape}] needs ${size}.`);
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const text = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(' '.charCodeAt(0));
  text.set(json);
  const length = new DataView(new ArrayBuffer(8));
  length.setBigUint64(0, BigInt(text.length), true);
  const parts = [...tensors.values()].map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return [new Uint8Array(length.buffer), text, ...parts];
}
