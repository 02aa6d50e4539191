import { readFileSync } from 'node:fs';
import { messageFields } from '../src/storage/protobuf.js';

/** A constant as a model file holds it. */
export interface ReadTensor {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  /** Where the bytes are, if not in the model file. */
  readonly external: Readonly<Record<string, string>>;
}

export interface ReadNode {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, number | string | readonly number[] | ReadGraph>>;
}

export interface ReadValue {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly (number | string)[];
}

export interface ReadGraph {
  readonly name: string;
  readonly nodes: readonly ReadNode[];
  readonly tensors: ReadonlyMap<string, ReadTensor>;
  readonly inputs: readonly ReadValue[];
  readonly outputs: readonly ReadValue[];
}

export interface ReadModel {
  readonly irVersion: number;
  readonly producer: string;
  /** Version by domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly graph: ReadGraph;
}

type Fields = readonly { readonly field: number; readonly value: number | Uint8Array }[];

const fields = (bytes: Uint8Array): Fields => [...messageFields(bytes, (why) => new Error(`not a message: ${why}`))];
const all = <T extends number | Uint8Array>(from: Fields, field: number): T[] =>
  from.filter((each) => each.field === field).map(({ value }) => value as T);
const bytesOf = (from: Fields, field: number): Uint8Array => all<Uint8Array>(from, field)[0] ?? new Uint8Array();
const numberOf = (from: Fields, field: number): number => all<number>(from, field)[0] ?? 0;
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const textOf = (from: Fields, field: number): string => text(bytesOf(from, field));

/** What an ONNX file says, by the numbers of fields in onnx.proto; nothing is computed. */
export function readOnnx(path: string): ReadModel {
  const model = fields(readFileSync(path));
  return {
    irVersion: numberOf(model, 1),
    producer: textOf(model, 2),
    opsets: Object.fromEntries(
      all<Uint8Array>(model, 8).map((bytes) => [textOf(fields(bytes), 1), numberOf(fields(bytes), 2)]),
    ),
    graph: readGraph(bytesOf(model, 7)),
  };
}

function readGraph(bytes: Uint8Array): ReadGraph {
  const graph = fields(bytes);
  const tensors = all<Uint8Array>(graph, 5).map(readTensor);
  return {
    name: textOf(graph, 2),
    nodes: all<Uint8Array>(graph, 1).map(readNode),
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    inputs: all<Uint8Array>(graph, 11).map(readValue),
    outputs: all<Uint8Array>(graph, 12).map(readValue),
  };
}

function readNode(bytes: Uint8Array): ReadNode {
  const node = fields(bytes);
  return {
    op: textOf(node, 4),
    domain: textOf(node, 7),
    inputs: all<Uint8Array>(node, 1).map(text),
    outputs: all<Uint8Array>(node, 2).map(text),
    attributes: Object.fromEntries(
      all<Uint8Array>(node, 5).map((each) => {
        const attribute = fields(each);
        return [textOf(attribute, 1), attributeValue(attribute)];
      }),
    ),
  };
}

function attributeValue(attribute: Fields): number | string | number[] | ReadGraph {
  switch (numberOf(attribute, 20)) {
    case 1:
      return new DataView(Uint8Array.from(bytesOf(attribute, 2)).buffer).getFloat32(0, true);
    case 2:
      return numberOf(attribute, 3);
    case 3:
      return textOf(attribute, 4);
    case 5:
      return readGraph(bytesOf(attribute, 6));
    default:
      return all<number>(attribute, 8);
  }
}

function readTensor(bytes: Uint8Array): ReadTensor {
  const tensor = fields(bytes);
  return {
    name: textOf(tensor, 8),
    type: numberOf(tensor, 2),
    shape: all<number>(tensor, 1),
    bytes: Uint8Array.from(bytesOf(tensor, 9)),
    external: Object.fromEntries(
      all<Uint8Array>(tensor, 13).map((each) => [textOf(fields(each), 1), textOf(fields(each), 2)]),
    ),
  };
}

function readValue(bytes: Uint8Array): ReadValue {
  const value = fields(bytes);
  const tensorType = fields(bytesOf(fields(bytesOf(value, 2)), 1));
  return {
    name: textOf(value, 1),
    type: numberOf(tensorType, 1),
    shape: all<Uint8Array>(fields(bytesOf(tensorType, 2)), 1).map((dim) => {
      const [{ field, value: size }] = fields(dim);
      return field === 1 ? (size as number) : text(size as Uint8Array);
    }),
  };
}
