/** Outputs that a workgroup computes: a square of this many rows and columns. */
export const tile = 32;

/** Threads of a workgroup. */
export const groupSize = 256;

/**
 * Each step of the sum takes this many terms, and each quarter of the workgroup a quarter of them, so that few tiles
 * occupy more threads.
 */
export const stepDepth = 32;

const padded = tile + 1; // neighbours along the depth lie in different banks of memory

/** How the workgroup multiplies the tiles of a step and adds the products up, in WGSL. */
export interface Multiplier {
  /** Programs of multipliers with different keys differ. */
  readonly key: string;
  /** Directives at the program's head. */
  readonly enable: string;
  /** Further parameters of the entry point, and statements at its head. */
  readonly parameters: string;
  readonly begin: string;
  /** Of `aTile`, `bTile`, the array for sums, and what it needs itself. */
  readonly declarations: string;
  /** Type of the elements: f16 rounds them. */
  readonly type: 'f32' | 'f16';
  /** Elements of a tile between one k and the next: a's rows, and b's columns, are next to each other. */
  readonly stride: number;
  /** An array of float32 for the tile's sums, row by row; the elements may be gone when it is written. */
  readonly sums: 'aTile' | 'sumTile';
  readonly sumStride: number;
  /** Statements before the first step. */
  readonly start: string;
  /** Statements that add the products of a step. */
  readonly step: string;
  /** Statements that write the sums. A barrier of the workgroup comes before and after them. */
  readonly finish: string;
  /** The sum at a place of the array. */
  readonly sumOf: (place: string) => string;
}

const four = [0, 1, 2, 3] as const;

/** A thread sums 4 rows × 4 columns over its quarter of the depth; the quarters are then added in order. */
export function threadMultiplier(type: 'f32' | 'f16'): Multiplier {
  const sums = type === 'f32' ? 'aTile' : 'sumTile';
  const arrays = { aTile: type, bTile: type, ...(sums === 'sumTile' && { sumTile: 'f32' }) };
  const quarter = stepDepth / 4;
  const vector = (elements: readonly string[]): string =>
    type === 'f32' ? `vec4f(${elements.join(', ')})` : `vec4f(vec4h(${elements.join(', ')}))`;
  const sumsAt = (i: number): string[] => four.map((j) => `${sums}[(down + ${i}u) * ${padded}u + across + ${8 * j}u]`);
  return {
    key: type,
    enable: type === 'f16' ? 'enable f16;\n' : '',
    parameters: '',
    begin: '',
    declarations: Object.entries(arrays)
      .map(([name, of]) => `var<workgroup> ${name}: array<${of}, ${stepDepth * padded}>;\n`)
      .join(''),
    type,
    stride: padded,
    sums,
    sumStride: padded,
    start: `  let part = local / 64u;
  let across = local % 8u;
  let down = local / 8u % 8u * 4u;
${four.map((i) => `  var sum${i} = vec4f();`).join('\n')}`,
    step: `    for (var k = part * ${quarter}u; k < part * ${quarter}u + ${quarter}u; k++) {
      let b = ${vector(four.map((j) => `bTile[k * ${padded}u + across + ${8 * j}u]`))};
      let a = ${vector(four.map((i) => `aTile[k * ${padded}u + down + ${i}u]`))};
${four.map((i) => `      sum${i} += a[${i}] * b;`).join('\n')}
    }`,
    finish: `  for (var quarter = 1u; quarter < 4u; quarter++) {
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
  }`,
    sumOf: (place) => `${sums}[${place}]`,
  };
}
