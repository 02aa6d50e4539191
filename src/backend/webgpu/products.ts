import type { GpuBackend } from './webGpuBackend.js';
import { entryPoint, runProgram, type NamedProgram } from './wgsl.js';

/** Outputs that a workgroup computes: a square of this many rows and columns. */
const tile = 32;

const groupSize = 256;

/**
 * Each step of the sum takes this many terms, and each quarter of the workgroup a quarter of them, so that few tiles
 * occupy more threads.
 */
const stepDepth = 32;

const padded = tile + 1; // neighbours along the depth lie in different banks of memory

/** A matrix in WGSL. */
interface Operand {
  /** Expression of an element by `row` and `k`, or by `k` and `column`. */
  readonly value: string;
  /** Which of the two has its elements next to each other in memory. */
  readonly along: 'k' | 'other';
}

/** A matrix product in WGSL. All expressions may name uniforms, bindings and the parameters; sizes are u32. */
export interface Product {
  readonly name: string;
  /** Of type u32, besides the tile and the thread. */
  readonly parameters?: readonly string[];
  readonly rows: string;
  readonly columns: string;
  /** Products that are added up. */
  readonly terms: readonly { readonly depth: string; readonly a: Operand; readonly b: Operand }[];
  /** Statements that store `value` of `row` and `column`. */
  readonly store: string;
  /** Statements that store `value`, the sum of row `row` of a, not rounded; for one term, whose a lies along the rows. */
  readonly storeRowSum?: string;
  /** A power of two that f16 elements of a are multiplied by, and their sums divided by. */
  readonly scale?: number;
}

/** One execution of a product in a program. */
export interface ProductCall {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Of its parameters. */
  readonly arguments?: readonly number[];
}

export interface ProductProgram extends Omit<NamedProgram, 'code' | 'groups' | 'groupSize' | 'usesF16'> {
  /** Further WGSL, by which the products may be written. */
  readonly code: () => string;
  readonly products: () => readonly Product[];
  readonly calls: readonly ProductCall[];
}

/**
 * Runs several products in one program: none may need what another one stores. The order of every sum depends on its
 * depth alone. With the backend's precision f16 the elements of a and b are rounded to f16, sums are float32.
 */
export function runProducts(backend: GpuBackend, { code, products, calls, ...program }: ProductProgram): void {
  const usesF16 = backend.precision === 'f16';
  let groups = 0;
  const integers: Record<string, number> = { ...program.integers };
  calls.forEach(({ rows, columns, arguments: values = [] }, i) => {
    groups += Math.ceil(rows / tile) * Math.ceil(columns / tile);
    integers[`end${i}`] = groups;
    values.forEach((value, which) => {
      integers[`argument${i}_${which}`] = value;
    });
  });
  runProgram(backend, {
    ...program,
    key: usesF16 ? `${program.key} f16` : program.key,
    usesF16,
    integers,
    code: () => {
      const tiles = tilesOf(usesF16 ? 'f16' : 'f32');
      return `${code()}
${tiles.declarations}${products()
        .map((product) => productCode(product, tiles))
        .join('')}
${entryPoint(groupSize)}
${calls
  .map(({ name, arguments: values = [] }, i) => {
    const before = i === 0 ? '' : ` - given.end${i - 1}`;
    const list = values.map((_, which) => `, given.argument${i}_${which}`).join('');
    return `  ${i === 0 ? '' : 'else '}if (index < given.end${i}) { ${name}(index${before}, local${list}); }`;
  })
  .join('\n')}
}`;
    },
    groups,
    groupSize,
  });
}

/** How the products of a program hold what they multiply and add, in the workgroup's memory. */
interface Tiles {
  readonly declarations: string;
  /** Type of the elements: f16 rounds them. */
  readonly type: 'f32' | 'f16';
  /** The array of float32 for sums of quarters, which have no use for the elements any more. */
  readonly sums: 'aTile' | 'sumTile';
}

function tilesOf(type: Tiles['type']): Tiles {
  const sums = type === 'f32' ? 'aTile' : 'sumTile';
  const arrays = { aTile: type, bTile: type, ...(sums === 'sumTile' && { sumTile: 'f32' }) };
  const declarations = Object.entries(arrays)
    .map(([name, of]) => `var<workgroup> ${name}: array<${of}, ${stepDepth * padded}>;\n`)
    .join('');
  return { declarations, type, sums };
}

const four = [0, 1, 2, 3] as const;

/** A thread sums 4 rows × 4 columns over its quarter of the depth; the quarters are then added in order. */
function productCode(product: Product, { type, sums }: Tiles): string {
  const { name, parameters = [], rows, columns, terms, store, storeRowSum } = product;
  const quarter = stepDepth / 4;
  const scale = type === 'f16' ? (product.scale ?? 1) : 1;
  const ofSum = scale === 1 ? '' : ` * ${1 / scale}`;
  const vector = (elements: readonly string[]): string =>
    type === 'f32' ? `vec4f(${elements.join(', ')})` : `vec4f(vec4h(${elements.join(', ')}))`;
  const sumsAt = (i: number): string[] => four.map((j) => `${sums}[(down + ${i}u) * ${padded}u + across + ${8 * j}u]`);
  const loads = groupSize / tile; // threads that load elements of a row of a
  return `
fn ${name}(tile: u32, local: u32${parameters.map((parameter) => `, ${parameter}: u32`).join('')}) {
  let rows = ${rows};
  let columns = ${columns};
  let tilesAcross = (columns + ${tile - 1}u) / ${tile}u;
  let firstRow = tile / tilesAcross * ${tile}u;
  let firstColumn = tile % tilesAcross * ${tile}u;
  let part = local / 64u;
  let across = local % 8u;
  let down = local / 8u % 8u * 4u;
${four.map((i) => `  var sum${i} = vec4f();`).join('\n')}
${storeRowSum === undefined ? '' : '  var rowSum = 0.0;\n'}${terms
    .map(
      ({ depth, a: left, b: right }) => `  for (var start = 0u; start < ${depth}; start += ${stepDepth}u) {
    for (var i = local; i < ${tile * stepDepth}u; i += ${groupSize}u) {
${loadCode(left, depth, { into: 'aTile', index: 'row', first: 'firstRow', count: 'rows', type, scale })}
${storeRowSum === undefined ? '' : '        rowSum += element;\n'}      }
${loadCode(right, depth, { into: 'bTile', index: 'column', first: 'firstColumn', count: 'columns', type, scale: 1 })}
      }
    }
    workgroupBarrier();
    for (var k = part * ${quarter}u; k < part * ${quarter}u + ${quarter}u; k++) {
      let b = ${vector(four.map((j) => `bTile[k * ${padded}u + across + ${8 * j}u]`))};
      let a = ${vector(four.map((i) => `aTile[k * ${padded}u + down + ${i}u]`))};
${four.map((i) => `      sum${i} += a[${i}] * b;`).join('\n')}
    }
    workgroupBarrier();
  }`,
    )
    .join('\n')}
${
  storeRowSum === undefined
    ? ''
    : `  ${sums}[local % ${tile}u * ${padded}u + local / ${tile}u] = rowSum;
  workgroupBarrier();
  if (firstColumn == 0u && local < ${tile}u && firstRow + local < rows) {
    let row = firstRow + local;
    var value = 0.0;
    for (var i = 0u; i < ${loads}u; i++) { value += ${sums}[local * ${padded}u + i]; }
    ${storeRowSum}
  }
  workgroupBarrier();
`
}  for (var quarter = 1u; quarter < 4u; quarter++) {
    if (part == quarter) {
${four.flatMap((i) => sumsAt(i).map((place, j) => `      ${place} = sum${i}[${j}];`)).join('\n')}
    }
    workgroupBarrier();
    if (part == 0u) {
${four.map((i) => `      sum${i} += vec4f(${sumsAt(i).join(', ')});`).join('\n')}
    }
    workgroupBarrier();
  }
  if (part == 0u) {
${four.flatMap((i) => sumsAt(i).map((place, j) => `    ${place} = sum${i}[${j}];`)).join('\n')}
  }
  workgroupBarrier();
  for (var i = local; i < ${tile * tile}u; i += ${groupSize}u) {
    let row = firstRow + i / ${tile}u;
    let column = firstColumn + i % ${tile}u;
    if (row < rows && column < columns) {
      let value = ${sums}[i / ${tile}u * ${padded}u + i % ${tile}u]${ofSum};
      ${store}
    }
  }
}
`;
}

/** Begins a block that loads an element of an operand, not rounded in `element`, into a tile. */
function loadCode(
  { value, along }: Operand,
  depth: string,
  tileOf: {
    readonly into: string;
    readonly index: 'row' | 'column';
    readonly first: string;
    readonly count: string;
    readonly type: Tiles['type'];
    readonly scale: number;
  },
): string {
  const { into, index, first, count, type, scale } = tileOf;
  const [inner, outer] = along === 'k' ? ['k', index] : [index, 'k'];
  const places: Record<string, string> = { [inner]: `i % ${tile}u`, [outer]: `i / ${tile}u` };
  const scaled = scale === 1 ? 'element' : `element * ${scale}.0`;
  return `      {
        let k = start + ${places.k};
        let ${index} = ${first} + ${places[index]};
        var element = 0.0;
        if (k < ${depth} && ${index} < ${count}) { element = ${value}; }
        ${into}[(${places.k}) * ${padded}u + ${places[index]}] = ${type === 'f32' ? scaled : `f16(${scaled})`};`;
}
