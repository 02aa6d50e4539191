import { writeFileAtomic } from '../../storage/atomicFile.js';

/** Element types, numbered as CTranslate2's DataType is. */
const elementTypes = ['float32', 'int8', 'int16', 'int32', 'float16'] as const;
export type ElementType = (typeof elementTypes)[number];

/** A variable of a model: little-endian, row-major. No dimensions: a scalar. */
export interface Variable {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView;
}

/** The version of the file's layout; programs since CTranslate2 2.0 read it. */
const binaryVersion = 6;

/**
 * Writes model.bin: a header, variables by rising name, then names that are aliases of another variable. Variables of
 * the same type, shape and bytes are written once, under the first of their names.
 *
 * Source: ctranslate2's ModelSpec, `_alias_variables` and `_serialize`.
 *
 * @param spec name and revision of the model's specification
 */
export function writeModelBin(
  path: string,
  spec: { readonly name: string; readonly revision: number },
  variables: ReadonlyMap<string, Variable>,
): void {
  const aliases: [string, string][] = [];
  const written: [string, Variable][] = [];
  for (const name of [...variables.keys()].sort()) {
    const variable = variables.get(name)!;
    const same = variable.shape.length > 0 ? written.find(([, earlier]) => isSame(earlier, variable)) : undefined;
    // an alias has the scales of its variable
    if (same && !name.endsWith('_scale')) aliases.push([name, same[0]]);
    else if (!isScaleOfAlias(name, aliases)) written.push([name, variable]);
  }
  writeFileAtomic(path, [
    uint32(binaryVersion),
    text(spec.name),
    uint32(spec.revision),
    uint32(written.length),
    ...written.flatMap(([name, { type, shape, data }]) => [
      text(name),
      Uint8Array.of(shape.length),
      ...shape.map(uint32),
      Uint8Array.of(elementTypes.indexOf(type)),
      uint32(data.byteLength),
      bytesOf(data),
    ]),
    uint32(aliases.length),
    ...aliases.flatMap(([name, other]) => [text(name), text(other)]),
  ]);
}

const isScaleOfAlias = (name: string, aliases: readonly (readonly [string, string])[]): boolean =>
  name.endsWith('_scale') && aliases.some(([alias]) => `${alias}_scale` === name);

function isSame(a: Variable, b: Variable): boolean {
  return (
    a.type === b.type && String(a.shape) === String(b.shape) && Buffer.compare(bytesOf(a.data), bytesOf(b.data)) === 0
  );
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** 16 bits of length, the text, and a zero that counts. */
function text(value: string): Buffer {
  const bytes = Buffer.from(`${value}\0`, 'utf8');
  const length = Buffer.alloc(2);
  length.writeUInt16LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
