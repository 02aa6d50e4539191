import { groupSize, stepDepth, tile, type Multiplier } from './multipliers.js';
import type { AdapterInfo, MatrixShape } from './tfjsWebGpu.js';

/** The feature of WebGPU that reaches a device's matrix units. Dawn and Chromium offer it on request only. */
export const matrixFeature = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;

/** Matrix units that multiply f16 and sum float32: what one subgroup multiplies at once, and the sizes of subgroups. */
export interface MatrixUnits {
  /** Rows, columns and depth. */
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Threads of a subgroup at least and at most: some devices choose for each program. */
  readonly leastSubgroup: number;
  readonly mostSubgroup: number;
}

/**
 * The matrix units of an adapter that products can use, undefined without any. Of several shapes the first is taken:
 * drivers name what they prefer first.
 */
export function matrixUnitsOf(adapter: GPUAdapter): MatrixUnits | undefined {
  const needed = ['shader-f16', 'subgroups', matrixFeature] as readonly GPUFeatureName[];
  if (!needed.every((feature) => adapter.features.has(feature))) return undefined;
  const { info } = adapter as unknown as { info: AdapterInfo };
  const { subgroupMinSize: leastSubgroup, subgroupMaxSize: mostSubgroup, subgroupMatrixConfigs: shapes } = info;
  if (!leastSubgroup || !mostSubgroup || groupSize % mostSubgroup !== 0 || shapes === undefined) return undefined;
  // Vulkan wants rows in memory to begin at multiples of 16 bytes
  const fits = (size: number, whole: number): boolean => size % 8 === 0 && whole % size === 0;
  const isUsable = ({ componentType, resultComponentType, M, N, K }: MatrixShape): boolean =>
    componentType === 'f16' && resultComponentType === 'f32' && fits(M, tile) && fits(N, tile) && fits(K, stepDepth);
  const shape = [...shapes].find(isUsable);
  return shape && { rows: shape.M, columns: shape.N, depth: shape.K, leastSubgroup, mostSubgroup };
}

/**
 * Multiplies tiles by matrix units. A subgroup sums blocks of the outputs, each over one half of a step's depth; the
 * halves are then added in order. Within a unit the order is the device's own.
 */
export function matrixMultiplier(units: MatrixUnits): Multiplier {
  const { rows, columns, depth, leastSubgroup, mostSubgroup } = units;
  const stride = tile + 8; // neighbours along the depth begin in different banks of memory, at multiples of 16 bytes
  const sumStride = tile + 4;
  const halves = depth < stepDepth ? 2 : 1;
  const halfDepth = stepDepth / halves;
  const blocks = (tile / rows) * (tile / columns);
  const jobs = blocks * halves;
  const inSubgroup = Math.ceil(jobs / (groupSize / mostSubgroup)); // where subgroups are largest, so fewest
  const mayBeIdle = jobs < inSubgroup * (groupSize / leastSubgroup);
  const result = `subgroup_matrix_result<f32, ${columns}, ${rows}>`;
  const forJobs = (body: string): string => `    for (var i = 0u; i < ${inSubgroup}u; i++) {
      let job = subgroupIndex + i * subgroupCount;
      ${mayBeIdle ? `if (job < ${jobs}u) {` : '{'}
        let row = job % ${blocks}u / ${tile / columns}u * ${rows}u;
        let column = job % ${tile / columns}u * ${columns}u;
        let half = job / ${blocks}u;
${body}
      }
    }`;
  return {
    key: `f16 ${rows}x${columns}x${depth}`,
    enable:
      'enable f16;\nenable subgroups;\nenable chromium_experimental_subgroup_matrix;\ndiagnostic(off, chromium.subgroup_matrix_uniformity);\n',
    parameters: '@builtin(subgroup_id) ownIndex: u32, @builtin(num_subgroups) count: u32',
    begin: '  subgroupIndex = ownIndex;\n  subgroupCount = count;',
    declarations: `var<private> subgroupIndex: u32;
var<private> subgroupCount: u32;
var<workgroup> aTile: array<f16, ${stepDepth * stride}>;
var<workgroup> bTile: array<f16, ${stepDepth * stride}>;
var<workgroup> sumTile: array<f32, ${halves * tile * sumStride}>;
`,
    type: 'f16',
    stride,
    sums: 'sumTile',
    sumStride,
    start: `  var blockSums: array<${result}, ${inSubgroup}>;`,
    step: forJobs(`        for (var k = half * ${halfDepth}u; k < (half + 1u) * ${halfDepth}u; k += ${depth}u) {
          let a = subgroupMatrixLoad<subgroup_matrix_left<f16, ${depth}, ${rows}>, col_major>(&aTile, k * ${stride}u + row, ${stride}u);
          let b = subgroupMatrixLoad<subgroup_matrix_right<f16, ${columns}, ${depth}>, row_major>(&bTile, k * ${stride}u + column, ${stride}u);
          blockSums[i] = subgroupMatrixMultiplyAccumulate(a, b, blockSums[i]);
        }`),
    finish: forJobs(
      `        subgroupMatrixStore<row_major>(&sumTile, half * ${tile * sumStride}u + row * ${sumStride}u + column, blockSums[i], ${sumStride}u);`,
    ),
    sumOf: (place) =>
      halves === 1 ? `sumTile[${place}]` : `sumTile[${place}] + sumTile[${tile * sumStride}u + ${place}]`,
  };
}
