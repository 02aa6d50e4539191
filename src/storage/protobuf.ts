/** One field of a message in the wire format of protocol buffers. */
export type Field =
  | readonly [field: number, type: 'double' | 'float' | 'int', value: number]
  | readonly [field: number, type: 'bytes', value: Uint8Array]
  | readonly [field: number, type: 'message', value: MessageParts];

/** A message in pieces, for those that are too large to copy: written one after another they are the message. */
export interface MessageParts {
  readonly length: number;
  readonly parts: readonly Uint8Array[];
}

const wireType = { int: 0, double: 1, bytes: 2, message: 2, float: 5 };

/** A message. Numbers of type `int` are whole and not negative. */
export function encodeMessage(fields: readonly Field[]): Uint8Array {
  return Buffer.concat(messageParts(fields).parts);
}

/** The same without copying its bytes and inner messages. */
export function messageParts(fields: readonly Field[]): MessageParts {
  const parts: Uint8Array[] = [];
  for (const [field, type, value] of fields) {
    parts.push(varint(field * 8 + wireType[type]));
    if (type === 'bytes') parts.push(varint(value.length), value);
    else if (type === 'message') {
      parts.push(varint(value.length));
      for (const part of value.parts) parts.push(part); // one by one: a call takes about 100,000 arguments
    } else if (type === 'int') parts.push(varint(value));
    else parts.push(type === 'double' ? packedDoubles([value]) : new Uint8Array(Float32Array.of(value).buffer));
  }
  return { length: parts.reduce((sum, part) => sum + part.length, 0), parts };
}

/** Little-endian, as every machine that Node.js runs on. */
export const packedDoubles = (values: readonly number[]): Uint8Array =>
  new Uint8Array(Float64Array.from(values).buffer);
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/**
 * Fields of a message: numbers for varints, bytes for everything else.
 * @param junk makes the error to throw where the bytes are no message
 */
export function* messageFields(
  bytes: Uint8Array,
  junk: (why: string) => Error,
): Generator<{ field: number; value: number | Uint8Array }> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; factor < 2 ** 64; factor *= 128) {
      if (at >= bytes.length) throw junk('it ends within a number');
      const byte = bytes[at++];
      value += (byte & 127) * factor; // exact below 2^53; no field used here is larger
      if (byte < 128) return value;
    }
    throw junk('it holds a number of more than 64 bits');
  };
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw junk(`it ends ${length - (bytes.length - at)} bytes early`);
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const field = Math.floor(key / 8);
    if (field === 0) throw junk(`byte ${at - 1} starts no field`);
    switch (key % 8) {
      case 0:
        yield { field, value: varint() };
        break;
      case 1:
        yield { field, value: take(8) };
        break;
      case 2:
        yield { field, value: take(varint()) };
        break;
      case 5:
        yield { field, value: take(4) };
        break;
      default:
        throw junk(`byte ${at - 1} starts no field`);
    }
  }
}
