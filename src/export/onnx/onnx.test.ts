import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { readOnnx } from '../../../test/onnxReader.js';
import { DataError } from '../../errors.js';
import { Random } from '../../random/xoshiro.js';
import { version } from '../../package.js';
import { GraphBuilder, microsoftDomain } from './graph.js';
import { writeOnnxModel } from './modelFile.js';
import { eightBits, fourBits } from './quantise.js';
import { float16Tensor, floatTensor, transposed, uint8Tensor } from './tensors.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-onnx-'));
after(() => rmSync(folder, { recursive: true }));

const halves = (...values: number[]): number[] => [
  ...new Uint16Array(float16Tensor('w', [values.length], Float32Array.from(values)).bytes.slice().buffer),
];

describe('16-bit floats', () => {
  test('the nearest one, ties to even, in every range', () => {
    assert.deepEqual(halves(0, -0, 1, -2, 0.1, 65504, -65504), [0, 0x8000, 0x3c00, 0xc000, 0x2e66, 0x7bff, 0xfbff]);
    // 1 + 2^-11 is halfway between 1 and the next; 1 + 3 2^-11 between an odd and an even one
    assert.deepEqual(halves(1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -20), [0x3c00, 0x3c02, 0x3c01]);
    // a carry into the exponent, and the least normal number
    assert.deepEqual(halves(2 - 2 ** -12, 2 ** -14, 65519), [0x4000, 0x0400, 0x7bff]);
    // multiples of 2^-24, and half of one
    assert.deepEqual(
      halves(2 ** -24, 3 * 2 ** -24, 2 ** -25, 2 ** -25 + 2 ** -30, 1.5 * 2 ** -24, -(2 ** -24), 2 ** -14 - 2 ** -26),
      [1, 3, 0, 1, 2, 0x8001, 0x0400],
    );
  });

  test('values that they cannot hold are rejected by name', () => {
    for (const value of [65520, -1e6, NaN, Infinity])
      assert.throws(
        () => halves(1, value),
        (error) =>
          error instanceof DataError &&
          error.message ===
            `tensor w holds ${value}, and the largest 16-bit float is 65504. Export it with another --dtype.`,
      );
  });
});

describe('quantised matrices', () => {
  const random = new Random(5);
  const [rows, columns] = [7, 45];
  const matrix = Float32Array.from({ length: rows * columns }, () => (random.unit() - 0.5) * 4 ** random.below(4));
  matrix.fill(0, 2 * columns, 3 * columns); // a row of zeros

  test('8 bits: every value within half a scale, and 0 exactly', () => {
    const { values, scales } = eightBits(matrix, rows, columns);
    matrix.forEach((value, i) => {
      const scale = scales[Math.floor(i / columns)];
      const error = Math.abs((values[i] - 128) * scale - value);
      assert.ok(error <= scale * 0.5001, `${value} as ${values[i]}, scale ${scale}`);
      if (value === 0) assert.equal(values[i], 128);
    });
    for (let row = 0; row < rows; row++) {
      const part = [...matrix.subarray(row * columns, (row + 1) * columns)].map(Math.abs);
      const expected = row === 2 ? 1 : Math.fround(Math.max(...part) / 127);
      assert.equal(scales[row], expected);
    }
    // the least positive numbers have quotients of no or one bit
    assert.deepEqual([...eightBits(Float32Array.of(2 ** -149, 0), 1, 2).values], [128, 128]);
    assert.deepEqual([...eightBits(Float32Array.of(150 * 2 ** -149, -(2 ** -149)), 1, 2).values], [255, 127]);
  });

  test('4 bits: blocks of 32 with the largest value exact, the others within a scale, the rest of a row 0', () => {
    const { values, scales, blocks } = fourBits(matrix, rows, columns);
    assert.deepEqual([blocks, values.length, scales.length], [2, rows * 32, rows * 2]);
    const quartet = (row: number, column: number): number =>
      (values[row * 32 + (column >> 1)] >> (column % 2 === 0 ? 0 : 4)) & 15;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < 64; column++) {
        const scale = scales[row * 2 + (column >> 5)];
        const found = (quartet(row, column) - 8) * scale;
        if (column >= columns) assert.equal(quartet(row, column), 8);
        // up to half a scale, but 15 - 8 = 7 is the largest with the other sign
        else assert.ok(Math.abs(found - matrix[row * columns + column]) <= Math.abs(scale) * 1.0001);
      }
      for (const block of [0, 1]) {
        const part = [
          ...matrix.subarray(
            row * columns + 32 * block,
            Math.min(row * columns + 32 * (block + 1), (row + 1) * columns),
          ),
        ];
        const largest = part.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
        if (largest !== 0) assert.equal(quartet(row, 32 * block + part.indexOf(largest)), 0);
        assert.equal(scales[row * 2 + block], largest === 0 ? 1 : Math.fround(largest / -8));
      }
    }
  });

  test('transposed', () => {
    assert.deepEqual([...transposed(Float32Array.of(1, 2, 3, 4, 5, 6), 2, 3)], [1, 4, 2, 5, 3, 6]);
  });
});

describe('model files', () => {
  /** y = x + 1 if there is an x, else 0. */
  function sample(): GraphBuilder {
    const graph = GraphBuilder.named('sample');
    const x = graph.input('x', 'float', ['n', 3]);
    const one = graph.tensor('one', () => floatTensor('one', [3], Float32Array.of(1, 1, 1)));
    const [yes, no] = [graph.branch('yes'), graph.branch('no')];
    yes.output(yes.op('Add', [x, one]), 'sum', 'float', ['n', 3]);
    no.output(
      no.tensor('two', () => floatTensor('two', [3], Float32Array.of(2, 2, 2))),
      'none',
      'float',
      [3],
    );
    const condition = graph.op('Greater', [graph.op('Size', [x]), graph.ints([0], [])]);
    graph.output(graph.op('If', [condition], { then_branch: yes, else_branch: no }), 'y', 'float', ['n', 3]);
    return graph;
  }

  test('byte for byte: a model of one node', () => {
    const graph = GraphBuilder.named('g');
    graph.output(graph.input('a', 'int64', ['n', 2]), 'b', 'bool', []);
    const path = join(folder, 'one.onnx');
    writeOnnxModel(path, graph);
    const message = (field: number, ...content: (string | Uint8Array)[]): Uint8Array => {
      const body = Buffer.concat(content.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
      return Buffer.concat([Uint8Array.of(field * 8 + 2, body.length), body]);
    };
    const int = (field: number, value: number): Uint8Array => Uint8Array.of(field * 8, value);
    const value = (name: string, type: number, ...dims: Uint8Array[]): Uint8Array[] => [
      message(1, name),
      message(2, message(1, int(1, type), message(2, ...dims))),
    ];
    const expected = Buffer.concat([
      int(1, 8),
      message(2, 'coldstart'),
      message(3, version),
      message(
        7,
        message(1, message(1, 'a'), message(2, 'b'), message(3, 'g/0 Identity'), message(4, 'Identity')),
        message(2, 'g'),
        message(11, ...value('a', 7, message(1, message(2, 'n')), message(1, int(1, 2)))),
        message(12, ...value('b', 9)),
      ),
      message(8, message(1, ''), int(2, 17)),
    ]);
    assert.equal(readFileSync(path).toString('hex'), expected.toString('hex'));
  });

  test('nodes, branches, constants of branches, inputs and outputs', () => {
    const path = join(folder, 'sample.onnx');
    assert.equal(writeOnnxModel(path, sample()), 0);
    const { irVersion, producer, opsets, graph } = readOnnx(path);
    assert.deepEqual([irVersion, producer, opsets], [8, 'coldstart', { '': 17 }]);
    assert.deepEqual(
      graph.nodes.map(({ op }) => op),
      ['Size', 'Greater', 'If', 'Identity'],
    );
    assert.deepEqual([...graph.tensors.keys()], ['one', 'two', 'ints scalar 0']);
    assert.deepEqual(graph.tensors.get('ints scalar 0')!.shape, []);
    assert.deepEqual(graph.inputs, [{ name: 'x', type: 1, shape: ['n', 3] }]);
    assert.deepEqual(graph.outputs, [{ name: 'y', type: 1, shape: ['n', 3] }]);
    const branches = graph.nodes[2].attributes as unknown as Record<
      string,
      { nodes: { inputs: string[] }[]; tensors: Map<string, unknown> }
    >;
    assert.deepEqual(branches.then_branch.nodes[0].inputs, ['x', 'one']);
    assert.deepEqual(
      [branches.then_branch.tensors.size, branches.else_branch.nodes.length, branches.else_branch.tensors.size],
      [0, 1, 0],
    );
  });

  test("ONNX Runtime's own operators are declared only where they are used, in branches too", () => {
    const graph = GraphBuilder.named('g');
    const x = graph.input('x', 'float', [2]);
    const branch = graph.branch('b');
    branch.output(branch.op('FastGelu', [x], {}, microsoftDomain), 'z', 'float', [2]);
    assert.equal(graph.uses(microsoftDomain), false);
    graph.output(graph.op('If', ['c'], { then_branch: branch, else_branch: branch }), 'y', 'float', [2]);
    const path = join(folder, 'own.onnx');
    writeOnnxModel(path, graph);
    assert.deepEqual(readOnnx(path).opsets, { '': 17, [microsoftDomain]: 1 });
  });

  test('a graph of very many nodes', () => {
    const graph = GraphBuilder.named('long');
    let value = graph.input('x', 'float', [1]);
    for (let i = 0; i < 15_000; i++) value = graph.op('Neg', [value]);
    graph.output(value, 'y', 'float', [1]);
    const path = join(folder, 'long.onnx');
    writeOnnxModel(path, graph);
    const { nodes } = readOnnx(path).graph;
    assert.deepEqual([nodes.length, nodes[14_999].outputs], [15_001, ['Neg_15000']]);
  });

  test('constants beyond the limit go to files next to the model, each within the limit and at a page', () => {
    const make = (): GraphBuilder => {
      const graph = GraphBuilder.named('large');
      for (const [name, size] of [
        ['a', 3000],
        ['b', 5000],
        ['c', 4000],
        ['d', 9000],
      ] as const)
        graph.tensor(name, () =>
          uint8Tensor(
            name,
            [size],
            Uint8Array.from({ length: size }, (_, i) => i * 7 + size),
          ),
        );
      graph.tensor('small', () => floatTensor('small', [], Float32Array.of(0.5)));
      return graph;
    };
    const [whole, divided] = [join(folder, 'whole.onnx'), join(folder, 'divided.onnx')];
    assert.equal(writeOnnxModel(whole, make()), 0);
    assert.equal(writeOnnxModel(divided, make(), 13_000), 3);
    assert.deepEqual(
      readdirSync(folder)
        .filter((name) => name.startsWith('divided'))
        .sort(),
      ['divided.onnx', 'divided.onnx_data', 'divided.onnx_data_1', 'divided.onnx_data_2'],
    );
    const found = readOnnx(divided).graph.tensors;
    assert.deepEqual(
      [...found.values()].map(({ external }) => external),
      [
        { location: 'divided.onnx_data', offset: '0', length: '3000' },
        { location: 'divided.onnx_data', offset: '4096', length: '5000' },
        { location: 'divided.onnx_data_1', offset: '0', length: '4000' },
        { location: 'divided.onnx_data_2', offset: '0', length: '9000' },
        {},
      ],
    );
    for (const [name, { bytes }] of readOnnx(whole).graph.tensors) {
      const { external, bytes: inside } = found.get(name)!;
      const stored =
        external.location === undefined
          ? inside
          : readFileSync(join(folder, external.location)).subarray(
              +external.offset,
              +external.offset + +external.length,
            );
      assert.deepEqual(Buffer.from(stored), Buffer.from(bytes), name);
    }
  });
});
