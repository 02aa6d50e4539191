import { matrixMultiplier, type MatrixUnits } from './matrixUnits.js';
import { groupSize, stepDepth, threadMultiplier, tile, type Multiplier } from './multipliers.js';
import type { GpuBackend } from './webGpuBackend.js';
import { entryPoint, runProgram, type NamedProgram } from './wgsl.js';

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

export interface ProductProgram extends Omit<NamedProgram, 'code' | 'groups' | 'groupSize' | 'enable'> {
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
  const multiplier = multiplierOf(backend);
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
    key: `${program.key} ${multiplier.key}`,
    enable: multiplier.enable,
    integers,
    code: () => `${code()}
${multiplier.declarations}${products()
      .map((product) => productCode(product, multiplier))
      .join('')}
${entryPoint(groupSize, multiplier.parameters)}
${multiplier.begin}
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

/** Made once: every program that starts asks for its multiplier. */
const byThreads = { fp32: threadMultiplier('f32'), f16: threadMultiplier('f16') };
const byMatrixUnits = new WeakMap<MatrixUnits, Multiplier>();

function multiplierOf({ precision, matrixUnits }: GpuBackend): Multiplier {
  if (precision !== 'f16') return byThreads.fp32;
  if (matrixUnits === undefined) return byThreads.f16;
  let multiplier = byMatrixUnits.get(matrixUnits);
  if (multiplier === undefined) byMatrixUnits.set(matrixUnits, (multiplier = matrixMultiplier(matrixUnits)));
  return multiplier;
}

function productCode(product: Product, multiplier: Multiplier): string {
  const { name, parameters = [], rows, columns, terms, store, storeRowSum } = product;
  const { type, stride, sums, sumStride, start, step, finish, sumOf } = multiplier;
  const scale = type === 'f16' ? (product.scale ?? 1) : 1;
  const ofSum = (sum: string): string => (scale === 1 ? sum : `(${sum}) * ${1 / scale}`);
  const loads = groupSize / tile; // threads that load elements of a row of a
  return `
fn ${name}(tile: u32, local: u32${parameters.map((parameter) => `, ${parameter}: u32`).join('')}) {
  let rows = ${rows};
  let columns = ${columns};
  let tilesAcross = (columns + ${tile - 1}u) / ${tile}u;
  let firstRow = tile / tilesAcross * ${tile}u;
  let firstColumn = tile % tilesAcross * ${tile}u;
${start}
${storeRowSum === undefined ? '' : '  var rowSum = 0.0;\n'}${terms
    .map(
      ({ depth, a: left, b: right }) => `  for (var start = 0u; start < ${depth}; start += ${stepDepth}u) {
    for (var i = local; i < ${tile * stepDepth}u; i += ${groupSize}u) {
${loadCode(left, depth, { into: 'aTile', stride, index: 'row', first: 'firstRow', count: 'rows', type, scale })}
${storeRowSum === undefined ? '' : '        rowSum += element;\n'}      }
${loadCode(right, depth, { into: 'bTile', stride, index: 'column', first: 'firstColumn', count: 'columns', type, scale: 1 })}
      }
    }
    workgroupBarrier();
${step}
    workgroupBarrier();
  }`,
    )
    .join('\n')}
${
  storeRowSum === undefined
    ? ''
    : `  ${sums}[local % ${tile}u * ${sumStride}u + local / ${tile}u] = rowSum;
  workgroupBarrier();
  if (firstColumn == 0u && local < ${tile}u && firstRow + local < rows) {
    let row = firstRow + local;
    var value = 0.0;
    for (var i = 0u; i < ${loads}u; i++) { value += ${sums}[local * ${sumStride}u + i]; }
    ${storeRowSum}
  }
  workgroupBarrier();
`
}${finish}
  workgroupBarrier();
  for (var i = local; i < ${tile * tile}u; i += ${groupSize}u) {
    let row = firstRow + i / ${tile}u;
    let column = firstColumn + i % ${tile}u;
    if (row < rows && column < columns) {
      let value = ${ofSum(sumOf(`i / ${tile}u * ${sumStride}u + i % ${tile}u`))};
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
    readonly stride: number;
    readonly index: 'row' | 'column';
    readonly first: string;
    readonly count: string;
    readonly type: Multiplier['type'];
    readonly scale: number;
  },
): string {
  const { into, stride, index, first, count, type, scale } = tileOf;
  const [inner, outer] = along === 'k' ? ['k', index] : [index, 'k'];
  const places: Record<string, string> = { [inner]: `i % ${tile}u`, [outer]: `i / ${tile}u` };
  const scaled = scale === 1 ? 'element' : `element * ${scale}.0`;
  return `      {
        let k = start + ${places.k};
        let ${index} = ${first} + ${places[index]};
        var element = 0.0;
        if (k < ${depth} && ${index} < ${count}) { element = ${value}; }
        ${into}[(${places.k}) * ${stride}u + ${places[index]}] = ${type === 'f32' ? scaled : `f16(${scaled})`};`;
}
