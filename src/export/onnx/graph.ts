import { encodeMessage, messageParts, utf8, type Field, type MessageParts } from '../../storage/protobuf.js';
import { elementTypes, floatTensor, int64Tensor, type ElementType, type OnnxTensor } from './tensors.js';

/** An input or output of a graph. Dimensions by number, or by name where they vary. */
export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

/** Integers, texts, and for `If` graphs; a real number as `{ float }`. Integers are not negative. */
export type OnnxAttribute = number | string | readonly number[] | { readonly float: number } | GraphBuilder;

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
  /** Empty: ONNX's own operators. */
  readonly domain: string;
}

/** ONNX Runtime's own operators. */
export const microsoftDomain = 'com.microsoft';

/**
 * A graph under construction. Values are called by name; `op` adds a node and gives the name of its result. Constants
 * belong to the outermost graph, where branches see them as well.
 */
export class GraphBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly inputs: OnnxValue[] = [];
  readonly outputs: OnnxValue[] = [];
  private readonly remembered = new Map<string, { readonly value: unknown }>();

  private constructor(
    readonly name: string,
    private readonly parent: GraphBuilder | undefined,
    private readonly shared: { readonly tensors: Map<string, OnnxTensor>; count: number },
  ) {}

  static named(name: string): GraphBuilder {
    return new GraphBuilder(name, undefined, { tensors: new Map(), count: 0 });
  }

  /** A graph for a branch of this one: it sees the values made here so far. */
  branch(name: string): GraphBuilder {
    return new GraphBuilder(name, this, this.shared);
  }

  /** Constants by name. */
  get tensors(): ReadonlyMap<string, OnnxTensor> {
    return this.shared.tensors;
  }

  input(name: string, type: ElementType, shape: OnnxValue['shape']): string {
    this.inputs.push({ name, type, shape });
    return name;
  }

  /** Gives a value the name under which the graph returns it. */
  output(value: string, name: string, type: ElementType, shape: OnnxValue['shape']): void {
    this.nodes.push({ op: 'Identity', inputs: [value], outputs: [name], attributes: {}, domain: '' });
    this.outputs.push({ name, type, shape });
  }

  op(op: string, inputs: readonly string[], attributes: OnnxNode['attributes'] = {}, domain = ''): string {
    return this.ops(op, inputs, 1, attributes, domain)[0];
  }

  /** An operator with several results. */
  ops(
    op: string,
    inputs: readonly string[],
    count: number,
    attributes: OnnxNode['attributes'] = {},
    domain = '',
  ): string[] {
    const number = ++this.shared.count;
    const outputs = Array.from({ length: count }, (_, i) => (count === 1 ? `${op}_${number}` : `${op}_${number}.${i}`));
    this.nodes.push({ op, inputs, outputs, attributes, domain });
    return outputs;
  }

  /** Adds a constant, unless one of its name is there already. */
  tensor(name: string, make: () => OnnxTensor): string {
    if (!this.shared.tensors.has(name)) this.shared.tensors.set(name, make());
    return name;
  }

  /** A constant of integers. */
  ints(values: readonly number[], shape: readonly number[] = [values.length]): string {
    const name = `ints ${shape.length === 0 ? 'scalar ' : ''}${values.join(' ')}`;
    return this.tensor(name, () => int64Tensor(name, shape, values));
  }

  /** A constant number. */
  float(value: number): string {
    const name = `float ${value}`;
    return this.tensor(name, () => floatTensor(name, [], Float32Array.of(value)));
  }

  cast(value: string, type: ElementType): string {
    return this.op('Cast', [value], { to: elementTypes[type] });
  }

  /** Makes something once in this graph and those around it. */
  once<T>(key: string, make: () => T): T {
    const known = this.recalled(key);
    if (known !== undefined) return known.value as T;
    const value = make();
    this.remembered.set(key, { value });
    return value;
  }

  private recalled(key: string): { readonly value: unknown } | undefined {
    return this.remembered.get(key) ?? this.parent?.recalled(key);
  }

  /** Whether an operator of a domain is used here or in a branch. */
  uses(domain: string): boolean {
    return this.nodes.some(
      (node) =>
        node.domain === domain ||
        Object.values(node.attributes).some((value) => value instanceof GraphBuilder && value.uses(domain)),
    );
  }

  /** GraphProto. @param encodeTensor a constant as TensorProto; only the outermost graph has any */
  encode(encodeTensor: (tensor: OnnxTensor) => MessageParts): MessageParts {
    return messageParts([
      ...this.nodes.map((node, i): Field => [
        1,
        'message',
        messageParts(nodeFields(node, `${this.name}/${i}`, encodeTensor)),
      ]),
      [2, 'bytes', utf8(this.name)],
      ...(this.parent === undefined ? [...this.tensors.values()] : []).map((tensor): Field => [
        5,
        'message',
        encodeTensor(tensor),
      ]),
      ...this.inputs.map((value): Field => [11, 'bytes', valueInfo(value)]),
      ...this.outputs.map((value): Field => [12, 'bytes', valueInfo(value)]),
    ]);
  }
}

const text = (field: number, value: string): Field => [field, 'bytes', utf8(value)];

/** NodeProto. */
function nodeFields(
  { op, inputs, outputs, attributes, domain }: OnnxNode,
  name: string,
  encodeTensor: (tensor: OnnxTensor) => MessageParts,
): Field[] {
  return [
    ...inputs.map((input) => text(1, input)),
    ...outputs.map((output) => text(2, output)),
    text(3, `${name} ${op}`),
    text(4, op),
    ...Object.entries(attributes).map(([key, value]): Field => [
      5,
      'message',
      messageParts([text(1, key), ...attributeFields(value, encodeTensor)]),
    ]),
    ...(domain === '' ? [] : [text(7, domain)]),
  ];
}

/** AttributeProto without its name: the value, and field 20, its type. */
function attributeFields(value: OnnxAttribute, encodeTensor: (tensor: OnnxTensor) => MessageParts): Field[] {
  if (typeof value === 'number')
    return [
      [3, 'int', value],
      [20, 'int', 2],
    ];
  if (typeof value === 'string') return [text(4, value), [20, 'int', 3]];
  if (value instanceof GraphBuilder)
    return [
      [6, 'message', value.encode(encodeTensor)],
      [20, 'int', 5],
    ];
  if ('float' in value)
    return [
      [2, 'float', value.float],
      [20, 'int', 1],
    ];
  return [...value.map((each): Field => [8, 'int', each]), [20, 'int', 7]];
}

/** ValueInfoProto. */
function valueInfo({ name, type, shape }: OnnxValue): Uint8Array {
  const dims = shape.map((dim): Field => [
    1,
    'bytes',
    encodeMessage([typeof dim === 'number' ? [1, 'int', dim] : text(2, dim)]),
  ]);
  const tensorType = encodeMessage([
    [1, 'int', elementTypes[type]],
    [2, 'bytes', encodeMessage(dims)],
  ]);
  return encodeMessage([text(1, name), [2, 'bytes', encodeMessage([[1, 'bytes', tensorType]])]]);
}
