import { basename, dirname, join } from 'node:path';
import { version } from '../../package.js';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { messageParts, utf8, type Field, type MessageParts } from '../../storage/protobuf.js';
import { microsoftDomain, type GraphBuilder } from './graph.js';
import { elementTypes, type OnnxTensor } from './tensors.js';

/** The version of ONNX's operators: the first with LayerNormalization. */
const opset = 17;
/** The version of the file format that goes with it. */
const irVersion = 8;

/** A message of protocol buffers has less than 2^31 bytes; some room is left for what is not constants. */
export const largestFile = 2 ** 31 - 2 ** 24;
/** Smaller constants stay in the model file, where shapes are inferred from them. */
const leastExternal = 1024;

/**
 * Writes a graph as an ONNX model. Where the constants are too large for one file, they go to files next to it:
 * FILE_data, FILE_data_1 and so on, the names that Transformers.js looks for.
 *
 * @param limit bytes of constants in one file
 * @returns how many files of constants there are
 */
export function writeOnnxModel(path: string, graph: GraphBuilder, limit = largestFile): number {
  const total = [...graph.tensors.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  const external = total > limit ? placeTensors(graph, limit) : [];
  const places = new Map(
    external.flatMap((tensors, file) => tensors.map((placed) => [placed.tensor, { ...placed, file }])),
  );
  const name = (file: number): string => `${basename(path)}_data${file === 0 ? '' : `_${file}`}`;
  const encode = (tensor: OnnxTensor): MessageParts => {
    const place = places.get(tensor);
    return messageParts([
      ...tensor.shape.map((size): Field => [1, 'int', size]),
      [2, 'int', elementTypes[tensor.type]],
      [8, 'bytes', utf8(tensor.name)],
      ...(place === undefined
        ? [[9, 'bytes', tensor.bytes] satisfies Field]
        : [
            ...Object.entries({ location: name(place.file), offset: place.offset, length: tensor.bytes.length }).map(
              ([key, value]): Field => [
                13,
                'message',
                messageParts([
                  [1, 'bytes', utf8(key)],
                  [2, 'bytes', utf8(String(value))],
                ]),
              ],
            ),
            [14, 'int', 1] satisfies Field,
          ]),
    ]);
  };
  const opsetImport = (domain: string, number: number): Field => [
    8,
    'message',
    messageParts([
      [1, 'bytes', utf8(domain)],
      [2, 'int', number],
    ]),
  ];
  const model = messageParts([
    [1, 'int', irVersion],
    [2, 'bytes', utf8('coldstart')],
    [3, 'bytes', utf8(version)],
    [7, 'message', graph.encode(encode)],
    opsetImport('', opset),
    ...(graph.uses(microsoftDomain) ? [opsetImport(microsoftDomain, 1)] : []),
  ]);
  external.forEach((tensors, file) =>
    writeFileAtomic(
      join(dirname(path), name(file)),
      tensors.flatMap(({ tensor: { bytes } }) => [bytes, new Uint8Array(paddingOf(bytes.length))]),
    ),
  );
  writeFileAtomic(path, inBlocks(model.parts));
  return external.length;
}

/** Readers map these files into memory, a page at a time. */
const alignment = 4096;
const paddingOf = (length: number): number => (alignment - (length % alignment)) % alignment;

/** Large constants file by file, with their offsets. */
function placeTensors(graph: GraphBuilder, limit: number): { tensor: OnnxTensor; offset: number }[][] {
  const files: { tensor: OnnxTensor; offset: number }[][] = [];
  let offset = Infinity;
  for (const tensor of graph.tensors.values()) {
    const { length } = tensor.bytes;
    if (length < leastExternal) continue;
    if (offset + length > limit) {
      files.push([]);
      offset = 0;
    }
    files[files.length - 1].push({ tensor, offset });
    offset += length + paddingOf(length);
  }
  return files;
}

/** Joins the many small parts of a message, so that each write is worth its call. */
function* inBlocks(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  let small: Uint8Array[] = [];
  for (const part of parts) {
    small.push(part);
    if (part.length < 4096 && small.length < 4096) continue;
    yield* part.length < 4096 ? [Buffer.concat(small)] : [Buffer.concat(small.slice(0, -1)), part];
    small = [];
  }
  yield Buffer.concat(small);
}
