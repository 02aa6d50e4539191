import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { DataError } from '../errors.js';
import { writeFileAtomic } from './atomicFile.js';
import { checkOwnFile } from './refusePipe.js';
import { safetensorsBytes, type StoredTensor, type WrittenTensor } from './safetensorsBytes.js';
import { systemFailure } from './systemFailure.js';

export type { StoredTensor, WrittenTensor };

/**
 * Headers are read into memory before anything is known of the file, so they are bounded (as the Rust library does).
 */
const maxHeaderBytes = 100_000_000;

const arrays = { F32: Float32Array, F64: Float64Array, I32: Int32Array } as const;
/** 16-bit floats, which other programs write. */
const halves = { F16: Uint16Array, BF16: Uint16Array } as const;
const readable = { ...arrays, ...halves } as const;
type Readable = keyof typeof readable;

/**
 * Reads a safetensors file. The file is untrusted: header length, dtypes, shapes and offsets are checked against the
 * file's real size before any tensor is made, and every byte must belong to exactly one tensor.
 *
 * Format: https://huggingface.co/docs/safetensors (8-byte little-endian header length, JSON header, raw data).
 *
 * @param options.halves also takes 16-bit floats (F16, BF16), as float32 of the same values
 * @throws DataError naming the file and what is wrong with it
 */
export function readSafetensors(
  path: string,
  { halves: takesHalves = false }: { readonly halves?: boolean } = {},
): {
  tensors: Map<string, StoredTensor>;
  metadata: Record<string, string>;
} {
  const refuse = (what: string): DataError => new DataError(`${path} is not a valid safetensors file: ${what}.`);
  checkOwnFile(path, 'checkpoint');
  const file = openSync(path, 'r');
  try {
    const size = fstatSync(file).size;
    if (size < 8) throw refuse(`${size} bytes, expected at least 8`);
    const headerBytes = Number(readExactly(file, 0, 8, refuse).readBigUInt64LE());
    if (size > 8 && readExactly(file, 8, 1, refuse).toString('latin1') !== '{')
      throw refuse('it does not begin with a header as such files do');
    if (headerBytes > maxHeaderBytes)
      throw refuse(`its header claims ${headerBytes} bytes, at most ${maxHeaderBytes} are accepted`);
    if (8 + headerBytes > size)
      throw refuse(`its header claims ${headerBytes} bytes, the file has ${size} (truncated?)`);
    const header = parseHeader(readExactly(file, 8, headerBytes, refuse), refuse);

    const dataStart = 8 + headerBytes;
    const metadata: Record<string, string> = {};
    const entries: { name: string; dtype: Readable; shape: number[]; begin: number; end: number }[] = [];
    for (const [name, value] of Object.entries(header)) {
      if (name === '__metadata__') {
        for (const [key, text] of Object.entries(value as Record<string, unknown>)) {
          if (typeof text !== 'string') throw refuse(`metadata "${key}" is not a string`);
          metadata[key] = text;
        }
        continue;
      }
      entries.push({ name, ...checkEntry(name, value, takesHalves ? readable : arrays, refuse) });
    }

    let expected = 0;
    for (const entry of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
      if (entry.begin !== expected)
        throw refuse(`tensor "${entry.name}" starts at byte ${entry.begin}, expected ${expected}`);
      expected = entry.end;
    }
    if (dataStart + expected !== size) {
      throw refuse(`its tensors need ${dataStart + expected} bytes, the file has ${size} (truncated or extended?)`);
    }

    const tensors = new Map<string, StoredTensor>();
    for (const { name, dtype, shape, begin, end } of entries) {
      const bytes = readExactly(file, dataStart + begin, end - begin, refuse);
      const data = new readable[dtype](
        bytes.buffer as ArrayBuffer,
        bytes.byteOffset,
        bytes.byteLength / readable[dtype].BYTES_PER_ELEMENT,
      );
      if (data instanceof Uint16Array)
        tensors.set(name, { dtype: 'F32', shape, data: dtype === 'BF16' ? fromBfloat16(data) : fromFloat16(data) });
      else tensors.set(name, { dtype: dtype as StoredTensor['dtype'], shape, data });
    }
    return { tensors, metadata };
  } catch (error) {
    throw systemFailure(error, path) ?? error;
  } finally {
    closeSync(file);
  }
}

/**
 * Writes tensors in the order of the map, atomically (see writeFileAtomic).
 * @throws DataError when a tensor's values do not fill its shape
 */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, WrittenTensor>,
  options: { metadata?: Record<string, string>; overwrite?: boolean } = {},
): void {
  writeFileAtomic(path, safetensorsBytes(tensors, options.metadata), { overwrite: options.overwrite ?? true });
}

type Refuse = (what: string) => DataError;

/** The bytes in a separate buffer, so that 4- and 8-byte views of it are aligned. */
function readExactly(file: number, position: number, length: number, refuse: Refuse): Buffer {
  const bytes = Buffer.from(new ArrayBuffer(length));
  for (let at = 0; at < length;) {
    const read = readSync(file, bytes, at, Math.min(length - at, 1 << 30), position + at);
    if (read === 0) throw refuse(`it ends at byte ${position + at}, expected ${position + length}`);
    at += read;
  }
  return bytes;
}

function parseHeader(bytes: Buffer, refuse: Refuse): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw refuse('its header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw refuse('its header is not an object');
  const metadata = (header as Record<string, unknown>)['__metadata__'];
  if (metadata !== undefined && (typeof metadata !== 'object' || metadata === null))
    throw refuse('its metadata is not an object');
  return header as Record<string, unknown>;
}

function checkEntry(
  name: string,
  value: unknown,
  accepted: Readonly<Record<string, unknown>>,
  refuse: Refuse,
): { dtype: Readable; shape: number[]; begin: number; end: number } {
  const natural = (x: unknown): x is number => typeof x === 'number' && Number.isSafeInteger(x) && x >= 0;
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  if (typeof dtype !== 'string' || !Object.hasOwn(accepted, dtype)) {
    const names = Object.keys(accepted).map((each) => `"${each}"`);
    throw refuse(
      `tensor "${name}" has dtype ${JSON.stringify(dtype)}, expected ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`,
    );
  }
  if (!Array.isArray(shape) || !shape.every(natural))
    throw refuse(`tensor "${name}" has shape ${JSON.stringify(shape)}`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(natural)) {
    throw refuse(`tensor "${name}" has data_offsets ${JSON.stringify(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  const bytes = (shape as number[]).reduce((a, b) => a * b, 1) * readable[dtype as Readable].BYTES_PER_ELEMENT;
  if (end - begin !== bytes)
    throw refuse(`tensor "${name}" holds ${end - begin} bytes, its shape [${shape}] needs ${bytes}`);
  return { dtype: dtype as Readable, shape, begin, end };
}

/** The upper halves of float32. */
function fromBfloat16(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

/** Sign, 5 bits of exponent with the bias 15, 10 of fraction (IEEE 754). */
function fromFloat16(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
