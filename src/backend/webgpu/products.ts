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
  /** Statements that store `value`, the sum of row `row` of a; for one term. */
  readonly storeRowSum?: string;
}

/** One execution of a product in a program. */
export interface ProductCall {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Of its parameters. */
  readonly arguments?: readonly number[];
}

export interface ProductProgram extends Omit<NamedProgram, 'code' | 'groups' | 'groupSize'> {
  /** Further WGSL, by which the products may be written. */
  readonly code: () => string;
  readonly products: () => readonly Product[];
  readonly calls: readonly ProductCall[];
}

/**
 * Runs several products in one program: none may need what another one stores. The order of every sum depends on its
 * depth alone.
 */
export function runProducts(backend: GpuBackend, { code, products, calls, ...program }: ProductProgram): void {
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
    integers,
    code: () => `${code()}
var<workgroup> aTile: array<f32, ${stepDepth * padded}>;
var<workgroup> bTile: array<f32, ${stepDepth * padded}>;
${products().map(productCode).join('')}
${entryPoint(groupSize)}
${calls
  .map(({ name, arguments: values = [] }, i) => {
    const before = i === 0 ? '' : ` - given.end${i - 1}`;
    const list = values.map((_, which) => `, given.argument${i}_${which}`).join('');
    return `  ${i === 0 ? '' : 'else '}if (index < given.end${i}) { ${name}(index${before}, local${list}); }`;
  })
  .join('\n')}
}`,
    groups,
    groupSize,
  });
}

const four = [0, 1, 2, 3] as const;

/** A thread sums 4 rows × 4 columns over its quarter of the depth; the quarters are then added in order. */
function productCode({ name, parameters = [], rows, columns, terms, store, storeRowSum }: Product): string {
  const quarter = stepDepth / 4;
  const b = four.map((j) => `bTile[k * ${padded}u + across + ${8 * j}u]`).join(', ');
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
  var rowSums = vec4f();
${terms
  .map(
    ({ depth, a, b: other }) => `  for (var start = 0u; start < ${depth}; start += ${stepDepth}u) {
    for (var i = local; i < ${tile * stepDepth}u; i += ${groupSize}u) {
${loadCode('aTile', 'row', 'firstRow', 'rows', depth, a)}
${loadCode('bTile', 'column', 'firstColumn', 'columns', depth, other)}
    }
    workgroupBarrier();
    for (var k = part * ${quarter}u; k < part * ${quarter}u + ${quarter}u; k++) {
      let b = vec4f(${b});
      let a = vec4f(${four.map((i) => `aTile[k * ${padded}u + down + ${i}u]`).join(', ')});
${four.map((i) => `      sum${i} += a[${i}] * b;`).join('\n')}
${storeRowSum === undefined ? '' : '      rowSums += a;\n'}    }
    workgroupBarrier();
  }`,
  )
  .join('\n')}
  for (var quarter = 1u; quarter < 4u; quarter++) {
    if (part == quarter) {
${four.flatMap((i) => four.map((j) => `      aTile[(down + ${i}u) * ${padded}u + across + ${8 * j}u] = sum${i}[${j}];`)).join('\n')}
${storeRowSum === undefined ? '' : four.map((i) => `      bTile[(down + ${i}u) * ${padded}u + across] = rowSums[${i}];`).join('\n')}
    }
    workgroupBarrier();
    if (part == 0u) {
${four
  .map(
    (i) =>
      `      sum${i} += vec4f(${four.map((j) => `aTile[(down + ${i}u) * ${padded}u + across + ${8 * j}u]`).join(', ')});`,
  )
  .join('\n')}
${storeRowSum === undefined ? '' : `      rowSums += vec4f(${four.map((i) => `bTile[(down + ${i}u) * ${padded}u + across]`).join(', ')});`}
    }
    workgroupBarrier();
  }
  if (part == 0u) {
${four.flatMap((i) => four.map((j) => `    aTile[(down + ${i}u) * ${padded}u + across + ${8 * j}u] = sum${i}[${j}];`)).join('\n')}
${
  storeRowSum === undefined
    ? ''
    : four
        .map(
          (i) => `    if (firstColumn == 0u && across == 0u && firstRow + down + ${i}u < rows) {
      let row = firstRow + down + ${i}u;
      let value = rowSums[${i}];
      ${storeRowSum}
    }`,
        )
        .join('\n')
}
  }
  workgroupBarrier();
  for (var i = local; i < ${tile * tile}u; i += ${groupSize}u) {
    let row = firstRow + i / ${tile}u;
    let column = firstColumn + i % ${tile}u;
    if (row < rows && column < columns) {
      let value = aTile[i / ${tile}u * ${padded}u + i % ${tile}u];
      ${store}
    }
  }
}
`;
}

function loadCode(
  into: string,
  index: 'row' | 'column',
  first: string,
  count: string,
  depth: string,
  { value, along }: Operand,
): string {
  const [inner, outer] = along === 'k' ? ['k', index] : [index, 'k'];
  const places: Record<string, string> = { [inner]: `i % ${tile}u`, [outer]: `i / ${tile}u` };
  return `      {
        let k = start + ${places.k};
        let ${index} = ${first} + ${places[index]};
        var element = 0.0;
        if (k < ${depth} && ${index} < ${count}) { element = ${value}; }
        ${into}[(${places.k}) * ${padded}u + ${places[index]}] = element;
      }`;
}
