import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import { product } from '../../../test/referenceProducts.js';
import { hasMatrixUnits, withoutGpu } from '../../../test/testBackends.js';
import { selectBackend } from '../select.js';
import { loadedGpuBackend, mayUseMatrixUnits } from './loadWebGpu.js';
import { multipliesRightly } from './matrixCheck.js';
import { matrixMultiplier, matrixUnitsOf, type MatrixUnits } from './matrixUnits.js';
import { groupSize, stepDepth, tile } from './multipliers.js';
import { runProducts } from './products.js';
import type { MatrixShape } from './tfjsWebGpu.js';
import type { GpuBackend } from './webGpuBackend.js';

const shape = (M: number, N: number, K: number, componentType = 'f16', resultComponentType = 'f32'): MatrixShape => ({
  M,
  N,
  K,
  componentType,
  resultComponentType,
});

const features = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'];
const adapter = (shapes: MatrixShape[] | undefined, [least, most] = [32, 32], has = features): GPUAdapter =>
  ({
    features: new Set(has),
    info: { subgroupMinSize: least, subgroupMaxSize: most, subgroupMatrixConfigs: shapes },
  }) as unknown as GPUAdapter;

test('the first shape is taken that multiplies f16, sums float32 and divides a tile', () => {
  const others = [shape(8, 8, 8, 'f16', 'f16'), shape(16, 16, 32, 'u8', 'u32'), shape(8, 8, 4), shape(64, 16, 16)];
  assert.deepEqual(matrixUnitsOf(adapter([...others, shape(16, 8, 16), shape(8, 8, 8)])), {
    rows: 16,
    columns: 8,
    depth: 16,
    leastSubgroup: 32,
    mostSubgroup: 32,
  });
  assert.equal(matrixUnitsOf(adapter(others)), undefined);
  assert.equal(matrixUnitsOf(adapter([])), undefined);
});

test('an adapter without what they need has no matrix units', () => {
  const usable = [shape(8, 8, 8)];
  assert.ok(matrixUnitsOf(adapter(usable)));
  for (const missing of features) {
    const rest = features.filter((feature) => feature !== missing);
    assert.equal(matrixUnitsOf(adapter(usable, [32, 32], rest)), undefined, missing);
  }
  assert.equal(matrixUnitsOf(adapter(undefined)), undefined);
  assert.equal(matrixUnitsOf(adapter(usable, [4, 48])), undefined, 'a workgroup is no multiple of 48');
  assert.equal(matrixUnitsOf(adapter(usable, [undefined, undefined] as unknown as [number, number])), undefined);
});

test('COLDSTART_MATRIX_UNITS leaves them out', () => {
  assert.deepEqual([{}, { COLDSTART_MATRIX_UNITS: '' }, { COLDSTART_MATRIX_UNITS: 'off' }].map(mayUseMatrixUnits), [
    true,
    true,
    false,
  ]);
  assert.throws(() => mayUseMatrixUnits({ COLDSTART_MATRIX_UNITS: 'no' }), {
    code: 'USAGE',
    message:
      'COLDSTART_MATRIX_UNITS is "no"; expected off, or nothing, with which they are used where the GPU has them.',
  });
});

/** What vendors' devices offer, and what nobody offers yet. */
const shapes: readonly MatrixUnits[] = [
  { rows: 8, columns: 8, depth: 8, leastSubgroup: 4, mostSubgroup: 4 },
  { rows: 8, columns: 8, depth: 8, leastSubgroup: 32, mostSubgroup: 32 },
  { rows: 16, columns: 16, depth: 16, leastSubgroup: 32, mostSubgroup: 32 },
  { rows: 16, columns: 8, depth: 16, leastSubgroup: 32, mostSubgroup: 32 },
  { rows: 16, columns: 16, depth: 16, leastSubgroup: 32, mostSubgroup: 64 },
  { rows: 8, columns: 16, depth: 16, leastSubgroup: 8, mostSubgroup: 32 },
  { rows: 16, columns: 32, depth: 8, leastSubgroup: 16, mostSubgroup: 128 },
  { rows: 32, columns: 32, depth: 32, leastSubgroup: 64, mostSubgroup: 64 },
];
const named = ({ rows, columns, depth, leastSubgroup, mostSubgroup }: MatrixUnits): string =>
  `${rows} x ${columns} x ${depth}, subgroups of ${leastSubgroup} to ${mostSubgroup}`;

/**
 * A step and the end of a product, computed by JavaScript: the WGSL of matrix units as its text, with loads, products
 * and stores done element by element. Sums are in units of whole numbers, so that no order matters.
 */
function emulate(units: MatrixUnits, subgroupSize: number, a: Float64Array, b: Float64Array): number[] {
  const { rows, columns, depth } = units;
  const { step, finish, sumOf, stride, sumStride, declarations } = matrixMultiplier(units);
  const sizeOf = (name: string): number => Number(new RegExp(`${name}: array<\\w+, (\\d+)>`).exec(declarations)![1]);
  const tiles = { a: new Float64Array(sizeOf('aTile')), b: new Float64Array(sizeOf('bTile')) };
  for (let k = 0; k < stepDepth; k++)
    for (let i = 0; i < tile; i++) {
      tiles.a[k * stride + i] = a[i * stepDepth + k];
      tiles.b[k * stride + i] = b[k * tile + i];
    }
  const sums = new Float64Array(sizeOf('sumTile')).fill(NaN);
  const at = (array: Float64Array, index: number): number => {
    assert.ok(Number.isInteger(index) && index >= 0 && index < array.length, `${index} of ${array.length}`);
    return index;
  };
  /** A matrix as its elements by row and column. */
  type Loaded = (row: number, column: number) => number;
  const load =
    (array: Float64Array, isColumnMajor: boolean, offset: number, across: number): Loaded =>
    (row, column) =>
      array[at(array, offset + (isColumnMajor ? row + column * across : row * across + column))];
  const multiply = (left: Loaded, right: Loaded, before: Loaded | undefined): Loaded => {
    const result = product(rows, depth, columns, left, right);
    return (row, column) => result[row * columns + column] + (before?.(row, column) ?? 0);
  };
  const store = (offset: number, matrix: Loaded, across: number): void => {
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const place = at(sums, offset + row * across + column);
        assert.ok(Number.isNaN(sums[place]), `two subgroups store sum ${place}`);
        sums[place] = matrix(row, column);
      }
  };
  const script = (code: string): string =>
    code
      .replace(
        /subgroupMatrixLoad<subgroup_matrix_(left|right)<[^>]*>, (\w+)>\(&(.)Tile, /g,
        (_, kind, major, which) => {
          const [width, height] = kind === 'left' ? [depth, rows] : [columns, depth];
          assert.ok(code.includes(`subgroup_matrix_${kind}<f16, ${width}, ${height}>`), 'columns come first');
          return `load(tiles.${which}, ${major === 'col_major'}, `;
        },
      )
      .replaceAll('subgroupMatrixMultiplyAccumulate(', 'multiply(')
      .replaceAll('subgroupMatrixStore<row_major>(&sumTile, ', 'store(')
      .replace(/job % (\d+)u \/ (\d+)u/g, 'Math.floor(job % $1 / $2)')
      .replace(/job \/ (\d+)u/g, 'Math.floor(job / $1)')
      .replace(/(\d)u\b/g, '$1');
  const subgroupCount = groupSize / subgroupSize;
  const parameters = ['subgroupIndex', 'subgroupCount', 'blockSums', 'load', 'multiply', 'store', 'tiles'];
  const bodies = [step, finish].map((code) => compileFunction(script(code), parameters) as (...of: unknown[]) => void);
  for (let subgroup = 0; subgroup < subgroupCount; subgroup++) {
    const blockSums: Loaded[] = [];
    for (const body of bodies) body(subgroup, subgroupCount, blockSums, load, multiply, store, tiles);
  }
  const sumAt = compileFunction(`return ${sumOf('place').replace(/(\d)u\b/g, '$1')}`, ['sumTile', 'place']) as (
    sumTile: Float64Array,
    place: number,
  ) => number;
  return Array.from({ length: tile * tile }, (_, i) => sumAt(sums, Math.floor(i / tile) * sumStride + (i % tile)));
}

for (const units of shapes)
  test(`every output of a tile is summed once over all of its depth: ${named(units)}`, () => {
    const whole = (factor: number): Float64Array =>
      Float64Array.from({ length: tile * stepDepth }, (_, i) => ((i * factor) % 19) - 9);
    const [a, b] = [whole(7), whole(5)];
    const expected = product(
      tile,
      stepDepth,
      tile,
      (r, k) => a[r * stepDepth + k],
      (k, c) => b[k * tile + c],
    );
    for (let size = units.leastSubgroup; size <= units.mostSubgroup; size *= 2)
      assert.deepEqual(emulate(units, size, a, b), [...expected], `subgroups of ${size}`);
  });

/** The program of a product, as it is for a device with these units. */
function programOf(matrixUnits: MatrixUnits): string {
  let code = '';
  const backend = {
    precision: 'f16',
    matrixUnits,
    compute: (program: { code: () => string }) => (code = program.code()),
  } as unknown as GpuBackend;
  const out = { dataId: {}, shape: [9, 9], dtype: 'float32' as const };
  runProducts(backend, {
    key: 'p',
    code: () => '',
    outputs: { out },
    inputs: { a: out },
    products: () => [
      {
        name: 'p',
        rows: '9u',
        columns: '9u',
        terms: [{ depth: '9u', a: { value: 'a[row + k]', along: 'k' }, b: { value: 'a[column + k]', along: 'other' } }],
        store: 'out[row * 9u + column] = value;',
        storeRowSum: 'out[row] = value;',
        scale: 1024,
      },
    ],
    calls: [{ name: 'p', rows: 9, columns: 9 }],
  });
  return code;
}

function testsOnDevice(): void {
  let backend: GpuBackend;
  before(async () => {
    await selectBackend('webgpu');
    backend = await loadedGpuBackend();
  });

  test('products use them', () => assert.ok(backend.matrixUnits));

  for (const units of shapes)
    test(`WGSL accepts the program: ${named(units)}`, async () => {
      const module = backend.device.createShaderModule({ code: programOf(units) });
      const { messages } = await module.getCompilationInfo();
      assert.deepEqual(
        messages.map(({ message }) => message),
        [],
      );
    });

  test('units that the device lacks fail the check, and the backend computes on', async () => {
    const units = backend.matrixUnits!;
    const events = { during: <T>(call: () => T): T => call() };
    assert.equal(await multipliesRightly(backend, { ...units, rows: 32, columns: 8, depth: 8 }, events), false);
    assert.equal(await multipliesRightly(backend, units, events), true);
    assert.equal(backend.matrixUnits, units);
  });
}

/** lavapipe 26 with its libraries, and the loader of programs that runs Node with these. */
const folder = fileURLToPath(new URL('../../../../software-gpu/matrix-units', import.meta.url));
const loader = existsSync(folder) ? 'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2' : undefined;
const skip = withoutGpu || (loader === undefined && 'scripts/setup-software-gpu.sh put no lavapipe 26 here');

function testsInProcess(): void {
  for (const file of ['matrixUnits.test.js', 'f16Products.test.js'])
    test(`with lavapipe 26: ${file}`, { skip }, () => {
      const path = fileURLToPath(new URL(file, import.meta.url));
      const libraries = dirname(join(folder, loader!));
      const drivers = join(folder, 'usr/share/vulkan/icd.d');
      const driver = readdirSync(drivers).find((name) => name.startsWith('lvp_icd'))!;
      const { NODE_TEST_CONTEXT: _, LD_LIBRARY_PATH: __, ...env } = process.env;
      const { status, stdout, stderr } = spawnSync(
        join(folder, loader!),
        ['--library-path', libraries, process.execPath, '--test-reporter=tap', path],
        {
          encoding: 'utf8',
          env: {
            ...env,
            VK_DRIVER_FILES: join(drivers, driver),
            COLDSTART_SOFTWARE_GPU: '1',
            COLDSTART_SOFTWARE_MATRIX_UNITS: '1',
          },
        },
      );
      assert.equal(status, 0, `${stdout}\n${stderr}`);
      assert.match(stdout, /^# fail 0$/m);
      assert.match(stdout, /^# skipped 0$/m);
    });
}

if (hasMatrixUnits) describe('on a device with matrix units', testsOnDevice);
else testsInProcess();
