/** One field of a message in the wire format of protocol buffers. */
export type Field =
  | readonly [field: number, type: 'double' | 'float' | 'int', value: number]
  | readonly [field: number, type: 'bytes', value: Uint8Array];

const wireType = { int: 0, double: 1, bytes: 2, float: 5 };

/** A message. Numbers of type `int` are whole and not negative. */
export function encodeMessage(fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [field, type, value] of fields) {
    parts.push(varint(field * 8 + wireType[type]));
    if (type === 'bytes') parts.push(varint(value.length), value);
    else if (type === 'int') parts.push(varint(value));
    else parts.push(type === 'double' ? packedDoubles([value]) : new Uint8Array(Float32Array.of(value).buffer));
  }
  return Buffer.concat(parts);
}

/** Little-endian, as every machine that Node.js runs on. */
export const packedDoubles = (values: readonly number[]): Uint8Array => new Uint8Array(Float64Array.from(values).buffer);
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
